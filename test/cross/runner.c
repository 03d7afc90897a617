/* Calls the model `model` on the tensors of a file and writes what it gives to
 * another:
 *
 *   runner INPUTS OUTPUTS
 *
 * A file holds one tensor after the other: type and rank (int32), sizes
 * (int64), the number of bytes (uint64), the bytes. For machines that have no
 * lathe-run: this is cross-compiled, linked with the model and run by an
 * emulator. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lathe.h"
#include "model.h"

enum { MAX_TENSORS = 512, MAX_RANK = 8 };

static void fail(const char *what) {
  fprintf(stderr, "runner: %s\n", what);
  exit(2);
}

static void *allocate(void *user, uint64_t bytes) {
  void *memory = NULL;
  (void)user;
  return posix_memalign(&memory, 64, (size_t)(bytes ? bytes : 1)) ? NULL
                                                                  : memory;
}

static void get(FILE *file, void *to, size_t bytes) {
  if (bytes && fread(to, 1, bytes, file) != bytes)
    fail("the file of inputs is too short");
}

static void put(FILE *file, const void *from, size_t bytes) {
  if (bytes && fwrite(from, 1, bytes, file) != bytes)
    fail("cannot write the outputs");
}

/* Bytes of a tensor of this type and shape. */
static uint64_t bytes_of(const lathe_tensor *t) {
  static const unsigned char bits[] = {0, 32, 8,  8,  16, 16, 32,  64, 0,
                                       8, 16, 64, 32, 64, 64, 128, 16, 8,
                                       8, 8,  8,  4,  4,  4,  8,   2,  2};
  uint64_t count = 1;
  for (int32_t d = 0; d < t->rank; ++d)
    count *= (uint64_t)t->shape[d];
  return (count * bits[t->type] + 7) / 8;
}

int main(int argc, char **argv) {
  static lathe_tensor inputs[MAX_TENSORS], outputs[MAX_TENSORS];
  static int64_t shapes[2 * MAX_TENSORS][MAX_RANK];
  const lathe_model *model = model_model();
  lathe_call call;
  int64_t workspace;
  int status;
  FILE *file;
  if (argc != 3 || !(file = fopen(argv[1], "rb")))
    fail("usage: runner INPUTS OUTPUTS");
  if (model->struct_size != sizeof(lathe_model) ||
      model->num_inputs > MAX_TENSORS || model->num_outputs > MAX_TENSORS)
    fail("the model's description does not fit this program");
  for (uint32_t i = 0; i < model->num_inputs; ++i) {
    lathe_tensor *t = &inputs[i];
    get(file, &t->type, sizeof t->type);
    get(file, &t->rank, sizeof t->rank);
    if (t->rank < 0 || t->rank > MAX_RANK)
      fail("a rank is too large");
    t->shape = shapes[i];
    get(file, t->shape, (size_t)t->rank * sizeof *t->shape);
    get(file, &t->capacity, sizeof t->capacity);
    t->data = allocate(NULL, t->capacity);
    get(file, t->data, (size_t)t->capacity);
  }
  fclose(file);
  memset(&call, 0, sizeof call);
  call.struct_size = sizeof call;
  call.num_inputs = model->num_inputs;
  call.num_outputs = model->num_outputs;
  call.inputs = inputs;
  call.outputs = outputs;
  call.allocate = allocate;
  workspace = model->workspace(inputs, model->num_inputs);
  if (workspace < 0)
    fail("the model does not take these shapes");
  call.workspace_bytes = (uint64_t)workspace;
  call.workspace = allocate(NULL, call.workspace_bytes);
  for (uint32_t i = 0; i < model->num_outputs; ++i) {
    const lathe_tensor_info *info = &model->outputs[i];
    lathe_tensor *t = &outputs[i];
    int fixed = 1;
    t->type = info->type;
    t->rank = info->rank;
    t->shape = shapes[MAX_TENSORS + i];
    for (int32_t d = 0; d < info->rank; ++d) {
      t->shape[d] = info->shape[d];
      fixed &= info->shape[d] >= 0;
    }
    if (fixed) {
      t->capacity = bytes_of(t);
      t->data = allocate(NULL, t->capacity);
    }
  }
  status = model->call(&call);
  if (status != 0)
    fail(model->error(status));
  if (!(file = fopen(argv[2], "wb")))
    fail("cannot write the outputs");
  for (uint32_t i = 0; i < model->num_outputs; ++i) {
    uint64_t bytes = bytes_of(&outputs[i]);
    put(file, &outputs[i].type, sizeof outputs[i].type);
    put(file, &outputs[i].rank, sizeof outputs[i].rank);
    put(file, outputs[i].shape, (size_t)outputs[i].rank * sizeof(int64_t));
    put(file, &bytes, sizeof bytes);
    put(file, outputs[i].data, (size_t)bytes);
  }
  return fclose(file) != 0;
}
