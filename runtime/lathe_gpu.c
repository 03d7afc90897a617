/*===- lathe_gpu.c - How models for a GPU reach its driver --------*- C -*-===*\
|*                                                                            *|
|* Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.         *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
/*
 * The driver's functions are found by name; its types stand here as far as they
 * are used. For each pair of model and context there is a state: module,
 * stream, one block of device memory (the model's workspace, then staged inputs
 * and outputs), the weights. Its lock is held from begin to end; an event tells
 * a call on another stream when the memory is free again.
 *
 * Launches are noted as they come and queued where somebody waits for them:
 * before a fetch or put, and at the end of the call. A run of launches that
 * came the same before, arguments and all, is queued as one graph, which costs
 * the host one call and the device no gap between small kernels.
 */
#include "lathe_gpu.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef int CUresult;
typedef int CUdevice;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphNode_st *CUgraphNode;
typedef struct CUgraphExec_st *CUgraphExec;
typedef struct {
  CUfunction function;
  unsigned grid[3], block[3], shared_bytes;
  void **arguments, **extra;
} CUkernelNode; /* CUDA_KERNEL_NODE_PARAMS, its first version */

enum {
  OUT_OF_HOST_MEMORY = 2, /* CUDA_ERROR_OUT_OF_MEMORY */
  MEMORY_TYPE = 2,        /* CU_POINTER_ATTRIBUTE_MEMORY_TYPE */
  ON_DEVICE = 2,          /* CU_MEMORYTYPE_DEVICE */
  NON_BLOCKING = 1,       /* CU_STREAM_NON_BLOCKING */
  NO_TIMING = 2,          /* CU_EVENT_DISABLE_TIMING */
  ALIGNMENT = 256,        /* of every piece of device memory */
  MOST_ARGUMENTS = 512,   /* 4 KB, the most that a kernel takes */
  LEAST_LAUNCHES = 4,     /* of which a graph is made */
  MOST_GRAPHS = 16        /* of a model in a context; the oldest goes */
};

/* result, name in the library, arguments */
#define DRIVER_FUNCTIONS(F)                                                    \
  F(Init, "cuInit", (unsigned))                                                \
  F(DeviceGet, "cuDeviceGet", (CUdevice *, int))                               \
  F(Retain, "cuDevicePrimaryCtxRetain", (CUcontext *, CUdevice))               \
  F(Release, "cuDevicePrimaryCtxRelease_v2", (CUdevice))                       \
  F(GetCurrent, "cuCtxGetCurrent", (CUcontext *))                              \
  F(SetCurrent, "cuCtxSetCurrent", (CUcontext))                                \
  F(LoadModule, "cuModuleLoadDataEx",                                          \
    (CUmodule *, const void *, unsigned, int *, void **))                      \
  F(UnloadModule, "cuModuleUnload", (CUmodule))                                \
  F(GetFunction, "cuModuleGetFunction",                                        \
    (CUfunction *, CUmodule, const char *))                                    \
  F(Launch, "cuLaunchKernel",                                                  \
    (CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,   \
     unsigned, CUstream, void **, void **))                                    \
  F(StreamCreate, "cuStreamCreate", (CUstream *, unsigned))                    \
  F(StreamDestroy, "cuStreamDestroy_v2", (CUstream))                           \
  F(StreamSynchronize, "cuStreamSynchronize", (CUstream))                      \
  F(StreamWait, "cuStreamWaitEvent", (CUstream, CUevent, unsigned))            \
  F(EventCreate, "cuEventCreate", (CUevent *, unsigned))                       \
  F(EventDestroy, "cuEventDestroy_v2", (CUevent))                              \
  F(EventRecord, "cuEventRecord", (CUevent, CUstream))                         \
  F(EventSynchronize, "cuEventSynchronize", (CUevent))                         \
  F(Allocate, "cuMemAlloc_v2", (CUdeviceptr *, size_t))                        \
  F(Free, "cuMemFree_v2", (CUdeviceptr))                                       \
  F(ToDevice, "cuMemcpyHtoDAsync_v2",                                          \
    (CUdeviceptr, const void *, size_t, CUstream))                             \
  F(ToHost, "cuMemcpyDtoHAsync_v2", (void *, CUdeviceptr, size_t, CUstream))   \
  F(Set8, "cuMemsetD8Async", (CUdeviceptr, unsigned char, size_t, CUstream))   \
  F(Set16, "cuMemsetD16Async",                                                 \
    (CUdeviceptr, unsigned short, size_t, CUstream))                           \
  F(Set32, "cuMemsetD32Async", (CUdeviceptr, unsigned, size_t, CUstream))      \
  F(PointerAttribute, "cuPointerGetAttribute", (void *, int, CUdeviceptr))

/* Old drivers do without. */
#define GRAPH_FUNCTIONS(F)                                                     \
  F(GraphCreate, "cuGraphCreate", (CUgraph *, unsigned))                       \
  F(GraphAddKernel, "cuGraphAddKernelNode",                                    \
    (CUgraphNode *, CUgraph, const CUgraphNode *, size_t,                      \
     const CUkernelNode *))                                                    \
  F(GraphInstantiate, "cuGraphInstantiateWithFlags",                           \
    (CUgraphExec *, CUgraph, unsigned long long))                              \
  F(GraphLaunch, "cuGraphLaunch", (CUgraphExec, CUstream))                     \
  F(GraphExecDestroy, "cuGraphExecDestroy", (CUgraphExec))                     \
  F(GraphDestroy, "cuGraphDestroy", (CUgraph))

#define DECLARE(NAME, SYMBOL, ARGUMENTS) CUresult(*NAME) ARGUMENTS;
static struct { DRIVER_FUNCTIONS(DECLARE) GRAPH_FUNCTIONS(DECLARE) } driver;

static pthread_mutex_t everything = PTHREAD_MUTEX_INITIALIZER;
static void *library;
static int device_ready, has_graphs;
static CUdevice primary_device;
static CUcontext primary;

/* A host output and where the device writes it. */
struct pending {
  void *host;
  CUdeviceptr device;
  uint64_t bytes;
};

/* Memory that did not fit into the block. */
struct chunk {
  CUdeviceptr memory;
  struct chunk *next;
};

/* Launches in order: for each a head of HEAD_WORDS, then the arguments. */
enum { KERNEL, THREADS, BLOCKS, COUNT, HEAD_WORDS };
struct launches {
  uint64_t *words;
  uint64_t used, room, count;
};

/* Launches that came once; exec is made when they come again. */
struct graph {
  struct launches launches;
  CUgraphExec exec;
  struct graph *next;
};

struct state {
  const lathe_gpu_image *image;
  CUcontext context;
  pthread_mutex_t lock;
  CUmodule module;
  CUfunction *functions; /* by number; found when first launched */
  CUstream stream;       /* the launcher's own */
  CUevent done;          /* of the last call */
  int used;              /* done has been recorded */
  CUdeviceptr block;
  uint64_t block_bytes, staging_bytes;
  struct chunk *chunks;
  CUdeviceptr weights; /* the model's own */
  CUdeviceptr given;   /* the caller's, of host memory */
  uint64_t given_bytes;
  struct pending *outputs;
  uint64_t num_outputs, most_outputs;
  struct launches noted; /* of this call, not queued yet */
  struct graph *graphs;  /* the last used first */
  int no_graphs;         /* one could not be made */
  struct state *next;
};
static struct state *states;

/* What lathe_gpu_run holds in opaque. */
struct run {
  void *workspace, *weights;
  struct state *state;
  CUstream stream;
  CUdeviceptr at, end; /* what is left of the block for staging */
  uint64_t staged;     /* bytes that this call stages in all */
  CUcontext before;    /* the thread's context */
  int status, wait;
};
typedef char run_fits[sizeof(struct run) <= sizeof(lathe_gpu_run) ? 1 : -1];

static struct run *of(lathe_gpu_run *run) { return (struct run *)(void *)run; }

static int status_of(CUresult result) {
  return result ? (int)(LATHE_DEVICE_ERROR | (unsigned)result << 8) : 0;
}

/* Keeps the first error; whether all is well. */
static int check(struct run *run, CUresult result) {
  if (!run->status)
    run->status = status_of(result);
  return !run->status;
}

static uint64_t round_up(uint64_t bytes) {
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Opens the driver; everything is locked. */
static int open_driver(void) {
  const char *name = getenv("LATHE_CUDA_DRIVER");
  if (device_ready)
    return 0;
  if (!library)
    library =
        dlopen(name && *name ? name : "libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return LATHE_NO_DEVICE;
#define FIND(NAME, SYMBOL, ARGUMENTS)                                          \
  {                                                                            \
    void *found = dlsym(library, SYMBOL);                                      \
    if (!found)                                                                \
      return LATHE_NO_DEVICE;                                                  \
    memcpy((void *)&driver.NAME, &found, sizeof found);                        \
  }
  DRIVER_FUNCTIONS(FIND)
#define FIND_IF_ANY(NAME, SYMBOL, ARGUMENTS)                                   \
  {                                                                            \
    void *found = dlsym(library, SYMBOL);                                      \
    has_graphs &= found != NULL;                                               \
    memcpy((void *)&driver.NAME, &found, sizeof found);                        \
  }
  has_graphs = 1;
  GRAPH_FUNCTIONS(FIND_IF_ANY)
  if (driver.Init(0))
    return LATHE_NO_DEVICE;
  device_ready = 1;
  return 0;
}

/* The context to work in, current when this returns. */
static int enter_context(CUcontext *before, CUcontext *context) {
  CUresult result = driver.GetCurrent(before);
  if (result)
    return status_of(result);
  *context = *before;
  if (*before)
    return 0;
  if (!primary) {
    if (driver.DeviceGet(&primary_device, 0))
      return LATHE_NO_DEVICE;
    if ((result = driver.Retain(&primary, primary_device)))
      return status_of(result);
  }
  *context = primary;
  return status_of(driver.SetCurrent(primary));
}

/* (The driver frees an executable graph that still runs when it has ended.) */
static void destroy_graph(struct graph *g) {
  if (g->exec)
    driver.GraphExecDestroy(g->exec);
  free(g->launches.words);
  free(g);
}

static void destroy_state(struct state *s) {
  struct chunk *c;
  struct graph *g;
  if (s->used)
    driver.EventSynchronize(s->done);
  while ((g = s->graphs)) {
    s->graphs = g->next;
    destroy_graph(g);
  }
  free(s->noted.words);
  while ((c = s->chunks)) {
    s->chunks = c->next;
    driver.Free(c->memory);
    free(c);
  }
  if (s->block)
    driver.Free(s->block);
  if (s->weights)
    driver.Free(s->weights);
  if (s->given)
    driver.Free(s->given);
  if (s->done)
    driver.EventDestroy(s->done);
  if (s->stream)
    driver.StreamDestroy(s->stream);
  if (s->module)
    driver.UnloadModule(s->module);
  pthread_mutex_destroy(&s->lock);
  free(s->functions);
  free(s->outputs);
  free(s);
}

static int make_state(const lathe_gpu_image *image, CUcontext context,
                      struct state **made) {
  CUresult result;
  struct state *s = calloc(1, sizeof *s);
  if (!s)
    return status_of(OUT_OF_HOST_MEMORY);
  s->image = image;
  s->context = context;
  s->staging_bytes = round_up(image->staging_bytes);
  pthread_mutex_init(&s->lock, NULL);
  s->functions = calloc(image->num_kernels + 1, sizeof *s->functions);
  result = s->functions ? 0 : OUT_OF_HOST_MEMORY;
  if (!result)
    result = driver.LoadModule(&s->module, image->ptx, 0, NULL, NULL);
  if (!result)
    result = driver.StreamCreate(&s->stream, NON_BLOCKING);
  if (!result)
    result = driver.EventCreate(&s->done, NO_TIMING);
  if (result) {
    destroy_state(s);
    return status_of(result);
  }
  s->next = states;
  states = s;
  *made = s;
  return 0;
}

static int is_on_device(const void *data) {
  unsigned type = 0;
  return data &&
         driver.PointerAttribute(&type, MEMORY_TYPE,
                                 (CUdeviceptr)(uintptr_t)data) == 0 &&
         type == ON_DEVICE;
}

/* Makes *memory at least that large; what was there is lost. The last call is
 * over before anything is freed. */
static CUresult grow(struct state *s, CUdeviceptr *memory, uint64_t *room,
                     uint64_t bytes) {
  CUresult result = 0;
  if (*room >= bytes)
    return 0;
  if (*memory) {
    if (s->used)
      result = driver.EventSynchronize(s->done);
    if (!result)
      result = driver.Free(*memory);
    *memory = 0;
    *room = 0;
  }
  if (!result)
    result = driver.Allocate(memory, bytes);
  if (!result)
    *room = bytes;
  return result;
}

static CUresult find_weights(struct run *run, const lathe_call *call,
                             const void *weights, uint64_t bytes) {
  struct state *s = run->state;
  CUresult result;
  if (!bytes)
    return 0;
  if (call->weights) {
    run->weights = (void *)(uintptr_t)weights;
    if (is_on_device(weights))
      return 0;
    result = grow(s, &s->given, &s->given_bytes, bytes);
    if (!result)
      result = driver.ToDevice(s->given, weights, bytes, run->stream);
    run->weights = (void *)(uintptr_t)s->given;
    return result;
  }
  if (!s->weights) {
    if ((result = driver.Allocate(&s->weights, bytes))) {
      s->weights = 0;
      return result;
    }
    if (!(result = driver.ToDevice(s->weights, weights, bytes, run->stream)))
      result = driver.StreamSynchronize(run->stream);
    if (result) {
      driver.Free(s->weights);
      s->weights = 0;
      return result;
    }
  }
  run->weights = (void *)(uintptr_t)s->weights;
  return 0;
}

/* Workspace and room for staging. */
static CUresult find_memory(struct run *run, const lathe_call *call,
                            uint64_t workspace_bytes) {
  struct state *s = run->state;
  struct chunk *c;
  CUresult result = 0;
  int given = call->workspace_bytes >= workspace_bytes && workspace_bytes &&
              is_on_device(call->workspace);
  uint64_t own = given ? 0 : round_up(workspace_bytes);
  if (s->chunks && s->used)
    result = driver.EventSynchronize(s->done);
  while (!result && (c = s->chunks)) {
    s->chunks = c->next;
    result = driver.Free(c->memory);
    free(c);
  }
  if (!result)
    result = grow(s, &s->block, &s->block_bytes, own + s->staging_bytes);
  run->workspace = given ? call->workspace : (void *)(uintptr_t)s->block;
  run->at = s->block + own;
  run->end = s->block + s->block_bytes;
  return result;
}

int lathe_gpu_begin(lathe_gpu_run *opaque, const lathe_gpu_image *image,
                    const lathe_call *call, uint64_t workspace_bytes,
                    const void *weights, uint64_t weights_bytes) {
  struct run *run = of(opaque);
  CUcontext context = NULL;
  struct state *s = NULL;
  memset(run, 0, sizeof *run);
  pthread_mutex_lock(&everything);
  run->status = open_driver();
  if (!run->status)
    run->status = enter_context(&run->before, &context);
  if (!run->status) {
    for (s = states; s; s = s->next)
      if (s->image == image && s->context == context)
        break;
    if (!s)
      run->status = make_state(image, context, &s);
    if (run->status)
      driver.SetCurrent(run->before);
  }
  pthread_mutex_unlock(&everything);
  if (run->status)
    return run->status;

  pthread_mutex_lock(&s->lock);
  run->state = s;
  run->stream = call->stream ? (CUstream)call->stream : s->stream;
  run->wait = !call->stream;
  s->num_outputs = 0;
  s->noted.used = s->noted.count = 0;
  /* What the last call still does with this memory comes first. */
  if (s->used)
    check(run, driver.StreamWait(run->stream, s->done, 0));
  if (!run->status)
    check(run, find_memory(run, call, workspace_bytes));
  if (!run->status)
    check(run, find_weights(run, call, weights, weights_bytes));
  if (run->status) {
    pthread_mutex_unlock(&s->lock);
    driver.SetCurrent(run->before);
  }
  return run->status;
}

/* Device memory for an argument that lies on the host. */
static CUdeviceptr stage(struct run *run, uint64_t bytes) {
  struct state *s = run->state;
  CUdeviceptr place = run->at;
  struct chunk *c;
  run->staged += round_up(bytes);
  if (run->end - run->at >= round_up(bytes)) {
    run->at += round_up(bytes);
    return place;
  }
  if (!(c = malloc(sizeof *c))) {
    check(run, OUT_OF_HOST_MEMORY);
    return 0;
  }
  if (!check(run, driver.Allocate(&c->memory, round_up(bytes)))) {
    free(c);
    return 0;
  }
  c->next = s->chunks;
  s->chunks = c;
  return c->memory;
}

void *lathe_gpu_allocate(lathe_gpu_run *opaque, uint64_t bytes) {
  struct run *run = of(opaque);
  CUdeviceptr place = run->status ? 0 : stage(run, bytes ? bytes : 1);
  return run->status ? NULL : (void *)(uintptr_t)place;
}

void *lathe_gpu_input(lathe_gpu_run *opaque, const void *data, uint64_t bytes) {
  struct run *run = of(opaque);
  CUdeviceptr place;
  if (run->status || !bytes || is_on_device(data))
    return (void *)(uintptr_t)data;
  place = stage(run, bytes);
  if (!run->status)
    check(run, driver.ToDevice(place, data, bytes, run->stream));
  return (void *)(uintptr_t)place;
}

void *lathe_gpu_output(lathe_gpu_run *opaque, void *data, uint64_t bytes) {
  struct run *run = of(opaque);
  struct state *s = run->state;
  struct pending *p;
  if (run->status || !bytes || is_on_device(data))
    return data;
  if (s->num_outputs == s->most_outputs) {
    uint64_t most = s->most_outputs ? 2 * s->most_outputs : 8;
    p = realloc(s->outputs, most * sizeof *p);
    if (!p) {
      check(run, OUT_OF_HOST_MEMORY);
      return data;
    }
    s->outputs = p;
    s->most_outputs = most;
  }
  p = &s->outputs[s->num_outputs];
  p->host = data;
  p->device = stage(run, bytes);
  p->bytes = bytes;
  if (run->status)
    return data;
  ++s->num_outputs;
  run->wait = 1;
  return (void *)(uintptr_t)p->device;
}

/* Where the arguments of a launch stand, as the driver wants to know. */
static void point_at(uint64_t *head, void **pointers) {
  uint64_t i;
  for (i = 0; i < head[COUNT]; ++i)
    pointers[i] = &head[HEAD_WORDS + i];
}

static uint64_t *next_of(uint64_t *head) {
  return head + HEAD_WORDS + head[COUNT];
}

static CUresult queue_each(struct run *run, const struct launches *l) {
  void *pointers[MOST_ARGUMENTS];
  uint64_t *head, *end = l->words + l->used;
  CUresult result = 0;
  for (head = l->words; head != end && !result; head = next_of(head)) {
    point_at(head, pointers);
    result = driver.Launch(
        run->state->functions[head[KERNEL]], (unsigned)head[BLOCKS], 1, 1,
        (unsigned)head[THREADS], 1, 1, 0, run->stream, pointers, NULL);
  }
  return result;
}

/* One kernel behind the other, as a stream has them. */
static CUresult make_graph(struct state *s, struct graph *g) {
  void *pointers[MOST_ARGUMENTS];
  uint64_t *head, *end = g->launches.words + g->launches.used;
  CUgraph graph;
  CUgraphNode before = NULL, node;
  CUresult result = driver.GraphCreate(&graph, 0);
  if (result)
    return result;
  for (head = g->launches.words; head != end && !result; head = next_of(head)) {
    CUkernelNode kernel = {0};
    point_at(head, pointers);
    kernel.function = s->functions[head[KERNEL]];
    kernel.grid[0] = (unsigned)head[BLOCKS];
    kernel.block[0] = (unsigned)head[THREADS];
    kernel.grid[1] = kernel.grid[2] = kernel.block[1] = kernel.block[2] = 1;
    kernel.arguments = pointers;
    result = driver.GraphAddKernel(&node, graph, before ? &before : NULL,
                                   before != NULL, &kernel);
    before = node;
  }
  if (!result)
    result = driver.GraphInstantiate(&g->exec, graph, 0);
  if (result)
    g->exec = NULL;
  driver.GraphDestroy(graph);
  return result;
}

/* The graph of these launches, in front of all others; NULL: they are new. */
static struct graph *find_graph(struct state *s, const struct launches *l) {
  struct graph **at = &s->graphs, *g;
  for (; (g = *at); at = &g->next)
    if (g->launches.used == l->used &&
        !memcmp(g->launches.words, l->words, l->used * sizeof *l->words)) {
      *at = g->next;
      g->next = s->graphs;
      s->graphs = g;
      return g;
    }
  return NULL;
}

/* Keeps the launches, to know them again. */
static void remember(struct state *s) {
  struct graph **at = &s->graphs, *g = calloc(1, sizeof *g);
  int n;
  if (!g)
    return;
  g->launches = s->noted;
  memset(&s->noted, 0, sizeof s->noted);
  g->next = s->graphs;
  s->graphs = g;
  for (n = 0; *at && n < MOST_GRAPHS; ++n)
    at = &(*at)->next;
  if ((g = *at)) {
    *at = g->next;
    destroy_graph(g);
  }
}

/* Queues what is noted. */
static void flush(struct run *run) {
  struct state *s = run->state;
  struct launches *l = &s->noted;
  struct graph *g = NULL;
  if (run->status || !l->used) {
    l->used = l->count = 0;
    return;
  }
  if (has_graphs && !s->no_graphs && l->count >= LEAST_LAUNCHES) {
    g = find_graph(s, l);
    if (g && !g->exec && make_graph(s, g))
      s->no_graphs = 1;
  }
  if (g && g->exec)
    check(run, driver.GraphLaunch(g->exec, run->stream));
  else if (check(run, queue_each(run, l)) && !g && has_graphs &&
           !s->no_graphs && l->count >= LEAST_LAUNCHES)
    remember(s);
  l->used = l->count = 0;
}

void lathe_gpu_launch(lathe_gpu_run *opaque, uint32_t kernel, uint32_t threads,
                      uint64_t blocks, const uint64_t *arguments,
                      uint32_t count) {
  struct run *run = of(opaque);
  struct state *s = run->state;
  struct launches *l = &s->noted;
  CUfunction *function = &s->functions[kernel];
  uint64_t *head;
  if (run->status || !blocks)
    return;
  if (!*function &&
      !check(run, driver.GetFunction(function, s->module,
                                     s->image->kernels[kernel]))) {
    *function = NULL;
    return;
  }
  if (count > MOST_ARGUMENTS)
    count = MOST_ARGUMENTS;
  if (l->room - l->used < HEAD_WORDS + (uint64_t)count) {
    uint64_t room = 2 * l->room + HEAD_WORDS + count;
    head = realloc(l->words, room * sizeof *head);
    if (!head) {
      check(run, OUT_OF_HOST_MEMORY);
      return;
    }
    l->words = head;
    l->room = room;
  }
  head = l->words + l->used;
  head[KERNEL] = kernel;
  head[THREADS] = threads;
  head[BLOCKS] = blocks;
  head[COUNT] = count;
  memcpy(head + HEAD_WORDS, arguments, count * sizeof *arguments);
  l->used += HEAD_WORDS + count;
  ++l->count;
}

void lathe_gpu_fetch(lathe_gpu_run *opaque, void *to, const void *from,
                     uint64_t bytes) {
  struct run *run = of(opaque);
  memset(to, 0, bytes);
  flush(run);
  if (!run->status && check(run, driver.ToHost(to, (CUdeviceptr)(uintptr_t)from,
                                               bytes, run->stream)))
    check(run, driver.StreamSynchronize(run->stream));
}

void lathe_gpu_put(lathe_gpu_run *opaque, void *to, uint64_t value,
                   uint32_t bytes) {
  struct run *run = of(opaque);
  CUdeviceptr at = (CUdeviceptr)(uintptr_t)to;
  flush(run);
  if (run->status)
    return;
  if (bytes == 1)
    check(run, driver.Set8(at, (unsigned char)value, 1, run->stream));
  else if (bytes == 2)
    check(run, driver.Set16(at, (unsigned short)value, 1, run->stream));
  else
    check(run, driver.Set32(at, (unsigned)value, 1, run->stream));
  if (bytes == 8)
    check(run, driver.Set32(at + 4, (unsigned)(value >> 32), 1, run->stream));
}

int lathe_gpu_status(const lathe_gpu_run *opaque) {
  return ((const struct run *)(const void *)opaque)->status;
}

int lathe_gpu_end(lathe_gpu_run *opaque, int status) {
  struct run *run = of(opaque);
  struct state *s = run->state;
  uint64_t i;
  CUresult result;
  if (!status)
    flush(run);
  if (!status)
    for (i = 0; i < s->num_outputs && !run->status; ++i)
      check(run, driver.ToHost(s->outputs[i].host, s->outputs[i].device,
                               s->outputs[i].bytes, run->stream));
  /* Also after an error: what was queued before it uses the memory. */
  result = driver.EventRecord(s->done, run->stream);
  if (!result)
    s->used = 1;
  check(run, result);
  if (run->wait || run->status || status)
    check(run, driver.StreamSynchronize(run->stream));
  /* The next call finds room for all in one block. */
  if (run->staged > s->staging_bytes)
    s->staging_bytes = run->staged;
  if (!status)
    status = run->status;
  pthread_mutex_unlock(&s->lock);
  driver.SetCurrent(run->before);
  return status;
}

void lathe_gpu_shutdown(void) {
  struct state *s;
  CUcontext before = NULL;
  pthread_mutex_lock(&everything);
  if (device_ready) {
    driver.GetCurrent(&before);
    while ((s = states)) {
      states = s->next;
      driver.SetCurrent(s->context);
      destroy_state(s);
    }
    driver.SetCurrent(before == primary ? NULL : before);
    if (primary)
      driver.Release(primary_device);
    primary = NULL;
  }
  pthread_mutex_unlock(&everything);
}
