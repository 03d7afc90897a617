/*===- lathe_gpu.h - How models for a GPU reach its driver --------*- C -*-===*\
|*                                                                            *|
|* Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.         *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
/*
 * An object compiled with --target=nvptx64-nvidia-cuda calls these functions; a
 * program links lathe_gpu.c (or the library made of it) beside the object and
 * calls nothing of this but, if it likes, lathe_gpu_shutdown. No CUDA toolkit is
 * needed to build it: the driver, libcuda.so.1, is opened when the first model
 * runs. LATHE_CUDA_DRIVER in the environment names another file.
 *
 * What a call may pass (see lathe.h):
 *   inputs, outputs   host memory, or memory of the current device;
 *   workspace         device memory of the model's size, or anything else (NULL
 *                     too): then the launcher has a block of its own for each
 *                     model and context;
 *   weights           absent: those of the model, uploaded once for each context;
 *                     device memory: used where it lies; host memory: uploaded by
 *                     each call;
 *   stream            a CUstream, or NULL: one of the launcher's. With a stream of
 *                     the caller's and all outputs on the device the call returns
 *                     when everything is queued; otherwise when it is done.
 * The context is the calling thread's current one, or else the primary context of
 * device 0. Calls of one model in one context share its memory and are queued one
 * behind the other, whichever threads and streams they come from.
 */
#ifndef LATHE_GPU_H
#define LATHE_GPU_H

#include "lathe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The kernels of a model, a constant within its object. */
typedef struct lathe_gpu_image {
  uint32_t struct_size;
  uint32_t num_kernels;
  const char *ptx;
  const char *const *kernels; /* their names, by number */
  uint64_t staging_bytes;     /* of inputs and outputs whose shapes are fixed */
} lathe_gpu_image;

/* One call in progress; begins with what the model reads. */
typedef struct lathe_gpu_run {
  void *workspace; /* on the device */
  void *weights;   /* on the device */
  uint64_t opaque[14];
} lathe_gpu_run;

/* Each model's call is one begin, then inputs and outputs, launches, and one end.
 * Nothing fails but begin and end: after an error the functions between do
 * nothing. A status is as in lathe.h: LATHE_NO_DEVICE, or LATHE_DEVICE_ERROR with
 * the driver's CUresult in the bits above. If begin fails there is no end. */
int lathe_gpu_begin(lathe_gpu_run *run, const lathe_gpu_image *image,
                    const lathe_call *call, uint64_t workspace_bytes,
                    const void *weights, uint64_t weights_bytes);
/* Where on the device an input lies; where an output is to be written. */
void *lathe_gpu_input(lathe_gpu_run *run, const void *data, uint64_t bytes);
void *lathe_gpu_output(lathe_gpu_run *run, void *data, uint64_t bytes);
/* Device memory until the call ends; NULL if there is none. */
void *lathe_gpu_allocate(lathe_gpu_run *run, uint64_t bytes);
/* Notes a kernel, which is queued with those that follow; each argument takes 8
 * bytes, a shorter one the first of them. */
void lathe_gpu_launch(lathe_gpu_run *run, uint32_t kernel, uint32_t threads,
                      uint64_t blocks, const uint64_t *arguments,
                      uint32_t count);
/* Waits for all that is queued and copies to the host. */
void lathe_gpu_fetch(lathe_gpu_run *run, void *to, const void *from,
                     uint64_t bytes);
/* Queues the write of 1, 2, 4 or 8 bytes. */
void lathe_gpu_put(lathe_gpu_run *run, void *to, uint64_t value,
                   uint32_t bytes);
/* 0 until something failed. */
int lathe_gpu_status(const lathe_gpu_run *run);
/* Copies outputs to the host, waits where that is due; \p status is the model's. */
int lathe_gpu_end(lathe_gpu_run *run, int status);

/* Gives back everything: memory, modules, streams. No call may be in progress;
 * the next one starts anew. */
void lathe_gpu_shutdown(void);

#ifdef __cplusplus
}
#endif

#endif /* LATHE_GPU_H */
