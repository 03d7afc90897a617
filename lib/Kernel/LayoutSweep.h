//===- LayoutSweep.h - Transpositions that travel ---------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The sweep of kernel-assign-layout: AssignLayout.cpp visits the ops of main,
// LayoutStructured.cpp says what linalg ops do with the transpositions that
// reach them, LayoutMovement.cpp what pads, slices and reshapes do.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_KERNEL_LAYOUTSWEEP_H
#define LATHE_LIB_KERNEL_LAYOUTSWEEP_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace lathe::kernel {

using namespace mlir;

using Perm = SmallVector<int64_t>;

inline RankedTensorType permuted(Type T, ArrayRef<int64_t> P) {
  auto Tensor = cast<RankedTensorType>(T);
  return RankedTensorType::get(applyPermutation(Tensor.getShape(), P),
                               Tensor.getElementType());
}

class LayoutSweep {
public:
  LayoutSweep(func::FuncOp Main) : Main(Main), B(Main.getContext()) {}

  void run();

private:
  linalg::TransposeOp travelling(Value V) const {
    auto T = V.getDefiningOp<linalg::TransposeOp>();
    return T && Travelling.contains(T) ? T : nullptr;
  }

  Value transpose(Location Loc, Value V, ArrayRef<int64_t> P);
  /// Gives the uses of \p Old the value \p New, which holds it in the order P:
  /// dimension i of New is dimension P[i] of Old.
  void replaceReordered(Value Old, Value New, ArrayRef<int64_t> P);

  void visitGeneric(linalg::GenericOp Op);
  void orderFilter(linalg::GenericOp Op,
                   const linalg::ConvolutionDimensions &Dims);
  void orderInput(linalg::GenericOp Op,
                  const linalg::ConvolutionDimensions &Dims);
  void orderRightHandSide(linalg::GenericOp Op);
  void readMoved(linalg::GenericOp Op);
  void reorderOperand(linalg::GenericOp Op, OpOperand &Operand,
                      ArrayRef<int64_t> DimOrder);
  linalg::GenericOp orderResult(linalg::GenericOp Op,
                                ArrayRef<int64_t> DimOrder);
  void visitPad(tensor::PadOp Op);
  void visitConcat(tensor::ConcatOp Op);
  void visitSlice(tensor::ExtractSliceOp Op);
  void visitExpand(tensor::ExpandShapeOp Op);
  void visitCollapse(tensor::CollapseShapeOp Op);
  void visitDim(tensor::DimOp Op);

  func::FuncOp Main;
  IRRewriter B;
  llvm::SmallPtrSet<Operation *, 32> Travelling;
};

} // namespace lathe::kernel

#endif // LATHE_LIB_KERNEL_LAYOUTSWEEP_H
