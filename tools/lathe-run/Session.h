//===- Session.h - Calling a loaded model -----------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_RUN_SESSION_H
#define LATHE_RUN_SESSION_H

#include "HostTensor.h"
#include "lathe/Driver/LoadedModel.h"
#include <memory>

namespace lathe::run {

/// Inputs, outputs and workspace of one call, made once and called often.
class Session {
public:
  /// \p Inputs must live as long as this.
  Session(const lathe_model &Model, std::vector<HostTensor> &Inputs);

  /// Finds room for everything; an error if the model does not take the inputs.
  llvm::Error prepare();
  /// The model's status.
  int run();
  /// The outputs of the last run.
  std::vector<HostTensor> outputs() const;
  int64_t workspaceBytes() const { return WorkspaceBytes; }

private:
  static void *allocate(void *User, uint64_t Bytes);
  struct Free {
    void operator()(void *Memory) const;
  };
  using Memory = std::unique_ptr<void, Free>;
  /// 64-byte aligned; in huge pages where it is large.
  static Memory makeMemory(uint64_t Bytes);

  const lathe_model &Model;
  std::vector<HostTensor> &Inputs;
  std::vector<lathe_tensor> In, Out;
  std::vector<std::vector<int64_t>> OutShapes;
  std::vector<Memory> InMemory, OutMemory, Allocated;
  Memory Workspace;
  int64_t WorkspaceBytes = 0;
  lathe_call Call = {};
};

} // namespace lathe::run

#endif // LATHE_RUN_SESSION_H
