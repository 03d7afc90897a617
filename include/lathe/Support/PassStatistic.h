//===- PassStatistic.h - Counters of passes ---------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What `Statistic` in a Passes.td becomes. MLIR's own counts only in builds of
// LLVM with assertions, which distributions do not ship; lathe_tablegen_passes
// puts this type in its place.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_SUPPORT_PASSSTATISTIC_H
#define LATHE_SUPPORT_PASSSTATISTIC_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <atomic>
#include <cstdint>

namespace mlir {
class Pass;
} // namespace mlir

namespace lathe {

/// A counter, the member of a pass. Threads may count at once.
class PassStatistic {
public:
  PassStatistic(mlir::Pass *Owner, const char *Name, const char *Description);
  ~PassStatistic();
  PassStatistic(const PassStatistic &) = delete;

  PassStatistic &operator+=(int64_t More) {
    Count += More;
    return *this;
  }
  PassStatistic &operator++() { return *this += 1; }
  void operator++(int) { *this += 1; }

  llvm::StringRef getName() const { return Name; }
  llvm::StringRef getDescription() const { return Description; }
  int64_t getValue() const { return Count; }
  /// The value, and from then on zero.
  int64_t take() { return Count.exchange(0); }

  /// The counters of \p Owner in the order of their declaration.
  static llvm::SmallVector<PassStatistic *> of(mlir::Pass *Owner);

private:
  mlir::Pass *Owner;
  const char *Name, *Description;
  std::atomic<int64_t> Count = 0;
};

} // namespace lathe

#endif // LATHE_SUPPORT_PASSSTATISTIC_H
