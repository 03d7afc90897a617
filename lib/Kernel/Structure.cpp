//===- Structure.cpp - What a kernel is made of --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Structure.h"
#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/PackedProduct.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace lathe;

bool kernel::isLoopKernel(Operation *Op) {
  return Op->hasAttr(LoopKernelAttr) && isa<scf::ForOp, scf::WhileOp>(Op);
}

bool kernel::isElementwiseOp(Operation *Op) {
  auto Linalg = dyn_cast<linalg::LinalgOp>(Op);
  return Linalg && Linalg.hasPureTensorSemantics() &&
         Linalg.getNumParallelLoops() == Linalg.getNumLoops();
}

bool kernel::isRoot(Operation *Op) {
  auto Linalg = dyn_cast<linalg::LinalgOp>(Op);
  return Linalg && Linalg.hasPureTensorSemantics() &&
         Linalg.getNumParallelLoops() != Linalg.getNumLoops();
}

namespace {
/// How a byte is extended to i32: as an unsigned number or as a signed one,
/// perhaps with its sign bit flipped first.
struct Byte {
  bool Unsigned, Flipped;
};
std::optional<Byte> matchByte(Value V, Value Arg) {
  Operation *Extend = V.getDefiningOp();
  if (!V.getType().isInteger(32) || !Arg.getType().isInteger(8) ||
      !isa_and_nonnull<arith::ExtUIOp, arith::ExtSIOp>(Extend))
    return std::nullopt;
  bool Unsigned = isa<arith::ExtUIOp>(Extend);
  if (Extend->getOperand(0) == Arg)
    return Byte{Unsigned, false};
  auto Flip = Extend->getOperand(0).getDefiningOp<arith::XOrIOp>();
  if (Flip && Flip.getLhs() == Arg && isConstantIntValue(Flip.getRhs(), -128))
    return Byte{Unsigned, true};
  return std::nullopt;
}
} // namespace

kernel::ByteRows kernel::matchByteSum(linalg::GenericOp Op, unsigned X,
                                      bool AnyColumns) {
  if (Op.getNumDpsInputs() != 2 || Op.getNumDpsInits() != 1)
    return ByteRows::None;
  Block &Body = Op.getRegion().front();
  auto Add = Body.getTerminator()->getOperand(0).getDefiningOp<arith::AddIOp>();
  if (!Add || Add.getLhs() != Body.getArgument(2))
    return ByteRows::None;
  auto Mul = Add.getRhs().getDefiningOp<arith::MulIOp>();
  if (!Mul)
    return ByteRows::None;
  Value Left = Mul.getLhs(), Right = Mul.getRhs();
  for (int Turn = 0; Turn < 2; ++Turn) {
    if (std::optional<Byte> R = matchByte(Right, Body.getArgument(1 - X));
        R && (AnyColumns || !R->Unsigned) && !R->Flipped)
      if (std::optional<Byte> L = matchByte(Left, Body.getArgument(X)))
        return L->Unsigned ? ByteRows::Unsigned : ByteRows::Signed;
    std::swap(Left, Right);
  }
  return ByteRows::None;
}

/// As linalg::isaContractionOpInterface, but bytes of rows may be flipped.
static bool isByteContraction(linalg::LinalgOp Op) {
  auto Generic = dyn_cast<linalg::GenericOp>(Op.getOperation());
  return Generic &&
         llvm::all_of(Generic.getIndexingMapsArray(),
                      [](AffineMap M) { return M.isProjectedPermutation(); }) &&
         (kernel::matchByteSum(Generic, 0) != kernel::ByteRows::None ||
          kernel::matchByteSum(Generic, 1) != kernel::ByteRows::None);
}

StringRef kernel::kindOf(Operation *Op) {
  if (isLoopKernel(Op))
    return "loop";
  if (isa<linalg::FillOp>(Op))
    return "fill";
  auto Linalg = cast<linalg::LinalgOp>(Op);
  if (Linalg.getNumReductionLoops() == 0)
    return "elementwise";
  auto Generic = dyn_cast<linalg::GenericOp>(Op);
  if (linalg::isaContractionOpInterface(Linalg) || isByteContraction(Linalg) ||
      (Generic && (matchPackedProduct(Generic) || isWordDot(Generic))))
    return "contraction";
  if (FailureOr<linalg::ConvolutionDimensions> D =
          linalg::inferConvolutionDims(Linalg);
      succeeded(D)) {
    // A window over one input is a pooling: its second operand, if any, only
    // gives the window's shape.
    bool UsesFilter =
        Linalg.getNumDpsInputs() == 2 &&
        Linalg.payloadUsesValueFromOperand(Linalg.getDpsInputOperand(1));
    return UsesFilter ? "conv" : "pool";
  }
  return "reduction";
}

int kernel::innermostLoop(linalg::LinalgOp Op, AffineMap Map) {
  SmallVector<int64_t> Ranges = Op.getStaticLoopRanges();
  for (AffineExpr E : llvm::reverse(Map.getResults())) {
    if (isa<AffineConstantExpr>(E))
      continue;
    auto D = dyn_cast<AffineDimExpr>(E);
    if (!D)
      return -1;
    if (Ranges[D.getPosition()] != 1)
      return D.getPosition();
  }
  return -1;
}

int64_t kernel::countCalls(ModuleOp Module) {
  int64_t Count = 0;
  Module.walk<WalkOrder::PreOrder>([&](Operation *Op) {
    if (isa<FuncOp>(Op))
      return WalkResult::skip();
    if (isa<CallOp, memref::CopyOp, scf::IfOp, scf::ForOp, scf::WhileOp>(Op))
      ++Count;
    return WalkResult::advance();
  });
  return Count;
}
