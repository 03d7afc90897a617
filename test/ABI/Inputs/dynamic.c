/* Dynamic shapes: the workspace by the shapes of the inputs, shapes of outputs
 * written back, capacities that are too small, and memory from the caller's
 * allocator. */
#include "dynamic.h"
#include "bounded.h"

#include <stdio.h>
#include <string.h>

static unsigned char raw[1 << 16], pool[4096];
static void *aligned(unsigned char *p) {
  return p + (64 - (size_t)p % 64) % 64;
}
static uint64_t given;
static void *give(void *user, uint64_t bytes) {
  given = bytes;
  return aligned((unsigned char *)user);
}

static void run_dynamic(int64_t batch, uint64_t capacity) {
  float x[40], y[30], largest = -1;
  int64_t x_shape[2], y_shape[2] = {-7, -7};
  lathe_tensor in, out[2];
  lathe_call call;
  int status, i;
  x_shape[0] = batch;
  x_shape[1] = 4;
  for (i = 0; i < 40; ++i)
    x[i] = (float)i;
  memset(&in, 0, sizeof in);
  memset(out, 0, sizeof out);
  memset(&call, 0, sizeof call);
  in.data = x, in.type = LATHE_FLOAT, in.rank = 2, in.shape = x_shape,
  in.capacity = sizeof x;
  out[0].data = y, out[0].type = LATHE_FLOAT, out[0].rank = 2,
  out[0].shape = y_shape, out[0].capacity = capacity;
  out[1].data = &largest, out[1].type = LATHE_FLOAT,
  out[1].capacity = sizeof largest;
  call.struct_size = sizeof call, call.num_inputs = 1, call.num_outputs = 2;
  call.inputs = &in, call.outputs = out, call.workspace = aligned(raw);
  call.workspace_bytes = (uint64_t)dynamic_model()->workspace(&in, 1);
  status = dynamic_call(&call);
  printf("batch %d: status %d, y is [%d, %d]", (int)batch, status & 255,
         (int)y_shape[0], (int)y_shape[1]);
  if (status == 0)
    printf(", y[0] %g, last %g, largest %g", (double)y[0],
           batch ? (double)y[3 * batch - 1] : 0.0, (double)largest);
  printf("\n");
}

static void run_bounded(void *data, uint64_t capacity, int with_allocator) {
  const float x[8] = {0, 1, 0, 2, 0, 0, 3, 0};
  int64_t x_shape[2] = {2, 4}, where_shape[2] = {-7, -7};
  lathe_tensor in, out;
  lathe_call call;
  int status, i;
  memset(&in, 0, sizeof in);
  memset(&out, 0, sizeof out);
  memset(&call, 0, sizeof call);
  in.data = (void *)x, in.type = LATHE_FLOAT, in.rank = 2, in.shape = x_shape,
  in.capacity = sizeof x;
  out.data = data, out.type = LATHE_INT64, out.rank = 2,
  out.shape = where_shape, out.capacity = capacity;
  call.struct_size = sizeof call, call.num_inputs = 1, call.num_outputs = 1;
  call.inputs = &in, call.outputs = &out, call.workspace = aligned(raw),
  call.workspace_bytes = sizeof raw - 64;
  if (with_allocator)
    call.allocate = give, call.allocate_user = pool;
  status = bounded_call(&call);
  printf("found: status %d, [%d, %d]", status & 255, (int)where_shape[0],
         (int)where_shape[1]);
  if (status == 0)
    for (i = 0; i < 6; ++i)
      printf(" %d", (int)((const int64_t *)out.data)[i]);
  printf("\n");
}

int main(void) {
  int64_t room[16];
  printf("dimension %s, first size %d\n", dynamic_model()->inputs[0].dims[0],
         (int)(dynamic_model()->inputs[0].shape[0]));
  run_dynamic(1, 120);
  run_dynamic(5, 120);
  run_dynamic(10, 119);
  run_bounded(room, sizeof room, 0);
  run_bounded(room, 40, 0);
  run_bounded(NULL, 0, 0);
  run_bounded(NULL, 0, 1);
  printf("given %d bytes or more: %s\n", 48, given >= 48 ? "yes" : "no");
  return 0;
}
