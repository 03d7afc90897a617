//===- Interpreter.h - Scalar arithmetic, evaluated -------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs straight-line arithmetic on scalars, as IEEE 754 and the semantics of
// the ops say: the bits that a target's instructions give. An op that a target
// is free to do in several ways (functions of math that are not exact, numbers
// beyond an integer's range) is not evaluated.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_INTERPRETER_H
#define LATHE_LIB_CODEGEN_INTERPRETER_H

#include "mlir/IR/Block.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"
#include "llvm/ADT/DenseMap.h"
#include <optional>

namespace lathe::codegen {

/// The bits of an integer or of a float: what it is, the type of its value
/// says.
class Interpreter {
public:
  void set(mlir::Value V, const llvm::APInt &Bits) {
    Values.insert_or_assign(V, Bits);
  }
  std::optional<llvm::APInt> get(mlir::Value V) const {
    auto It = Values.find(V);
    return It == Values.end() ? std::nullopt
                              : std::optional<llvm::APInt>(It->second);
  }
  /// Evaluates all of \p Body but its terminator; false at the first op that
  /// has no value.
  bool run(mlir::Block &Body);

private:
  llvm::DenseMap<mlir::Value, llvm::APInt> Values;

  std::optional<llvm::APInt> evaluate(mlir::Operation &Op);
};

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_INTERPRETER_H
