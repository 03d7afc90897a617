//===- Session.cpp - Calling a loaded model -------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Session.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

using namespace lathe::driver;

unsigned lathe::driver::elementBits(int32_t Type) {
  switch (Type) {
  case LATHE_UINT2:
  case LATHE_INT2:
    return 2;
  case LATHE_UINT4:
  case LATHE_INT4:
  case LATHE_FLOAT4E2M1:
    return 4;
  case LATHE_UINT8:
  case LATHE_INT8:
  case LATHE_BOOL:
  case LATHE_FLOAT8E4M3FN:
  case LATHE_FLOAT8E4M3FNUZ:
  case LATHE_FLOAT8E5M2:
  case LATHE_FLOAT8E5M2FNUZ:
  case LATHE_FLOAT8E8M0:
    return 8;
  case LATHE_UINT16:
  case LATHE_INT16:
  case LATHE_FLOAT16:
  case LATHE_BFLOAT16:
    return 16;
  case LATHE_FLOAT:
  case LATHE_INT32:
  case LATHE_UINT32:
    return 32;
  case LATHE_INT64:
  case LATHE_UINT64:
  case LATHE_DOUBLE:
  case LATHE_COMPLEX64:
    return 64;
  case LATHE_COMPLEX128:
    return 128;
  default:
    return 0;
  }
}

uint64_t lathe::driver::tensorBytes(const lathe_tensor &T) {
  uint64_t Bits = elementBits(T.type);
  for (int32_t D = 0; D < T.rank; ++D)
    Bits *= T.shape[D];
  return (Bits + 7) / 8;
}

void Session::Free::operator()(void *Memory) const { std::free(Memory); }

Session::Memory Session::makeMemory(uint64_t Bytes) {
  constexpr uint64_t Huge = 2 << 20;
  uint64_t Alignment = Bytes >= Huge ? Huge : 64;
  Bytes = std::max<uint64_t>((Bytes + Alignment - 1) / Alignment * Alignment,
                             Alignment);
  void *P = std::aligned_alloc(Alignment, Bytes);
  if (P && Alignment == Huge)
    madvise(P, Bytes, MADV_HUGEPAGE);
  return Memory(P);
}

void *Session::allocate(void *User, uint64_t Bytes) {
  auto &Self = *static_cast<Session *>(User);
  Self.Allocated.push_back(makeMemory(Bytes));
  return Self.Allocated.back().get();
}

void Session::free(void *User, void *Given) {
  auto &Self = *static_cast<Session *>(User);
  llvm::erase_if(Self.Allocated,
                 [&](const Memory &M) { return M.get() == Given; });
}

llvm::Error Session::prepare(llvm::ArrayRef<lathe_tensor> Inputs) {
  for (lathe_tensor T : Inputs) {
    // The model wants its inputs aligned to their element, and is fastest where
    // they are aligned to a cache line.
    if (!T.data || reinterpret_cast<uintptr_t>(T.data) % 64) {
      InMemory.push_back(makeMemory(T.capacity));
      if (!InMemory.back())
        return llvm::createStringError("out of memory");
      if (T.capacity)
        std::memcpy(InMemory.back().get(), T.data, T.capacity);
      T.data = InMemory.back().get();
    }
    In.push_back(T);
  }
  for (uint32_t I = 0; I < Model.num_outputs; ++I) {
    const lathe_tensor_info &Info = Model.outputs[I];
    OutShapes.emplace_back(Info.shape, Info.shape + Info.rank);
    bool Dynamic = llvm::is_contained(OutShapes.back(), -1);
    lathe_tensor T = {nullptr, Info.type, Info.rank, OutShapes.back().data(),
                      0};
    // Memory of dynamic outputs is for the allocator to give.
    if (!Dynamic)
      T.capacity = tensorBytes(T);
    OutMemory.push_back(Dynamic ? Memory() : makeMemory(T.capacity));
    T.data = OutMemory.back().get();
    if (!Dynamic && !T.data)
      return llvm::createStringError("out of memory");
    Out.push_back(T);
  }

  WorkspaceBytes = Model.workspace(In.data(), In.size());
  if (WorkspaceBytes >= 0) {
    Workspace = makeMemory(WorkspaceBytes);
    if (!Workspace)
      return llvm::createStringError("no memory for a workspace of " +
                                     llvm::Twine(WorkspaceBytes) + " bytes");
  }
  // Where the model does not take the shapes, the call says which.
  Call.struct_size = sizeof(lathe_call);
  Call.num_inputs = In.size();
  Call.num_outputs = Out.size();
  Call.inputs = In.data();
  Call.outputs = Out.data();
  Call.workspace = Workspace.get();
  Call.workspace_bytes = WorkspaceBytes < 0 ? 0 : WorkspaceBytes;
  Call.allocate = allocate;
  Call.free = free;
  Call.allocate_user = this;
  return llvm::Error::success();
}

int Session::run() {
  // Memory of the last run's dynamic outputs is used again if it is enough.
  int Status = Model.call(&Call);
  if ((Status & 255) == LATHE_TOO_SMALL) {
    for (uint32_t I = 0; I < Model.num_outputs; ++I)
      if (!OutMemory[I]) {
        Out[I].data = nullptr;
        Out[I].capacity = 0;
      }
    Status = Model.call(&Call);
  }
  return Status;
}
