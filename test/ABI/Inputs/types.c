/* Element types at the interface: half as uint16_t, bool as a byte, 8 and 64
 * bits. */
#include "types.h"

#include <stdio.h>

static unsigned char raw[TYPES_WORKSPACE_BYTES + 64];

int main(void) {
  /* 1, -2, 0.5, 65504 (the largest half) */
  const uint16_t half[4] = {0x3C00, 0xC000, 0x3800, 0x7BFF};
  const double offset[4] = {0.25, 0.25, 1e-9, 0};
  const uint8_t flags[3] = {1, 0, 1};
  const int8_t small[5] = {-128, -1, 0, 1, 127};
  double sum[4];
  uint8_t inverse[3];
  int64_t lengthened[5];
  uint16_t half_sum[4];
  int status =
      types_run(half, offset, (const void *)flags, small, sum, (void *)inverse,
                lengthened, half_sum, raw + (64 - (size_t)raw % 64) % 64);
  printf("status %d: %.10g %.10g %.10g %.10g\n", status, sum[0], sum[1], sum[2],
         sum[3]);
  printf("%d %d %d\n", inverse[0], inverse[1], inverse[2]);
  printf("%d %d %d %d %d\n", (int)lengthened[0], (int)lengthened[1],
         (int)lengthened[2], (int)lengthened[3], (int)lengthened[4]);
  printf("%04x %04x %04x %04x\n", half_sum[0], half_sum[1], half_sum[2],
         half_sum[3]);
  return 0;
}
