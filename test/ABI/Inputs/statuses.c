/* Wrong calls give a status with a reason and change nothing. */
#include "digits.h"
#include "dynamic.h"
#include "index.h"

#include <stdio.h>
#include <string.h>

static float raw[64 * 1024];
static void *aligned(void) {
  return (unsigned char *)raw + (64 - (size_t)raw % 64) % 64;
}

static void say(const char *what, int status, const char *text) {
  printf("%s: reason %d, %s\n", what, status & 255, text);
}

int main(void) {
  float image[65] = {0}, result[11];
  int64_t in_shape[4] = {1, 1, 8, 8}, out_shape[2] = {1, 10};
  lathe_tensor in, out;
  lathe_call call;
  memset(&in, 0, sizeof in);
  memset(&out, 0, sizeof out);
  memset(&call, 0, sizeof call);
  in.data = image;
  in.type = LATHE_FLOAT;
  in.rank = 4;
  in.shape = in_shape;
  in.capacity = 64 * sizeof(float);
  out.data = result;
  out.type = LATHE_FLOAT;
  out.rank = 2;
  out.shape = out_shape;
  out.capacity = 10 * sizeof(float);
  call.struct_size = sizeof call;
  call.num_inputs = call.num_outputs = 1;
  call.inputs = &in;
  call.outputs = &out;
  call.workspace = aligned();
  call.workspace_bytes = DIGITS_WORKSPACE_BYTES;

#define TRY(what)                                                              \
  say(what, digits_call(&call), digits_error(digits_call(&call)))
  TRY("right");
  say("no call", digits_call(NULL), digits_error(digits_call(NULL)));
  call.struct_size = 4;
  TRY("struct size");
  call.struct_size = sizeof call;
  call.num_inputs = 2;
  TRY("too many inputs");
  call.num_inputs = 1;
  call.num_outputs = 0;
  TRY("no outputs");
  call.num_outputs = 1;
  call.workspace = (unsigned char *)aligned() + 4;
  TRY("workspace misaligned");
  call.workspace = aligned();
  call.workspace_bytes = DIGITS_WORKSPACE_BYTES - 1;
  TRY("workspace too small");
  call.workspace_bytes = DIGITS_WORKSPACE_BYTES;
  call.workspace = NULL;
  TRY("workspace NULL");
  call.workspace = aligned();
  in.data = NULL;
  TRY("input NULL");
  in.data = (unsigned char *)image + 1;
  TRY("input misaligned");
  in.data = image;
  in.type = LATHE_INT32;
  TRY("input type");
  in.type = LATHE_FLOAT;
  in.rank = 3;
  TRY("input rank");
  in.rank = 4;
  in_shape[3] = 9;
  TRY("input shape");
  in_shape[3] = 8;
  in.capacity = 63 * sizeof(float);
  TRY("input capacity");
  in.capacity = 64 * sizeof(float);
  out.capacity = 9 * sizeof(float);
  TRY("output capacity");
  out.capacity = 10 * sizeof(float);
  out.data = NULL;
  TRY("output NULL");
  out.data = result;
  TRY("right again");
  say("unknown status", 250, digits_error(250));

  {
    const float table[6] = {1, 2, 3, 4, 5, 6};
    int64_t which = 1;
    float row[2] = {0, 0};
    printf("row status %d", index_run(table, &which, row, aligned()));
    printf(": %g %g\n", (double)row[0], (double)row[1]);
    which = -3;
    printf("first row status %d", index_run(table, &which, row, aligned()));
    printf(": %g %g\n", (double)row[0], (double)row[1]);
    which = 3;
    say("row 3 of 3", index_run(table, &which, row, aligned()),
        index_error(index_run(table, &which, row, aligned())));
    which = -4;
    say("row -4 of 3", index_run(table, &which, row, aligned()),
        index_error(index_run(table, &which, row, aligned())));
  }
  return 0;
}
