/* Prints the f32 FMA peak of one core in GFLOP/s: independent vector FMAs, best
 * of many short rounds. The widest vectors that the compiler has for this CPU
 * are used. */
#define _POSIX_C_SOURCE 199309L
#include <stdio.h>
#include <time.h>

#ifdef __AVX512F__
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
enum { CHAINS = 12, STEPS = 20000, ROUNDS = 100 };

typedef float vec __attribute__((vector_size(LANES * sizeof(float))));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void) {
  vec sums[CHAINS], a, b;
  volatile float seed = 0.999f;
  double best = 1e30;
  for (int l = 0; l < LANES; ++l)
    a[l] = seed, b[l] = 1e-6f * seed;
  for (int c = 0; c < CHAINS; ++c)
    sums[c] = a;
  for (int round = 0; round < ROUNDS; ++round) {
    const double start = now();
    for (int step = 0; step < STEPS; ++step) {
#pragma clang loop unroll(full)
      for (int c = 0; c < CHAINS; ++c)
        sums[c] = __builtin_elementwise_fma(sums[c], a, b);
    }
    const double seconds = now() - start;
    if (seconds < best)
      best = seconds;
  }
  float keep = 0;
  for (int c = 0; c < CHAINS; ++c)
    keep += sums[c][0];
  printf("%.1f\n", 2.0 * CHAINS * LANES * STEPS / best * 1e-9);
  return keep == 12345.0f;
}
