/* Two models in one program, called through the generated wrappers: valid in
 * strict C99 and in C++, nothing clashes, and both compute what they should. */
#include "digits.h"
#include "names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* C99 has no alignas: room to align by hand. */
static unsigned char
    block[DIGITS_WORKSPACE_BYTES + NAMES_WORKSPACE_BYTES + 128];

static void *aligned(void) { return block + (64 - (size_t)block % 64) % 64; }

int main(void) {
  float image[64], probabilities[10], sum = 0;
  const float a[6] = {1, 2, 3, 4, 5, 6}, b[3] = {10, 20, 30}, c[2] = {2, -1},
              d[6] = {1, 1, 1, 1, 1, 1};
  float second[6], difference[6];
  const lathe_model *model = digits_model();
  int i, status;

  for (i = 0; i < 64; ++i)
    image[i] = (float)(i % 17);
  status = digits_run(image, probabilities, aligned());
  if (status != 0) {
    printf("digits: %s\n", digits_error(status));
    return 1;
  }
  for (i = 0; i < 10; ++i)
    sum += probabilities[i];
  printf("digits sums to %.4f\n", (double)sum);

  status = names_run(a, b, c, d, second, difference, aligned());
  if (status != 0) {
    printf("names: %s\n", names_error(status));
    return 1;
  }
  printf("second %g %g %g %g %g %g\n", (double)second[0], (double)second[1],
         (double)second[2], (double)second[3], (double)second[4],
         (double)second[5]);
  printf("difference %g .. %g\n", (double)difference[0], (double)difference[5]);

  printf("%s: %u input, %u output, %s[%d] -> %s\n", model->name,
         (unsigned)model->num_inputs, (unsigned)model->num_outputs,
         model->inputs[0].name, (int)model->inputs[0].rank,
         model->outputs[0].name);
  printf("names takes %s, %s, %s\n", names_model()->inputs[0].name,
         names_model()->inputs[1].name, names_model()->inputs[2].name);
  return strcmp(names_model()->outputs[0].name, "2nd") != 0;
}
