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
// target. The code is made for one fixed baseline of the host.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_EVALUATOR_H
#define LATHE_ONNX_EVALUATOR_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <vector>

namespace lathe::onnx {

/// A tensor's elements: row-major, little-endian, laid out as a resource of the
/// onnx dialect (ConstantView.h): bool a byte, 4- and 2-bit elements packed.
struct TensorView {
  /// Static shape, element type of the onnx dialect.
  mlir::RankedTensorType Type;
  llvm::ArrayRef<char> Bytes;
};

/// As above, with memory of its own (makeTensor makes a constant of it).
struct EvaluatedTensor {
  mlir::RankedTensorType Type;
  std::vector<char> Bytes;

  operator TensorView() const { return {Type, Bytes}; }
};

struct EvaluationOptions {
  /// Sums in the order of the loops, products rounded before they are added:
  /// what ONNX's reference computes, in scalar loops. Otherwise vectors and
  /// tiles, as a model is compiled: many times faster, equal on every machine
  /// too, and as close to the exact result.
  bool StrictFloats = true;
};

/// A module that has been compiled and can be run any number of times.
class Evaluation {
public:
  virtual ~Evaluation();
  /// Takes one tensor for each argument of @main, in order, of a type that the
  /// argument's type allows; gives the results of @main with their actual
  /// shapes, or the reason why the run failed.
  virtual llvm::Expected<std::vector<EvaluatedTensor>>
  run(llvm::ArrayRef<TensorView> Inputs) = 0;
};

class Evaluator {
public:
  virtual ~Evaluator();
  /// Compiles \p Module: a `func.func @main` of onnx ops on tensors, as the
  /// import leaves it, shapes inferred or not; names of arguments and results
  /// may be absent. It is only read, and may be changed or destroyed
  /// afterwards. Its constants need to outlive the call alone. An error says
  /// why it does not compile, with the node. Safe within a running pass.
  virtual llvm::Expected<std::unique_ptr<Evaluation>>
  compile(mlir::ModuleOp Module, const EvaluationOptions &Options = {}) = 0;
};

} // namespace lathe::onnx

#endif // LATHE_ONNX_EVALUATOR_H
