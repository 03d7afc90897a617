//===- Evaluator.h - Running a graph while compiling ------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Constant folding, calibration and the search under an accuracy budget need
// the values that a piece of the graph gives. They ask through this interface;
// the driver implements it with the compiler itself and hands it down in the
// options of a stage's pipeline.
//
// Invariant: values do not depend on the machine that compiles nor on the
// target. The code is made for one fixed baseline of the host, with strict
// floats.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_EVALUATOR_H
#define LATHE_ONNX_EVALUATOR_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OwningOpRef.h"
#include <memory>
#include <vector>

namespace lathe::onnx {

/// A tensor's elements: row-major, little-endian, laid out as a resource of the
/// onnx dialect (ConstantView.h): bool a byte, 4- and 2-bit elements packed.
struct EvaluatedTensor {
  /// Static shape, element type of the onnx dialect.
  mlir::RankedTensorType Type;
  std::vector<char> Bytes;
};

/// A module that has been compiled and can be run any number of times.
class Evaluation {
public:
  virtual ~Evaluation();
  /// One tensor for each argument of @main, in order, of a type that the
  /// argument's type allows; the results of @main, with their actual shapes. A
  /// failure has been reported at the module's location.
  virtual mlir::FailureOr<std::vector<EvaluatedTensor>>
  run(llvm::ArrayRef<EvaluatedTensor> Inputs) = 0;
};

class Evaluator {
public:
  virtual ~Evaluator();
  /// Compiles \p Module: a `func.func @main` of onnx ops on tensors, as the
  /// import leaves it, shapes inferred or not. Null if it does not compile;
  /// the reason has then been reported as a remark, not an error, for the
  /// caller can do without.
  virtual std::unique_ptr<Evaluation>
  compile(mlir::OwningOpRef<mlir::ModuleOp> Module) = 0;
};

} // namespace lathe::onnx

#endif // LATHE_ONNX_EVALUATOR_H
