/* Runs one model, linked in as m_call, on what lies in a folder, compares and
 * times it.
 *
 *     run FOLDER [SECONDS]
 *
 * FOLDER holds input_N.raw and output_N.raw: type and rank as int32, sizes as
 * int64, the elements. Floats must agree within 1e-3 of each and 1e-5 of the
 * largest, all else exactly. The first call loads and uploads; later ones are
 * timed from host memory to host memory.
 */
#define _POSIX_C_SOURCE 199309L
#include "lathe_gpu.h"
#include "m.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 64, MOST_RUNS = 100000 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

/* 0: there is no such file. */
static int read_tensor(const char *folder, const char *kind, int n,
                       lathe_tensor *t) {
  char path[1024];
  int32_t head[2];
  long at, end;
  FILE *file;
  snprintf(path, sizeof path, "%s/%s_%d.raw", folder, kind, n);
  if (!(file = fopen(path, "rb")))
    return 0;
  if (fread(head, sizeof head, 1, file) != 1)
    exit(2);
  t->type = head[0];
  t->rank = head[1];
  t->shape = calloc(t->rank + 1, sizeof *t->shape);
  if (fread(t->shape, sizeof *t->shape, t->rank, file) != (size_t)t->rank)
    exit(2);
  at = ftell(file);
  fseek(file, 0, SEEK_END);
  end = ftell(file);
  fseek(file, at, SEEK_SET);
  t->capacity = end - at;
  t->data = malloc(t->capacity + 1);
  if (fread(t->data, 1, t->capacity, file) != t->capacity)
    exit(2);
  fclose(file);
  return 1;
}

static int is_float(const lathe_tensor *t) {
  return t->type == LATHE_FLOAT || t->type == LATHE_DOUBLE ||
         t->type == LATHE_FLOAT16;
}

static double half(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                : exponent == 0 ? ldexp(fraction, -24)
                                : ldexp(1024 + fraction, exponent - 25);
  return bits >> 15 ? -size : size;
}

static double element(const lathe_tensor *t, uint64_t i) {
  switch (t->type) {
  case LATHE_FLOAT:
    return ((const float *)t->data)[i];
  case LATHE_FLOAT16:
    return half(((const uint16_t *)t->data)[i]);
  default:
    return ((const double *)t->data)[i];
  }
}

/* Whether they agree; *worst: the largest error, in parts of the largest
 * element. */
static int agree(const lathe_tensor *got, const lathe_tensor *want,
                 double *worst) {
  uint64_t i, count = 1;
  double most = 0;
  int good = 1;
  int32_t d;
  for (d = 0; d < want->rank; ++d)
    count *= want->shape[d];
  *worst = 0;
  if (memcmp(got->shape, want->shape, want->rank * sizeof *want->shape))
    return 0;
  if (!is_float(want))
    return !memcmp(got->data, want->data, want->capacity);
  for (i = 0; i < count; ++i)
    if (fabs(element(want, i)) > most)
      most = fabs(element(want, i));
  for (i = 0; i < count; ++i) {
    double w = element(want, i), error = fabs(element(got, i) - w);
    if (element(got, i) == w || (isnan(w) && isnan(element(got, i))))
      continue;
    if (!(error <= 1e-3 * fabs(w) + 1e-5 * most))
      good = 0;
    if (!(error <= *worst * most))
      *worst = error / (most ? most : 1);
  }
  return good;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  static lathe_tensor in[MOST], out[MOST], want[MOST];
  static double times[MOST_RUNS];
  double seconds = argc > 2 ? atof(argv[2]) : 1, start, first, worst = 0;
  lathe_call call;
  int status, n, runs = 0, good = 1;
  memset(&call, 0, sizeof call);
  if (argc < 2)
    return 2;
  while (call.num_inputs < MOST &&
         read_tensor(argv[1], "input", call.num_inputs, &in[call.num_inputs]))
    ++call.num_inputs;
  while (call.num_outputs < MOST &&
         read_tensor(argv[1], "output", call.num_outputs,
                     &want[call.num_outputs])) {
    lathe_tensor *o = &out[call.num_outputs++];
    *o = want[call.num_outputs - 1];
    o->data = calloc(1, o->capacity + 1);
    o->shape = malloc((o->rank + 1) * sizeof *o->shape);
    memcpy(o->shape, want[call.num_outputs - 1].shape,
           o->rank * sizeof *o->shape);
  }
  call.struct_size = sizeof call;
  call.inputs = in;
  call.outputs = out;
  start = now();
  status = m_call(&call);
  first = now() - start;
  if (status) {
    printf("%s: status %d: %s\n", argv[1], status, m_error(status));
    return 1;
  }
  for (start = now();
       !status && runs < MOST_RUNS && now() - start < seconds * 1e3; ++runs) {
    double from = now();
    status = m_call(&call);
    times[runs] = now() - from;
  }
  for (n = 0; n < (int)call.num_outputs; ++n) {
    double error;
    good &= agree(&out[n], &want[n], &error);
    if (!(error <= worst)) /* no number, once it is one */
      worst = error;
  }
  qsort(times, runs, sizeof *times, ascending);
  printf(
      "%s: %s, largest error %.2e of the largest element, first call %.1f ms, "
      "then %.3f ms at least, %.3f ms in the middle of %d\n",
      argv[1], !status && good ? "right" : "WRONG", worst, first, times[0],
      times[runs / 2], runs);
  lathe_gpu_shutdown();
  return status || !good;
}
