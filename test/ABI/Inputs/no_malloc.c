/* Counts every call of the allocator that is made while a model runs, and finds
 * what it writes outside of its workspace and its output. */
#define _POSIX_C_SOURCE 200809L
#include "digits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the place of the C library's allocator in the whole program. */
static unsigned char heap[1 << 20];
static size_t heap_used;
static int watching, calls;

void *malloc(size_t size) {
  calls += watching;
  heap_used = (heap_used + 63) & ~(size_t)63;
  if (heap_used + size > sizeof heap)
    return NULL;
  heap_used += size;
  return heap + heap_used - size;
}
void free(void *p) {
  (void)p;
  calls += watching;
}
void *calloc(size_t n, size_t size) {
  return malloc(n * size); /* never used twice: zero */
}
void *realloc(void *p, size_t size) {
  void *q = malloc(size);
  if (p && q)
    memcpy(q, p,
           (unsigned char *)q - (unsigned char *)p < (long)size
               ? (size_t)((unsigned char *)q - (unsigned char *)p)
               : size);
  return q;
}
int posix_memalign(void **p, size_t alignment, size_t size) {
  (void)alignment;
  *p = malloc(size);
  return *p ? 0 : ENOMEM;
}
void *aligned_alloc(size_t alignment, size_t size) {
  (void)alignment;
  return malloc(size);
}

enum { GUARD = 256 };
static unsigned char block[GUARD + 64 + DIGITS_WORKSPACE_BYTES + GUARD];
static unsigned char out_block[GUARD + 10 * sizeof(float) + GUARD];

static int untouched(const unsigned char *p, const unsigned char *end) {
  for (; p < end; ++p)
    if (*p != 0xA5)
      return 0;
  return 1;
}

int main(void) {
  float image[64];
  unsigned char *workspace = block + GUARD, *output = out_block + GUARD;
  int i, status, seen;
  workspace += (64 - (size_t)workspace % 64) % 64;
  output += (sizeof(float) - (size_t)output % sizeof(float)) % sizeof(float);
  memset(block, 0xA5, sizeof block);
  memset(out_block, 0xA5, sizeof out_block);
  for (i = 0; i < 64; ++i)
    image[i] = (float)(i % 17);

  watching = 1;
  status = digits_run(image, (float *)(void *)output, workspace);
  watching = 0;
  seen = calls;
  printf("status %d, %d calls of the allocator\n", status, seen);
  printf("workspace edges %s, output edges %s\n",
         untouched(block, workspace) &&
                 untouched(workspace + DIGITS_WORKSPACE_BYTES,
                           block + sizeof block)
             ? "untouched"
             : "overwritten",
         untouched(out_block, output) && untouched(output + 10 * sizeof(float),
                                                   out_block + sizeof out_block)
             ? "untouched"
             : "overwritten");
  return 0;
}
