/* Memory of sizes that depend on values. */
#include "counted.h"
#include <stdio.h>
#include <stdlib.h>

static unsigned char memory[64 + 65536];
static int in_use, given, most;

static void *allocate(void *user, uint64_t bytes) {
  if (user && given >= *(int *)user)
    return NULL;
  if (bytes > 1u << 30)
    return NULL;
  ++in_use;
  ++given;
  return aligned_alloc(64, (bytes + 63) / 64 * 64);
}
static void give_back(void *user, void *block) {
  (void)user;
  --in_use;
  free(block);
}

int main(void) {
  int64_t n = 4, largest = 0;
  lathe_tensor in = {&n, LATHE_INT64, 0, NULL, sizeof n},
               out = {&largest, LATHE_INT64, 0, NULL, sizeof largest};
  lathe_call call = {sizeof call,
                     1,
                     1,
                     0,
                     &in,
                     &out,
                     memory + 64 - (uintptr_t)memory % 64,
                     65536,
                     NULL,
                     0,
                     allocate,
                     give_back,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL};
  int status = counted_call(&call);
  printf("4 numbers: status %d, largest %d, blocks in use %d, some were: %s\n",
         status, (int)largest, in_use, given ? "yes" : "no");
  n = 1000;
  status = counted_call(&call);
  printf("1000 numbers: status %d, largest %d, blocks in use %d\n", status,
         (int)largest, in_use);
  call.allocate = NULL;
  status = counted_call(&call);
  printf("no allocator: reason %d, %s\n", status & 255, counted_error(status));
  call.allocate = allocate;
  call.allocate_user = &most;
  given = 0;
  most = 1;
  status = counted_call(&call);
  printf("the second block is refused: reason %d, %s, blocks in use %d\n",
         status & 255, counted_error(status), in_use);
  call.allocate_user = NULL;
  call.free = NULL;
  n = 4;
  status = counted_call(&call);
  printf("no free: status %d, largest %d, blocks in use %d\n", status,
         (int)largest, in_use);
  n = INT64_MAX / 2;
  status = counted_call(&call);
  printf("too many to count: reason %d\n", status & 255);
  return 0;
}
