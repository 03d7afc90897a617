//===- Weights.h - Weights of linear layers ---------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Where the constant matrices of Conv, Gemm and MatMul lie, how they are read
// as a matrix of outputs by inputs, and how a changed copy takes their place.
// The copy is a resource of its own: the model file stays mapped and untouched.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_COMPRESS_WEIGHTS_H
#define LATHE_LIB_COMPRESS_WEIGHTS_H

#include "lathe/ONNX/ConstantMemory.h"
#include "lathe/ONNX/ConstantView.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace lathe::compress {

/// The constant operand of a linear layer.
struct Weights {
  mlir::Operation *Op;
  unsigned Operand;
  onnx::ConstantView View;
  /// Dimension of the outputs and of the inputs (per group).
  unsigned Out, In;
  /// Groups of a convolution; 1 for all others.
  int64_t Groups;
  /// Whether Out is counted in whole (Conv) or per group (ConvTranspose).
  bool OutPerGroup;

  int64_t outputs() const { return View.getShape()[Out]; }
  int64_t inputs() const { return View.getShape()[In]; }
};

/// A number as a person writes it, for messages.
std::string plain(double Number);

/// What \p Op multiplies its input with, if that is a constant of floats.
std::optional<Weights> weightsOf(mlir::Operation *Op);

/// Whether the node, or one that was fused into it, has a name in \p Names.
bool isNamed(mlir::Operation *Op, llvm::ArrayRef<std::string> Names);
/// Every name in \p Skip is one of a node; otherwise an error.
mlir::LogicalResult checkNames(mlir::ModuleOp Module,
                               llvm::ArrayRef<std::string> Skip);

/// All of them in order, without the nodes named in \p Skip; an elided or
/// complex one is left out. A constant that several ops share comes once for
/// each.
std::vector<Weights> findWeights(mlir::ModuleOp Module,
                                 llvm::ArrayRef<std::string> Skip);

/// Weights as f32, whatever they are stored as. What of them is mapped is let
/// go again: a pass over all of them holds one at a time.
void readFloats(const onnx::ConstantView &View,
                llvm::function_ref<void(int64_t, float)> Each);
std::vector<float> readFloats(const onnx::ConstantView &View);

/// A constant of raw bytes in the layout of a resource: dense up to 64
/// elements, a resource of the name \p Name above.
mlir::Value makeConstant(mlir::OpBuilder &B, mlir::Location Loc,
                         mlir::RankedTensorType Type, std::vector<char> Bytes,
                         llvm::StringRef Name);

/// All bytes of \p View, a splat spread out.
std::vector<char> expandBytes(const onnx::ConstantView &View);

/// Elements of \p W become zero for which \p Pruned holds (asked in row-major
/// order): in place, or in a copy that takes its place. Returns the number of
/// new zeros.
int64_t zeroWeights(const Weights &W, onnx::ResourceUses &Uses,
                    llvm::function_ref<bool(int64_t, float)> Pruned);

/// Constants that nothing uses any more go.
void eraseUnusedConstants(mlir::ModuleOp Module);

} // namespace lathe::compress

#endif // LATHE_LIB_COMPRESS_WEIGHTS_H
