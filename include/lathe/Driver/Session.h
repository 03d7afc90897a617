//===- Session.h - Calling a loaded model -----------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Memory for the inputs, outputs and workspace of one call, found once and used
// by many.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_SESSION_H
#define LATHE_DRIVER_SESSION_H

#include "lathe.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <vector>

namespace lathe::driver {

/// Bits of an element of a lathe_type; 0 for what the C interface cannot carry.
unsigned elementBits(int32_t Type);

/// Bytes that the elements of \p T take.
uint64_t tensorBytes(const lathe_tensor &T);

class Session {
public:
  explicit Session(const lathe_model &Model) : Model(Model) {}
  Session(const Session &) = delete;

  /// Finds room for everything. What \p Inputs point to must live as long as
  /// this; data that is not aligned well is copied.
  llvm::Error prepare(llvm::ArrayRef<lathe_tensor> Inputs);
  /// The model's status.
  int run();
  /// The outputs of the last run.
  llvm::ArrayRef<lathe_tensor> outputs() const { return Out; }
  int64_t workspaceBytes() const { return WorkspaceBytes; }

private:
  static void *allocate(void *User, uint64_t Bytes);
  static void free(void *User, void *Given);
  struct Free {
    void operator()(void *Memory) const;
  };
  using Memory = std::unique_ptr<void, Free>;
  /// 64-byte aligned; in huge pages where it is large.
  static Memory makeMemory(uint64_t Bytes);

  const lathe_model &Model;
  std::vector<lathe_tensor> In, Out;
  std::vector<std::vector<int64_t>> OutShapes;
  std::vector<Memory> InMemory, OutMemory, Allocated;
  Memory Workspace;
  int64_t WorkspaceBytes = 0;
  lathe_call Call = {};
};

} // namespace lathe::driver

#endif // LATHE_DRIVER_SESSION_H
