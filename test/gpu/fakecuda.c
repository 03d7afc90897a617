/*===- fakecuda.c - A CUDA driver that checks its calls and runs on the CPU ---===*\
|*                                                                            *|
|* Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.         *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/
/*
 * Stands in for libcuda.so.1 (LATHE_CUDA_DRIVER=libfakecuda.so). Device memory is
 * memory that only the driver's own functions may touch: the host program, if it
 * reads or writes it, dies; a kernel that leaves an allocation does too. Handles,
 * sizes, grids and the arguments that the PTX declares are checked.
 *
 *   FAKECUDA_KERNELS  the kernels as a shared library (lathe-gpu-emulate); without
 *                     it launches are checked and do nothing
 *   FAKECUDA_LOG      a file to which a line is appended for each call
 *   FAKECUDA_ORDER    "reverse": blocks and threads from the last to the first, and
 *                     asynchronous copies at once rather than as late as may be.
 *                     Results must not change: where a barrier or a wait is
 *                     missing, they do
 *   FAKECUDA_FAIL     "NAME:N:CODE": the N-th call of NAME returns CODE
 *
 * The threads of a block are fibers that switch where they wait, so that barriers
 * and shuffles mean what they mean on a GPU. A barrier that not all threads of a
 * block reach ends the program with a message.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

typedef int CUresult;
typedef unsigned long long CUdeviceptr;

enum {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  NO_MEMORY = 2,
  INVALID_CONTEXT = 201,
  INVALID_PTX = 218,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500
};

#define EXPORT __attribute__((visibility("default")))
#define CHECK(CONDITION, CODE)                                                 \
  do {                                                                         \
    if (!(CONDITION)) {                                                        \
      note("  WRONG: %s", #CONDITION);                                         \
      return CODE;                                                             \
    }                                                                          \
  } while (0)

/*===----------------------------------------------------------------------===*/
/* Notes and failures on demand                                               */
/*===----------------------------------------------------------------------===*/

static void note(const char *format, ...) {
  const char *path = getenv("FAKECUDA_LOG");
  FILE *file = path ? fopen(path, "a") : NULL;
  va_list arguments;
  if (!file)
    return;
  va_start(arguments, format);
  vfprintf(file, format, arguments);
  va_end(arguments);
  fputc('\n', file);
  fclose(file);
}

static void die(const char *message) {
  fprintf(stderr, "fakecuda: %s\n", message);
  abort();
}

static CUresult enter(const char *name) {
  static int count;
  const char *fail = getenv("FAKECUDA_FAIL");
  size_t length = strlen(name);
  int number, code;
  if (fail && strncmp(fail, name, length) == 0 && fail[length] == ':' &&
      sscanf(fail + length, ":%d:%d", &number, &code) == 2 &&
      ++count == number) {
    note("%s fails with %d", name, code);
    return code;
  }
  return SUCCESS;
}
#define ENTER(NAME)                                                            \
  do {                                                                         \
    CUresult wanted = enter(NAME);                                             \
    if (wanted)                                                                \
      return wanted;                                                           \
  } while (0)

/*===----------------------------------------------------------------------===*/
/* Device memory                                                              */
/*===----------------------------------------------------------------------===*/

struct memory {
  char *pages;
  size_t page_bytes;
  char *data;
  size_t bytes;
  struct memory *next;
};
static struct memory *memories;
static size_t live_memories;

static struct memory *find_memory(CUdeviceptr at, size_t bytes) {
  struct memory *m;
  for (m = memories; m; m = m->next)
    if ((char *)(uintptr_t)at >= m->data &&
        (char *)(uintptr_t)at + bytes <= m->data + m->bytes)
      return m;
  return NULL;
}

static void protect(int access) {
  struct memory *m;
  for (m = memories; m; m = m->next)
    mprotect(m->pages, m->page_bytes, access);
}
static void open_memory(void) { protect(PROT_READ | PROT_WRITE); }
static void close_memory(void) { protect(PROT_NONE); }

/*===----------------------------------------------------------------------===*/
/* Context, streams, events                                                   */
/*===----------------------------------------------------------------------===*/

static int initialized, retained;
static void *current;
static int primary; /* its address is the handle */
static int num_streams, num_events, num_graphs;

EXPORT CUresult cuInit(unsigned flags) {
  ENTER("cuInit");
  note("cuInit");
  CHECK(flags == 0, INVALID_VALUE);
  initialized = 1;
  return SUCCESS;
}
EXPORT CUresult cuDeviceGet(int *device, int ordinal) {
  ENTER("cuDeviceGet");
  CHECK(initialized && ordinal == 0, INVALID_VALUE);
  *device = 7;
  return SUCCESS;
}
EXPORT CUresult cuDevicePrimaryCtxRetain(void **context, int device) {
  ENTER("cuDevicePrimaryCtxRetain");
  note("cuDevicePrimaryCtxRetain");
  CHECK(device == 7, INVALID_VALUE);
  ++retained;
  *context = &primary;
  return SUCCESS;
}
EXPORT CUresult cuDevicePrimaryCtxRelease_v2(int device) {
  note("cuDevicePrimaryCtxRelease memories %zu streams %d events %d graphs %d",
       live_memories, num_streams, num_events, num_graphs);
  CHECK(device == 7 && retained == 1, INVALID_VALUE);
  --retained;
  return SUCCESS;
}
EXPORT CUresult cuCtxGetCurrent(void **context) {
  ENTER("cuCtxGetCurrent");
  CHECK(initialized, INVALID_VALUE);
  *context = current;
  return SUCCESS;
}
EXPORT CUresult cuCtxSetCurrent(void *context) {
  current = context;
  return SUCCESS;
}

struct stream {
  char tag;
};
static int is_stream(void *s) {
  /* 1 and 2: the legacy and the per-thread default stream. */
  return s == NULL || (uintptr_t)s <= 2 || ((struct stream *)s)->tag == 'S';
}
EXPORT CUresult cuStreamCreate(void **stream, unsigned flags) {
  ENTER("cuStreamCreate");
  note("cuStreamCreate");
  CHECK(current && flags <= 1, INVALID_CONTEXT);
  struct stream *s = malloc(sizeof *s);
  s->tag = 'S';
  ++num_streams;
  *stream = s;
  return SUCCESS;
}
EXPORT CUresult cuStreamDestroy_v2(void *stream) {
  CHECK(is_stream(stream), INVALID_HANDLE);
  --num_streams;
  free(stream);
  return SUCCESS;
}
EXPORT CUresult cuStreamSynchronize(void *stream) {
  ENTER("cuStreamSynchronize");
  note("cuStreamSynchronize");
  CHECK(is_stream(stream), INVALID_HANDLE);
  return SUCCESS;
}
EXPORT CUresult cuEventCreate(void **event, unsigned flags) {
  ENTER("cuEventCreate");
  CHECK(current && flags <= 7, INVALID_CONTEXT);
  ++num_events;
  *event = calloc(1, 1);
  return SUCCESS;
}
EXPORT CUresult cuEventDestroy_v2(void *event) {
  --num_events;
  free(event);
  return SUCCESS;
}
EXPORT CUresult cuEventRecord(void *event, void *stream) {
  ENTER("cuEventRecord");
  note("cuEventRecord");
  CHECK(event && is_stream(stream), INVALID_HANDLE);
  *(char *)event = 1;
  return SUCCESS;
}
EXPORT CUresult cuEventSynchronize(void *event) {
  CHECK(event && *(char *)event, INVALID_HANDLE);
  return SUCCESS;
}
EXPORT CUresult cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
  ENTER("cuStreamWaitEvent");
  note("cuStreamWaitEvent");
  CHECK(event && is_stream(stream) && flags == 0, INVALID_HANDLE);
  return SUCCESS;
}

/*===----------------------------------------------------------------------===*/
/* Memory operations                                                          */
/*===----------------------------------------------------------------------===*/

EXPORT CUresult cuMemAlloc_v2(CUdeviceptr *at, size_t bytes) {
  ENTER("cuMemAlloc_v2");
  note("cuMemAlloc %zu", bytes);
  CHECK(current, INVALID_CONTEXT);
  CHECK(bytes > 0, INVALID_VALUE);
  size_t page = sysconf(_SC_PAGESIZE);
  size_t whole = (bytes + 255) / 256 * 256;
  struct memory *m = malloc(sizeof *m);
  m->page_bytes = (whole + page - 1) / page * page;
  /* Behind its end lies a page that nobody may touch. */
  m->pages = mmap(NULL, m->page_bytes + page, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (m->pages == MAP_FAILED) {
    free(m);
    return NO_MEMORY;
  }
  m->data = m->pages + m->page_bytes - whole;
  m->bytes = bytes;
  m->next = memories;
  memories = m;
  ++live_memories;
  /* What nobody has written is no number. */
  open_memory();
  memset(m->data, 0xFF, whole);
  close_memory();
  *at = (CUdeviceptr)(uintptr_t)m->data;
  return SUCCESS;
}
EXPORT CUresult cuMemFree_v2(CUdeviceptr at) {
  ENTER("cuMemFree_v2");
  note("cuMemFree");
  struct memory **m = &memories, *found;
  while (*m && (*m)->data != (char *)(uintptr_t)at)
    m = &(*m)->next;
  CHECK(*m, INVALID_VALUE);
  found = *m;
  *m = found->next;
  munmap(found->pages, found->page_bytes + sysconf(_SC_PAGESIZE));
  free(found);
  --live_memories;
  return SUCCESS;
}
EXPORT CUresult cuPointerGetAttribute(void *data, int attribute,
                                      CUdeviceptr at) {
  CHECK(attribute == 2, INVALID_VALUE);
  if (!find_memory(at, 0))
    return INVALID_VALUE;
  *(unsigned *)data = 2;
  return SUCCESS;
}
EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from,
                                     size_t bytes, void *stream) {
  ENTER("cuMemcpyHtoDAsync_v2");
  note("cuMemcpyHtoD %zu", bytes);
  CHECK(is_stream(stream), INVALID_HANDLE);
  CHECK(find_memory(to, bytes), INVALID_VALUE);
  open_memory();
  memcpy((void *)(uintptr_t)to, from, bytes);
  close_memory();
  return SUCCESS;
}
EXPORT CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes,
                                     void *stream) {
  ENTER("cuMemcpyDtoHAsync_v2");
  note("cuMemcpyDtoH %zu", bytes);
  CHECK(is_stream(stream), INVALID_HANDLE);
  CHECK(find_memory(from, bytes), INVALID_VALUE);
  open_memory();
  memcpy(to, (void *)(uintptr_t)from, bytes);
  close_memory();
  return SUCCESS;
}

static CUresult set(CUdeviceptr to, const void *value, size_t width,
                    size_t count, void *stream) {
  size_t i;
  note("cuMemset %zu", width * count);
  CHECK(is_stream(stream), INVALID_HANDLE);
  CHECK(find_memory(to, width * count) && to % width == 0, INVALID_VALUE);
  open_memory();
  for (i = 0; i < count; ++i)
    memcpy((char *)(uintptr_t)to + i * width, value, width);
  close_memory();
  return SUCCESS;
}
EXPORT CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value,
                                size_t count, void *stream) {
  return set(to, &value, sizeof value, count, stream);
}
EXPORT CUresult cuMemsetD16Async(CUdeviceptr to, unsigned short value,
                                 size_t count, void *stream) {
  return set(to, &value, sizeof value, count, stream);
}
EXPORT CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count,
                                 void *stream) {
  return set(to, &value, sizeof value, count, stream);
}

/*===----------------------------------------------------------------------===*/
/* Modules                                                                    */
/*===----------------------------------------------------------------------===*/

struct module {
  const char *ptx;
  void *native; /* of dlopen */
};
struct function {
  struct module *module;
  char name[256];
  unsigned threads; /* .maxntid */
  unsigned arguments;
  void (*run)(void **);
  const unsigned char *waits;
};

EXPORT CUresult cuModuleLoadDataEx(void **module, const void *image,
                                   unsigned options, int *option,
                                   void **value) {
  const char *kernels = getenv("FAKECUDA_KERNELS");
  struct module *m;
  (void)option;
  (void)value;
  ENTER("cuModuleLoadDataEx");
  note("cuModuleLoadDataEx");
  CHECK(current, INVALID_CONTEXT);
  CHECK(options == 0, INVALID_VALUE);
  CHECK(strstr(image, ".version") && strstr(image, ".target sm_") &&
            strstr(image, ".address_size 64"),
        INVALID_PTX);
  m = calloc(1, sizeof *m);
  m->ptx = image;
  if (kernels && !(m->native = dlopen(kernels, RTLD_NOW | RTLD_LOCAL)))
    die(dlerror());
  *module = m;
  return SUCCESS;
}
EXPORT CUresult cuModuleUnload(void *module) {
  note("cuModuleUnload");
  free(module);
  return SUCCESS;
}

EXPORT CUresult cuModuleGetFunction(void **function, void *module,
                                    const char *name) {
  struct module *m = module;
  char text[512];
  const char *at, *end, *body;
  struct function *f;
  ENTER("cuModuleGetFunction");
  note("cuModuleGetFunction %s", name);
  snprintf(text, sizeof text, ".entry %s(", name);
  at = strstr(m->ptx, text);
  CHECK(at, NOT_FOUND);
  f = calloc(1, sizeof *f);
  f->module = m;
  snprintf(f->name, sizeof f->name, "%s", name);
  end = strchr(at + strlen(text), ')');
  for (; (at = strstr(at, ".param")) && at < end; ++at)
    ++f->arguments;
  body = strchr(end, '{');
  at = strstr(end, ".maxntid");
  if (at && at < body)
    f->threads = (unsigned)strtoul(at + strlen(".maxntid"), NULL, 10);
  if (m->native) {
    snprintf(text, sizeof text, "fakecuda_run_%s", name);
    *(void **)&f->run = dlsym(m->native, text);
    snprintf(text, sizeof text, "fakecuda_waits_%s", name);
    f->waits = dlsym(m->native, text);
    CHECK(f->run && f->waits, NOT_FOUND);
  }
  *function = f;
  return SUCCESS;
}

/*===----------------------------------------------------------------------===*/
/* Threads                                                                    */
/*===----------------------------------------------------------------------===*/

enum { MOST_THREADS = 1024, WARP = 32, STACK = 256 * 1024 };

struct meeting {
  unsigned arrived, generation;
};
struct copy {
  void *to;
  const void *from;
  uint32_t bytes;
};
static struct fiber {
  jmp_buf here;
  int started, done;
  struct copy *copies; /* started, not waited for */
  unsigned num_copies, most_copies;
} fibers[MOST_THREADS];
static int in_reverse;
static jmp_buf scheduler;
static unsigned num_threads, self, finished;
static unsigned long progress;
static struct meeting barrier_of_block;
static struct {
  struct meeting meeting;
  uint32_t given[WARP], taken[WARP];
} warps[MOST_THREADS / WARP];
static void (*body)(void **);
static void **body_arguments;
static uint32_t *native_thread, *native_block, *native_blocks;

static void leave(void) {
  unsigned me = self;
  if (!_setjmp(fibers[me].here))
    _longjmp(scheduler, 1);
}

/* Waits until \p all have come; the last one does \p last. */
static void meet(struct meeting *m, unsigned all, void (*last)(void)) {
  unsigned generation = m->generation;
  ++progress;
  if (++m->arrived == all) {
    m->arrived = 0;
    ++m->generation;
    if (last)
      last();
    return;
  }
  while (m->generation == generation)
    leave();
}

static void barrier(void) {
  if (finished)
    die("a barrier that a thread which has ended does not reach");
  meet(&barrier_of_block, num_threads, NULL);
}

static void publish(void) {
  unsigned w = self / WARP;
  memcpy(warps[w].taken, warps[w].given, sizeof warps[w].taken);
}
static uint32_t shuffle(uint32_t value, uint32_t distance) {
  unsigned w = self / WARP, lane = self % WARP;
  unsigned all = num_threads - w * WARP < WARP ? num_threads - w * WARP : WARP;
  warps[w].given[lane] = value;
  meet(&warps[w].meeting, all, publish);
  return warps[w].taken[lane ^ distance];
}

static void arrive(void) {
  struct fiber *f = &fibers[self];
  unsigned i;
  for (i = 0; i < f->num_copies; ++i)
    memcpy(f->copies[i].to, f->copies[i].from, f->copies[i].bytes);
  f->num_copies = 0;
}
static void copy(void *to, const void *from, uint32_t bytes) {
  struct fiber *f = &fibers[self];
  if ((uintptr_t)to % bytes || (uintptr_t)from % bytes)
    die("an asynchronous copy that is not aligned to its size");
  if (f->num_copies == f->most_copies) {
    f->most_copies = 2 * f->most_copies + 16;
    f->copies = realloc(f->copies, f->most_copies * sizeof *f->copies);
    if (!f->copies)
      die("no memory for copies");
  }
  f->copies[f->num_copies].to = to;
  f->copies[f->num_copies].from = from;
  f->copies[f->num_copies++].bytes = bytes;
  if (in_reverse)
    arrive();
}

static void fiber_main(void) {
  for (;;) {
    unsigned me = self;
    body(body_arguments);
    if (fibers[me].num_copies)
      die("a thread ends before a copy that it started");
    fibers[me].done = 1;
    ++finished;
    ++progress;
    leave();
  }
}

static void start_fiber(unsigned i) {
  static ucontext_t context;
  void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED)
    die("no memory for stacks");
  fibers[i].started = 1;
  getcontext(&context);
  context.uc_stack.ss_sp = stack;
  context.uc_stack.ss_size = STACK;
  context.uc_link = NULL;
  makecontext(&context, fiber_main, 0);
  setcontext(&context);
}

static void run_block(int reverse) {
  unsigned i, left;
  memset(&barrier_of_block, 0, sizeof barrier_of_block);
  memset(warps, 0, sizeof warps);
  finished = 0;
  for (i = 0; i < num_threads; ++i)
    fibers[i].done = 0;
  do {
    unsigned long before = progress;
    left = 0;
    for (i = 0; i < num_threads; ++i) {
      unsigned t = reverse ? num_threads - 1 - i : i;
      if (fibers[t].done)
        continue;
      ++left;
      self = t;
      *native_thread = t;
      if (!_setjmp(scheduler)) {
        if (fibers[t].started)
          _longjmp(fibers[t].here, 1);
        start_fiber(t);
      }
    }
    if (left && progress == before)
      die("threads wait for others that never come");
  } while (left);
}

/* Does what a launch that is found right asks for. */
static void run_kernel(struct function *f, unsigned grid, unsigned threads,
                       void **arguments) {
  const char *order = getenv("FAKECUDA_ORDER");
  int reverse = order && strcmp(order, "reverse") == 0;
  unsigned i, b;
  void *native = f->module->native;
  if (!f->run)
    return;
  *(void (**)(void))dlsym(native, "fakecuda_barrier") = barrier;
  *(uint32_t(**)(uint32_t, uint32_t))dlsym(native, "fakecuda_shuffle") =
      shuffle;
  *(void (**)(void *, const void *, uint32_t))dlsym(native, "fakecuda_copy") =
      copy;
  *(void (**)(void))dlsym(native, "fakecuda_arrive") = arrive;
  in_reverse = reverse;
  native_thread = dlsym(native, "fakecuda_thread");
  native_block = dlsym(native, "fakecuda_block");
  native_blocks = dlsym(native, "fakecuda_blocks");
  *native_blocks = grid;
  body = f->run;
  body_arguments = arguments;
  num_threads = threads;
  open_memory();
  for (i = 0; i < grid; ++i) {
    *native_block = reverse ? grid - 1 - i : i;
    if (*f->waits) {
      run_block(reverse);
      continue;
    }
    for (b = 0; b < threads; ++b) {
      *native_thread = reverse ? threads - 1 - b : b;
      body(arguments);
    }
  }
  close_memory();
}

struct launch {
  struct function *function;
  unsigned grid[3], block[3], shared;
  void **arguments, **extra;
};

static CUresult check_launch(const struct launch *l) {
  unsigned i;
  CHECK(l->grid[0] > 0 && l->grid[0] <= 0x7FFFFFFF && l->grid[1] == 1 &&
            l->grid[2] == 1,
        INVALID_VALUE);
  CHECK(l->block[0] > 0 && l->block[0] <= MOST_THREADS && l->block[1] == 1 &&
            l->block[2] == 1,
        INVALID_VALUE);
  CHECK(l->block[0] == l->function->threads, INVALID_VALUE);
  CHECK(l->shared == 0 && !l->extra, INVALID_VALUE);
  for (i = 0; i < l->function->arguments; ++i)
    CHECK(l->arguments[i], INVALID_VALUE);
  return SUCCESS;
}

EXPORT CUresult cuLaunchKernel(void *function, unsigned gx, unsigned gy,
                               unsigned gz, unsigned bx, unsigned by,
                               unsigned bz, unsigned shared, void *stream,
                               void **arguments, void **extra) {
  struct launch l = {function, {gx, gy, gz}, {bx, by, bz},
                     shared,   arguments,    extra};
  CUresult result;
  ENTER("cuLaunchKernel");
  note("cuLaunchKernel %s grid %u block %u arguments %u", l.function->name, gx,
       bx, l.function->arguments);
  CHECK(is_stream(stream), INVALID_HANDLE);
  if ((result = check_launch(&l)))
    return result;
  run_kernel(l.function, gx, bx, arguments);
  return SUCCESS;
}

/*===----------------------------------------------------------------------===*/
/* Graphs; built with FAKECUDA_OLD, the driver has none                       */
/*===----------------------------------------------------------------------===*/

#ifndef FAKECUDA_OLD
struct node {
  struct function *function;
  unsigned grid, threads;
  uint64_t *words; /* the arguments as they were */
  struct node *next;
};
struct graph {
  char tag;
  struct node *first, *last;
};

EXPORT CUresult cuGraphCreate(struct graph **graph, unsigned flags) {
  ENTER("cuGraphCreate");
  CHECK(current && flags == 0, INVALID_VALUE);
  *graph = calloc(1, sizeof **graph);
  (*graph)->tag = 'G';
  ++num_graphs;
  return SUCCESS;
}

EXPORT CUresult cuGraphAddKernelNode(struct node **made, struct graph *graph,
                                     struct node *const *needs, size_t count,
                                     const struct launch *l) {
  struct node *n;
  CUresult result;
  unsigned i;
  ENTER("cuGraphAddKernelNode");
  CHECK(graph->tag == 'G', INVALID_HANDLE);
  /* A stream's order: each behind the one before. */
  CHECK(count == (graph->last != NULL) && (!count || needs[0] == graph->last),
        INVALID_VALUE);
  if ((result = check_launch(l)))
    return result;
  n = calloc(1, sizeof *n);
  n->function = l->function;
  n->grid = l->grid[0];
  n->threads = l->block[0];
  n->words = calloc(l->function->arguments + 1, sizeof *n->words);
  for (i = 0; i < l->function->arguments; ++i)
    n->words[i] = *(const uint64_t *)l->arguments[i];
  *(graph->last ? &graph->last->next : &graph->first) = n;
  graph->last = n;
  *made = n;
  return SUCCESS;
}

/* The executable form is the graph itself, which goes on without it. */
EXPORT CUresult cuGraphInstantiateWithFlags(struct graph **exec,
                                            struct graph *graph,
                                            unsigned long long flags) {
  ENTER("cuGraphInstantiateWithFlags");
  CHECK(graph->tag == 'G' && flags == 0, INVALID_VALUE);
  note("cuGraphInstantiate");
  *exec = calloc(1, sizeof **exec);
  (*exec)->tag = 'E';
  (*exec)->first = graph->first;
  graph->first = graph->last = NULL;
  ++num_graphs;
  return SUCCESS;
}

EXPORT CUresult cuGraphLaunch(struct graph *exec, void *stream) {
  const struct node *n;
  void *arguments[512];
  unsigned i, count = 0;
  ENTER("cuGraphLaunch");
  CHECK(exec->tag == 'E' && is_stream(stream), INVALID_HANDLE);
  for (n = exec->first; n; n = n->next, ++count) {
    for (i = 0; i < n->function->arguments; ++i)
      arguments[i] = &n->words[i];
    run_kernel(n->function, n->grid, n->threads, arguments);
  }
  note("cuGraphLaunch %u kernels", count);
  return SUCCESS;
}

static CUresult destroy(struct graph *graph, char tag) {
  struct node *n;
  CHECK(graph->tag == tag, INVALID_HANDLE);
  while ((n = graph->first)) {
    graph->first = n->next;
    free(n->words);
    free(n);
  }
  free(graph);
  --num_graphs;
  return SUCCESS;
}
EXPORT CUresult cuGraphDestroy(struct graph *graph) {
  return destroy(graph, 'G');
}
EXPORT CUresult cuGraphExecDestroy(struct graph *exec) {
  return destroy(exec, 'E');
}
#endif
