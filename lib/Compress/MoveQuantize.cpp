//===- MoveQuantize.cpp - The pass compress-move-quantize -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ops that only move or choose elements give the same integers before and after
// a change of their form, so QuantizeLinear moves up and DequantizeLinear down
// through them, until they meet each other or an op that computes. What lies
// between runs on bytes.
//
//===----------------------------------------------------------------------===//

#include "Quantized.h"
#include "lathe/Compress/Passes.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/OnnxBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace lathe::compress {
#define GEN_PASS_DEF_MOVEQUANTIZE
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
/// Whether every element of the result is an element of operand 0 (of any
/// operand of Concat), whatever their values are.
bool moves(Operation *Op) {
  if (auto Pool = dyn_cast<onnx::MaxPoolOp>(Op))
    return Op->getNumResults() < 2 || Op->getResult(1).use_empty();
  return isa<onnx::ConcatOp, onnx::DepthToSpaceOp, onnx::ExpandOp,
             onnx::FlattenOp, onnx::GatherOp, onnx::IdentityOp, onnx::ReshapeOp,
             onnx::SliceOp, onnx::SpaceToDepthOp, onnx::SplitOp,
             onnx::SqueezeOp, onnx::TileOp, onnx::TransposeOp,
             onnx::UnsqueezeOp>(Op);
}

unsigned dataOperands(Operation *Op) {
  return isa<onnx::ConcatOp>(Op) ? Op->getNumOperands() : 1;
}

Type withElement(Type T, Type Element) {
  return cast<ShapedType>(T).clone(Element);
}

struct MoveQuantizePass : compress::impl::MoveQuantizeBase<MoveQuantizePass> {
  using MoveQuantizeBase::MoveQuantizeBase;

  void runOnOperation() override {
    // Every move brings one op nearer to its end: this ends.
    for (bool Changed = true; Changed;) {
      Changed = false;
      SmallVector<Operation *> All;
      getOperation().walk([&](Operation *Op) {
        if (moves(Op) || isa<onnx::QuantizeLinearOp>(Op))
          All.push_back(Op);
      });
      for (Operation *Op : All)
        if (Dead.contains(Op))
          continue;
        else if (isa<onnx::QuantizeLinearOp>(Op))
          Changed |= meet(Op) || dropBounds(Op);
        else
          Changed |= moveDown(Op) || moveUp(Op);
      // Users first.
      for (Operation *Op : Dead)
        Op->erase();
      Dead.clear();
      getOperation().walk([](Operation *Op) {
        if (isa<onnx::DequantizeLinearOp, onnx::QuantizeLinearOp>(Op) &&
            Op->use_empty())
          Op->erase();
      });
    }
  }

  /// Replaced in this round, each after its users.
  llvm::SetVector<Operation *> Dead;

  /// Q(D(x)) with the same parameters is x: (k * s) / s rounds to k.
  bool meet(Operation *Quantize) {
    auto D = dequantizes(Quantize->getOperand(0));
    auto P = parametersOf(Quantize);
    if (!D || !P || !(*parametersOf(D) == *P) ||
        Quantize->getResult(0).use_empty())
      return false;
    Value X = D->getOperand(0);
    if (X.getType() != Quantize->getResult(0).getType())
      return false;
    Quantize->getResult(0).replaceAllUsesWith(X);
    return true;
  }

  /// Saturation does what Relu does where the zero point is the least integer,
  /// and what Clip does whose bounds are the ends of the integers.
  bool dropBounds(Operation *Quantize) {
    Operation *Op = Quantize->getOperand(0).getDefiningOp();
    auto P = parametersOf(Quantize);
    if (!isa_and_present<onnx::ReluOp, onnx::ClipOp>(Op) || !P ||
        !Op->hasOneUse())
      return false;
    bool Unsigned = cast<IntegerType>(P->Element).isUnsigned();
    int64_t Least = Unsigned ? 0 : -128, Most = Least + 255;
    auto Gives = [&](double Bound, int64_t End) {
      double Steps = std::nearbyint(float(Bound) / P->Scale) + double(P->Zero);
      return std::clamp(Steps, double(Least), double(Most)) == double(End);
    };
    auto Within = [&](Value Bound, int64_t End) {
      if (!Bound)
        return true;
      auto View = onnx::ConstantView::get(Bound);
      return View && !View->isElided() && View->size() == 1 &&
             Gives(View->getNumber(0), End);
    };
    auto Clip = dyn_cast<onnx::ClipOp>(Op);
    if (Clip ? !Within(Clip.getMin(), Least) || !Within(Clip.getMax(), Most)
             : !Gives(0, Least))
      return false;
    Quantize->setOperand(0, Op->getOperand(0));
    Op->erase();
    return true;
  }

  /// The op on integers, between D and Q.
  static Operation *onIntegers(Operation *Op, ArrayRef<Value> Integers,
                               Type Element) {
    OpBuilder B(Op);
    Operation *New = B.clone(*Op);
    for (auto [I, V] : llvm::enumerate(Integers))
      New->setOperand(I, V);
    for (Value R : New->getResults())
      if (isa<FloatType>(getElementTypeOrSelf(R.getType())))
        R.setType(withElement(R.getType(), Element));
    return New;
  }

  bool moveDown(Operation *Op) {
    auto First = dequantizes(Op->getOperand(0));
    if (!First)
      return false;
    Parameters P = *parametersOf(First);
    SmallVector<Value> Integers;
    for (unsigned I = 0; I < dataOperands(Op); ++I) {
      auto D = dequantizes(Op->getOperand(I));
      if (!D || !(*parametersOf(D) == P))
        return false;
      Integers.push_back(D->getOperand(0));
    }
    Operation *New = onIntegers(Op, Integers, P.Element);
    OpBuilder B(Op);
    for (auto [Old, R] : llvm::zip_equal(Op->getResults(), New->getResults())) {
      if (Old.use_empty())
        continue;
      Operation *D = B.clone(*First);
      D->setLoc(Op->getLoc());
      D->setOperand(0, R);
      D->getResult(0).setType(Old.getType());
      Old.replaceAllUsesWith(D->getResult(0));
    }
    Dead.insert(Op);
    return true;
  }

  /// A Slice that cuts little off: to quantize that too is cheaper than to
  /// write floats and read them again.
  static bool keepsMost(Operation *Op) {
    auto From = dyn_cast<RankedTensorType>(Op->getOperand(0).getType()),
         To = dyn_cast<RankedTensorType>(Op->getResult(0).getType());
    return From && To && From.hasStaticShape() && To.hasStaticShape() &&
           From.getNumElements() <= 2 * To.getNumElements();
  }

  bool moveUp(Operation *Op) {
    if (isa<onnx::SplitOp, onnx::GatherOp, onnx::ExpandOp, onnx::TileOp>(Op) ||
        (isa<onnx::SliceOp>(Op) && !keepsMost(Op)))
      return false; // less, or more often, is quantized behind them
    auto Q = onlyQuantizer(Op->getResult(0));
    if (!Q)
      return false;
    Parameters P = *parametersOf(Q);
    SmallVector<Value> Integers;
    OpBuilder B(Op);
    for (unsigned I = 0; I < dataOperands(Op); ++I) {
      Value V = Op->getOperand(I);
      if (onnx::ConstantView::get(V))
        return false;
    }
    for (unsigned I = 0; I < dataOperands(Op); ++I) {
      Value V = Op->getOperand(I);
      // The constants of scale and zero point lie before Q, not before Op.
      IRMapping Map;
      for (Value Parameter : Q->getOperands().drop_front())
        Map.map(Parameter, B.clone(*Parameter.getDefiningOp())->getResult(0));
      Operation *Up = B.clone(*Q, Map);
      Up->setLoc(Op->getLoc());
      Up->setOperand(0, V);
      Up->getResult(0).setType(withElement(V.getType(), P.Element));
      Integers.push_back(Up->getResult(0));
    }
    Operation *New = onIntegers(Op, Integers, P.Element);
    New->getResult(0).setType(Q->getResult(0).getType());
    Q->getResult(0).replaceAllUsesWith(New->getResult(0));
    Dead.insert(Q);
    Dead.insert(Op);
    return true;
  }
};
} // namespace
