//===- PassStatistic.cpp - Counters of passes -----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A pass cannot be asked for members of a type that MLIR does not know, so the
// counters that live are listed here by their owner.
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/PassStatistic.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include <mutex>

using namespace lathe;

namespace {
struct Directory {
  std::mutex Mutex;
  llvm::DenseMap<mlir::Pass *, llvm::SmallVector<PassStatistic *>> ByOwner;
};
} // namespace

static Directory &directory() {
  // Never destroyed: passes may be, later.
  static Directory *Instance = new Directory;
  return *Instance;
}

PassStatistic::PassStatistic(mlir::Pass *Owner, const char *Name,
                             const char *Description)
    : Owner(Owner), Name(Name), Description(Description) {
  Directory &D = directory();
  std::lock_guard<std::mutex> Lock(D.Mutex);
  D.ByOwner[Owner].push_back(this);
}

PassStatistic::~PassStatistic() {
  Directory &D = directory();
  std::lock_guard<std::mutex> Lock(D.Mutex);
  auto It = D.ByOwner.find(Owner);
  llvm::erase(It->second, this);
  if (It->second.empty())
    D.ByOwner.erase(It);
}

llvm::SmallVector<PassStatistic *> PassStatistic::of(mlir::Pass *Owner) {
  Directory &D = directory();
  std::lock_guard<std::mutex> Lock(D.Mutex);
  return D.ByOwner.lookup(Owner);
}
