/* Outputs that the model calls sequences of maps. */
#include "maps.h"
#include <stdio.h>

static unsigned char memory[64 + 65536];

int main(void) {
  const lathe_model *model = maps_model();
  float x[6] = {1, -2, 3, -4, 5, -6}, z[2] = {0.25f, 0.75f};
  float by_name[6], y[6], by_number[2];
  int64_t x_shape[2] = {2, 3}, z_shape[2] = {1, 2}, by_number_shape[2];
  lathe_tensor in[2] = {{x, LATHE_FLOAT, 2, x_shape, sizeof x},
                        {z, LATHE_FLOAT, 2, z_shape, sizeof z}};
  lathe_tensor out[3] = {
      {by_name, LATHE_FLOAT, 2, x_shape, sizeof by_name},
      {y, LATHE_FLOAT, 2, x_shape, sizeof y},
      {by_number, LATHE_FLOAT, 2, by_number_shape, sizeof by_number}};
  lathe_call call = {sizeof call,
                     2,
                     3,
                     0,
                     in,
                     out,
                     memory + 64 - (uintptr_t)memory % 64,
                     65536,
                     NULL,
                     0,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL};
  int status = maps_call(&call);
  if (status) {
    puts(maps_error(status));
    return 1;
  }
  for (uint32_t i = 0; i < model->num_outputs; ++i) {
    const lathe_map_keys *keys = &model->output_keys[i];
    const float *values = (const float *)out[i].data;
    printf("%s: %d keys", model->outputs[i].name, (int)keys->count);
    for (int64_t row = 0; keys->count && row < out[i].shape[0]; ++row) {
      printf(",");
      for (uint64_t k = 0; k < keys->count; ++k)
        if (keys->strings)
          printf(" %s %g", keys->strings[k],
                 (double)values[row * (int64_t)keys->count + (int64_t)k]);
        else
          printf(" %d: %g", (int)keys->ints[k],
                 (double)values[row * (int64_t)keys->count + (int64_t)k]);
    }
    puts("");
  }
  return 0;
}
