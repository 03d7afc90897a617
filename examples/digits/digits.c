/* Reads handwritten digits with the compiled model: draws some of the held-back
 * images in the terminal with what the network sees in them, then counts how
 * many of all it reads right and how long one takes.
 *
 * All that the model needs is digits.h and digits.o, both written by lathe: no
 * library, no allocation, a block of memory of known size as its workspace. */
#define _POSIX_C_SOURCE 199309L
#include <stdalign.h>
#include <stdio.h>
#include <time.h>

#include "digits.h"
#include "digits_test.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 10 };
enum { SHOWN_PER_ROW = 4, SHOWN_ROWS = 3, REPEAT = 20 };

static alignas(64) unsigned char workspace[DIGITS_WORKSPACE_BYTES];

typedef struct {
  int digit;
  float probability;
} reading;

static void unpack(const char *text, float image[PIXELS]) {
  for (int i = 0; i < PIXELS; ++i)
    image[i] = (float)(text[i] - 'a');
}

/* Returns 0, or the status of the model. */
static int read_digit(const float image[PIXELS], reading *result) {
  float probabilities[CLASSES];
  int status = digits_run(image, probabilities, workspace);
  if (status != 0)
    return status;
  result->digit = 0;
  for (int i = 1; i < CLASSES; ++i)
    if (probabilities[i] > probabilities[result->digit])
      result->digit = i;
  result->probability = probabilities[result->digit];
  return 0;
}

static int shade_of(char pixel) {
  return (pixel - 'a' + 2) / 4; /* 0..16 -> 0..4 */
}

/* Draws a row of images side by side, two characters a pixel, and what was read
 * below. */
static void draw(const int *which, const reading *readings, int count) {
  static const char *const shades[] = {"  ", "░░", "▒▒", "▓▓", "██"};
  for (int y = 0; y < SIDE; ++y) {
    for (int i = 0; i < count; ++i) {
      fputs("  ", stdout);
      for (int x = 0; x < SIDE; ++x)
        fputs(shades[shade_of(digits_test[which[i]].pixels[y * SIDE + x])],
              stdout);
    }
    putchar('\n');
  }
  for (int i = 0; i < count; ++i) {
    const int truth = digits_test[which[i]].digit;
    char note[32];
    if (readings[i].digit == truth)
      snprintf(note, sizeof note, "reads %d (%.1f %%)", readings[i].digit,
               100.0 * readings[i].probability);
    else
      snprintf(note, sizeof note, "%d, is %d (%.0f %%)", readings[i].digit,
               truth, 100.0 * readings[i].probability);
    printf("  %-16s", note);
  }
  puts("\n");
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int complain(int status) {
  fprintf(stderr, "digits: %s\n", digits_error(status));
  return 1;
}

int main(void) {
  float image[PIXELS];
  reading result;
  int status, right = 0;
  int shown[SHOWN_PER_ROW];
  reading shown_readings[SHOWN_PER_ROW];

  /* Digits in turn; those that it gets wrong follow below. */
  int picked = 0, rows = 0, next = 0;
  for (int i = 0; i < DIGITS_TEST_COUNT && rows < SHOWN_ROWS; ++i) {
    if (digits_test[i].digit != next % CLASSES)
      continue;
    unpack(digits_test[i].pixels, image);
    if ((status = read_digit(image, &result)) != 0)
      return complain(status);
    shown[picked] = i;
    shown_readings[picked++] = result;
    ++next;
    if (picked == SHOWN_PER_ROW) {
      draw(shown, shown_readings, picked);
      picked = 0;
      ++rows;
    }
  }

  picked = 0;
  for (int i = 0; i < DIGITS_TEST_COUNT; ++i) {
    unpack(digits_test[i].pixels, image);
    if ((status = read_digit(image, &result)) != 0)
      return complain(status);
    if (result.digit == digits_test[i].digit) {
      ++right;
    } else if (picked < SHOWN_PER_ROW) {
      shown[picked] = i;
      shown_readings[picked++] = result;
    }
  }
  if (picked) {
    puts("  What it gets wrong:");
    draw(shown, shown_readings, picked);
  }

  /* The best of several rounds: anything else on the machine only ever adds
   * time. */
  double best = 1e30;
  unpack(digits_test[0].pixels, image);
  for (int round = 0; round < REPEAT; ++round) {
    const double start = now();
    for (int i = 0; i < DIGITS_TEST_COUNT; ++i)
      if ((status = read_digit(image, &result)) != 0)
        return complain(status);
    const double each = (now() - start) / DIGITS_TEST_COUNT;
    if (each < best)
      best = each;
  }
  printf("%d of %d held-back images right (%.1f %%), %.1f microseconds each, "
         "%d bytes of workspace\n",
         right, DIGITS_TEST_COUNT, 100.0 * right / DIGITS_TEST_COUNT,
         1e6 * best, (int)DIGITS_WORKSPACE_BYTES);
  /* What the training reached; less means that the model was compiled wrongly.
   */
  return right * 100 >= DIGITS_TEST_COUNT * 98 ? 0 : 1;
}
