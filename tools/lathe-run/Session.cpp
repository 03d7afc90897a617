//===- Session.cpp - Calling a loaded model -------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Session.h"
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

using namespace lathe::run;

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

Session::Session(const lathe_model &Model, std::vector<HostTensor> &Inputs)
    : Model(Model), Inputs(Inputs) {}

llvm::Error Session::prepare() {
  for (HostTensor &T : Inputs) {
    // The model wants its inputs aligned to their element, a vector of bytes is
    // not.
    InMemory.push_back(makeMemory(T.Data.size()));
    if (!InMemory.back())
      return llvm::createStringError("out of memory");
    std::memcpy(InMemory.back().get(), T.Data.data(), T.Data.size());
    In.push_back({InMemory.back().get(), T.Type, int32_t(T.Shape.size()),
                  T.Shape.data(), T.Data.size()});
  }
  for (uint32_t I = 0; I < Model.num_outputs; ++I) {
    const lathe_tensor_info &Info = Model.outputs[I];
    OutShapes.emplace_back(Info.shape, Info.shape + Info.rank);
    bool Dynamic = llvm::is_contained(OutShapes.back(), -1);
    HostTensor Whole;
    Whole.Shape = OutShapes.back();
    uint64_t Bytes =
        Dynamic ? 0
                : (uint64_t(Whole.elements()) * elementBits(Info.type) + 7) / 8;
    // Memory of dynamic outputs is for the allocator to give.
    OutMemory.push_back(Dynamic ? Memory() : makeMemory(Bytes));
    if (!Dynamic && !OutMemory.back())
      return llvm::createStringError("out of memory");
    Out.push_back(
        {OutMemory.back().get(), Info.type, Info.rank, nullptr, Bytes});
  }
  for (uint32_t I = 0; I < Model.num_outputs; ++I)
    Out[I].shape = OutShapes[I].data();

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

std::vector<HostTensor> Session::outputs() const {
  std::vector<HostTensor> Result;
  for (const lathe_tensor &T : Out) {
    HostTensor H;
    H.Type = T.type;
    H.Shape.assign(T.shape, T.shape + T.rank);
    uint64_t Bytes = (uint64_t(H.elements()) * elementBits(T.type) + 7) / 8;
    const char *Data = static_cast<const char *>(T.data);
    if (Bytes && Data)
      H.Data.assign(Data, Data + Bytes);
    H.Data.resize(Bytes);
    Result.push_back(std::move(H));
  }
  return Result;
}
