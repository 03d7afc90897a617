/*===- lathe.h - The C types of compiled models ------------------*- C -*-===*\
|*                                                                            *|
|* Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.         *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
/*
 * Types only: nothing here needs a library. A model NAME compiled by lathe has
 * three functions, declared in its generated header:
 *
 *   int NAME_call(const lathe_call *call);       run it
 *   const lathe_model *NAME_model(void);         what it takes and gives
 *   const char *NAME_error(int status);          a text for a status
 *
 * They allocate nothing, print nothing, keep no state and may run on any number
 * of threads at once, each with a workspace of its own. Structures only ever grow
 * at their end: struct_size says how much of one its writer knew.
 */
#ifndef LATHE_H
#define LATHE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Element types, numbered as in ONNX. f16 and bf16 are held in uint16_t, float8
 * in uint8_t, 4- and 2-bit types packed with the low bits first, complex numbers
 * as two floats, bool in one byte. */
typedef enum lathe_type {
  LATHE_FLOAT = 1,
  LATHE_UINT8 = 2,
  LATHE_INT8 = 3,
  LATHE_UINT16 = 4,
  LATHE_INT16 = 5,
  LATHE_INT32 = 6,
  LATHE_INT64 = 7,
  LATHE_STRING = 8,
  LATHE_BOOL = 9,
  LATHE_FLOAT16 = 10,
  LATHE_DOUBLE = 11,
  LATHE_UINT32 = 12,
  LATHE_UINT64 = 13,
  LATHE_COMPLEX64 = 14,
  LATHE_COMPLEX128 = 15,
  LATHE_BFLOAT16 = 16,
  LATHE_FLOAT8E4M3FN = 17,
  LATHE_FLOAT8E4M3FNUZ = 18,
  LATHE_FLOAT8E5M2 = 19,
  LATHE_FLOAT8E5M2FNUZ = 20,
  LATHE_UINT4 = 21,
  LATHE_INT4 = 22,
  LATHE_FLOAT4E2M1 = 23,
  LATHE_FLOAT8E8M0 = 24,
  LATHE_UINT2 = 25,
  LATHE_INT2 = 26
} lathe_type;

/* A status is 0, or one of these in its low 8 bits with the number of an argument
 * (inputs first, then outputs) or of a node in the bits above. */
typedef enum lathe_reason {
  LATHE_OK = 0,
  /* Of the call. */
  LATHE_BAD_CALL = 1,      /* NULL, or a structure of the wrong size */
  LATHE_BAD_COUNT = 2,     /* the wrong number of inputs or outputs */
  LATHE_BAD_WORKSPACE = 3, /* NULL, not 64-byte aligned, or too small */
  LATHE_BAD_WEIGHTS = 4,   /* NULL or too small where the model needs them */
  LATHE_NO_MEMORY = 5,     /* the allocator gave none */
  LATHE_NO_DEVICE = 6,     /* no GPU, or no driver of one */
  LATHE_DEVICE_ERROR = 7,  /* of the GPU's driver; its number is in the bits above */
  /* Of an argument. */
  LATHE_NULL_DATA = 16,
  LATHE_MISALIGNED = 17,   /* not aligned to its element */
  LATHE_WRONG_TYPE = 18,
  LATHE_WRONG_SHAPE = 19,  /* rank or a fixed dimension differs, or two that must be equal do */
  LATHE_TOO_SMALL = 20,    /* capacity; the shape that is needed has been written */
  /* Of a node. */
  LATHE_OUT_OF_RANGE = 32, /* an index or axis outside of its tensor */
  LATHE_SHAPE_CONFLICT = 33, /* run-time shapes that the operator cannot take */
  LATHE_BAD_VALUE = 34,    /* a value that the operator is not defined for */
  LATHE_NODE_MEMORY = 35   /* memory of a size that only the run knows: no allocator, or it
                            * gave none */
} lathe_reason;

/* A dense row-major tensor. */
typedef struct lathe_tensor {
  void *data;
  int32_t type;      /* lathe_type */
  int32_t rank;
  int64_t *shape;    /* rank sizes; may be NULL where the model's shape is fixed. Of an
                      * output with dynamic dimensions they are written. */
  uint64_t capacity; /* bytes that data has room for */
} lathe_tensor;

/* Runs task(context, begin, end) over all of [0, count), cut as it likes. */
typedef void (*lathe_task)(void *context, int64_t begin, int64_t end);
typedef void (*lathe_parallel_for)(void *user, lathe_task task, void *context,
                                   int64_t count);
/* 64-byte aligned memory, or NULL: for an output whose data is NULL (the caller's to
 * free), and for values whose size nothing but the run knows (few models have any). Of
 * the latter all goes back to lathe_free, if there is one, before the call returns. */
typedef void *(*lathe_allocate)(void *user, uint64_t bytes);
typedef void (*lathe_free)(void *user, void *memory);
/* Called after each kernel when profiling: node number, start and end. */
typedef void (*lathe_profile)(void *user, int32_t node, uint64_t begin,
                              uint64_t end);

typedef struct lathe_call {
  uint32_t struct_size; /* sizeof(lathe_call), or less: what lies above is absent */
  uint32_t num_inputs;
  uint32_t num_outputs;
  uint32_t reserved; /* 0 */
  const lathe_tensor *inputs;
  lathe_tensor *outputs;
  void *workspace; /* 64-byte aligned */
  uint64_t workspace_bytes;
  /* From here all may be absent (0). */
  const void *weights; /* instead of those within the model; 64-byte aligned */
  uint64_t weights_bytes;
  lathe_allocate allocate;
  lathe_free free;
  void *allocate_user;
  lathe_parallel_for parallel_for;
  void *parallel_user;
  lathe_profile profile;
  void *profile_user;
  void *stream;
} lathe_call;

typedef struct lathe_tensor_info {
  const char *name;        /* as in the model */
  int32_t type;            /* lathe_type */
  int32_t rank;
  const int64_t *shape;    /* -1: dynamic */
  const char *const *dims; /* names of dynamic dimensions, "" where there is none */
} lathe_tensor_info;

/* An output that the model calls a sequence of maps is a matrix: row i is map i,
 * and column j holds the value of key j. Keys are integers or strings, never
 * both; a plain tensor has none. An input or output that the model calls strings is
 * int64: positions in its keys, which are all names that the model knows (-1: any other). */
typedef struct lathe_map_keys {
  uint64_t count;
  const int64_t *ints;
  const char *const *strings;
} lathe_map_keys;

typedef struct lathe_model {
  uint32_t struct_size;
  uint32_t num_inputs;
  uint32_t num_outputs;
  uint32_t reserved;
  const char *name;
  const lathe_tensor_info *inputs;
  const lathe_tensor_info *outputs;
  int64_t workspace_bytes; /* -1: depends on the shapes of the inputs */
  uint64_t weights_bytes;
  int (*call)(const lathe_call *call);
  const char *(*error)(int status);
  /* Bytes of workspace for inputs of these shapes (data is not read), or -1 if
   * the model does not take them. */
  int64_t (*workspace)(const lathe_tensor *inputs, uint32_t num_inputs);
  const char *version; /* of the compiler, and the options that were used */
  const char *options;
  const lathe_map_keys *output_keys; /* one for each output; NULL: all are plain tensors */
  const lathe_map_keys *input_keys;  /* likewise, of inputs that are names */
} lathe_model;

#ifdef __cplusplus
}
#endif

#endif /* LATHE_H */
