//===- LegalizeStorage.cpp - The pass lower-legalize-storage ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// In three steps, because a type says two things (what a scalar computes in,
// how an element lies in memory): scalars of narrow floats become f32;
// conversions go where scalars meet tensors (bodies of structured ops,
// tensor.extract and insert, fills); then tensors and constants get their
// memory types. Values that a body only moves are never converted. At the
// boundary of main 4- and 2-bit elements are packed.
//
//===----------------------------------------------------------------------===//

#include "NarrowTypes.h"
#include "PackedBits.h"
#include "StoredConstants.h"
#include "lathe/Lower/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace lathe::lower {

#define GEN_PASS_DEF_LOWERLEGALIZESTORAGE
#include "lathe/Lower/Passes.h.inc"

namespace {
class Legalizer {
public:
  Legalizer(func::FuncOp Func, const NarrowTypes &Types)
      : Func(Func), Types(Types), Rewriter(Func.getContext()),
        B(Func.getLoc(), Rewriter) {}

  LogicalResult run() {
    SmallVector<Operation *> Ops;
    Func.walk([&](Operation *Op) { Ops.push_back(Op); });
    if (llvm::none_of(Ops, [&](Operation *Op) { return concerns(Op); }))
      return success();
    if (failed(generalize(Ops)))
      return failure();
    Ops.clear();
    Func.walk([&](Operation *Op) { Ops.push_back(Op); });
    // Bitcasts first: they read types that the next step blurs.
    for (Operation *&Op : Ops)
      castBits(Op);
    llvm::erase(Ops, nullptr);
    for (Operation *&Op : Ops)
      widenScalar(Op);
    llvm::erase(Ops, nullptr);
    for (Operation *Op : Ops)
      widenTypes(Op);
    for (Operation *Op : Ops)
      convertAtBoundary(Op);
    for (Operation *Op : Ops)
      setMemoryTypes(Op);
    return setSignature();
  }

private:
  /// The element type of a tensor that is not plain.
  Type narrowElement(Type T) const {
    auto Tensor = dyn_cast<RankedTensorType>(T);
    if (!Tensor || Types.isPlain(Tensor.getElementType()))
      return {};
    return Tensor.getElementType();
  }
  bool isNarrowScalar(Type T) const { return Types.computeType(T) != T; }
  bool isNarrow(Type T) const { return narrowElement(T) || isNarrowScalar(T); }

  bool concerns(Operation *Op) const {
    auto Any = [&](auto Range) {
      return llvm::any_of(Range, [&](Type T) { return isNarrow(T); });
    };
    if (Any(Op->getOperandTypes()) || Any(Op->getResultTypes()))
      return true;
    for (Region &R : Op->getRegions())
      for (Block &Body : R)
        if (Any(Body.getArgumentTypes()))
          return true;
    return false;
  }

  /// Named ops carry no body that a conversion could stand in.
  LogicalResult generalize(ArrayRef<Operation *> Ops) {
    for (Operation *Op : Ops) {
      auto Linalg = dyn_cast<linalg::LinalgOp>(Op);
      if (!Linalg ||
          isa<linalg::GenericOp, linalg::FillOp, linalg::TransposeOp>(Op) ||
          !concerns(Op))
        continue;
      Rewriter.setInsertionPoint(Op);
      if (failed(linalg::generalizeNamedOp(Rewriter, Linalg)))
        return Op->emitError("cannot give this op narrow storage types");
    }
    return success();
  }

  //===--- Step 1: scalars ------------------------------------------------===//

  /// A bitcast reads or makes the bits of a narrow float. Sets \p Op to null if
  /// erased.
  void castBits(Operation *&Op) {
    B.setLoc(Op->getLoc());
    if (auto Cast = dyn_cast<arith::BitcastOp>(Op)) {
      Type From = Cast.getIn().getType(), To = Cast.getType();
      if (!isNarrowScalar(From) && !isNarrowScalar(To))
        return;
      B.setInsertionPoint(Op);
      Value V = Cast.getIn();
      // To the bits of one type and from them to the other.
      if (isNarrowScalar(From))
        V = bits(V, From);
      if (isNarrowScalar(To))
        V = unbits(V, To);
      return replace(Op, V);
    }
  }

  /// Ops whose meaning lies in a narrow scalar type. Sets \p Op to null if
  /// erased.
  void widenScalar(Operation *&Op) {
    B.setLoc(Op->getLoc());
    if (auto Ext = dyn_cast<arith::ExtFOp>(Op);
        Ext && isNarrowScalar(Ext.getIn().getType())) {
      if (Types.computeType(Ext.getIn().getType()) ==
          Types.computeType(Ext.getType()))
        return replace(Op, Ext.getIn());
      return;
    }
    if (auto Trunc = dyn_cast<arith::TruncFOp>(Op);
        Trunc && isNarrowScalar(Trunc.getType())) {
      if (Types.computeType(Trunc.getIn().getType()) ==
          Types.computeType(Trunc.getType()))
        return replace(Op, rounded(Trunc));
      return;
    }
    if (auto Constant = dyn_cast<arith::ConstantOp>(Op);
        Constant && isNarrowScalar(Constant.getType())) {
      APFloat V = cast<FloatAttr>(Constant.getValue()).getValue();
      bool Inexact;
      V.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &Inexact);
      Constant.setValueAttr(FloatAttr::get(Rewriter.getF32Type(), V));
    }
  }

  /// A value that is only stored is rounded there; others are rounded here.
  Value rounded(arith::TruncFOp Trunc) {
    bool OnlyStored = llvm::all_of(Trunc->getUsers(), [](Operation *User) {
      return isa<linalg::YieldOp, tensor::InsertOp, tensor::YieldOp,
                 linalg::FillOp>(User);
    });
    if (OnlyStored)
      return Trunc.getIn();
    B.setInsertionPoint(Trunc);
    NarrowTypes Exact = Types.boundary();
    return Exact.decode(B, Exact.encode(B, Trunc.getIn(), Trunc.getType()),
                        Trunc.getType());
  }

  Value bits(Value V, Type From) {
    Value Stored = Types.boundary().encode(B, V, From);
    Type Int = Rewriter.getIntegerType(From.getIntOrFloatBitWidth());
    if (Stored.getType() == Int)
      return Stored;
    if (isa<FloatType>(Stored.getType()))
      return arith::BitcastOp::create(B, Int, Stored);
    return arith::TruncIOp::create(B, Int, Stored);
  }
  Value unbits(Value V, Type To) {
    NarrowTypes Types = this->Types.boundary();
    Type Memory = Types.memoryType(To);
    if (isa<FloatType>(Memory))
      V = arith::BitcastOp::create(B, Memory, V);
    else if (V.getType() != Memory)
      V = arith::ExtUIOp::create(B, Memory, V);
    return Types.decode(B, V, To);
  }

  void replace(Operation *&Op, Value V) {
    Op->getResult(0).replaceAllUsesWith(V);
    Op->erase();
    Op = nullptr;
  }

  void widenTypes(Operation *Op) {
    for (OpResult R : Op->getResults())
      R.setType(Types.computeType(R.getType()));
    for (Region &Reg : Op->getRegions())
      for (Block &Body : Reg)
        for (BlockArgument A : Body.getArguments())
          A.setType(Types.computeType(A.getType()));
  }

  //===--- Step 2: where scalars meet tensors -----------------------------===//

  Value encoded(Value V, Type Elem) {
    if (Value Raw = RawOf.lookup(V); Raw &&
                                     Raw.getType() == Types.memoryType(Elem) &&
                                     ElemOf.lookup(Raw) == Elem)
      return Raw;
    return Types.encode(B, V, Elem);
  }
  Value decoded(Value Raw, Type Elem) {
    Value V = Types.decode(B, Raw, Elem);
    if (V == Raw)
      return V;
    RawOf[V] = Raw;
    ElemOf[Raw] = Elem;
    return V;
  }
  void decodeUses(Value Raw, Type Elem) {
    Value V = decoded(Raw, Elem);
    if (V == Raw)
      return;
    Raw.replaceUsesWithIf(V, [&](OpOperand &Use) {
      // The conversion itself reads what memory holds.
      for (Operation *Op = V.getDefiningOp(); Op; Op = Op->getPrevNode()) {
        if (Op == Raw.getDefiningOp())
          break;
        if (Op == Use.getOwner() && Op->getBlock() == Raw.getParentBlock())
          return false;
      }
      return true;
    });
  }
  void encodeOperands(Operation *Op, ValueRange Operands,
                      ArrayRef<Type> Elems) {
    B.setInsertionPoint(Op);
    for (auto [I, V] : llvm::enumerate(Operands))
      if (!Types.isPlain(Elems[I]))
        Op->setOperand(I, encoded(V, Elems[I]));
  }
  static Type elementOf(Value V) {
    return cast<ShapedType>(V.getType()).getElementType();
  }

  void convertAtBoundary(Operation *Op) {
    B.setLoc(Op->getLoc());
    if (auto Generic = dyn_cast<linalg::GenericOp>(Op)) {
      Block &Body = *Generic.getBody();
      SmallVector<Type> Outs;
      for (Value Out : Generic.getOutputs())
        Outs.push_back(elementOf(Out));
      // The yield comes last in a walk of the body, but decoding must be known
      // first.
      for (auto [Arg, Operand] :
           llvm::zip_equal(Body.getArguments(), Generic->getOperands())) {
        Type Elem = elementOf(Operand);
        if (Types.isPlain(Elem))
          continue;
        Arg.setType(Types.memoryType(Elem));
        if (Arg.use_empty())
          continue;
        B.setInsertionPointToStart(&Body);
        decodeUses(Arg, Elem);
      }
      Operation *Yield = Body.getTerminator();
      encodeOperands(Yield, Yield->getOperands(), Outs);
      eraseDeadConversions(Body);
      return;
    }
    if (auto Fill = dyn_cast<linalg::FillOp>(Op)) {
      Type Elem = elementOf(Fill.getOutputs()[0]);
      if (Types.isPlain(Elem))
        return;
      encodeOperands(Op, ValueRange(Fill.getInputs()), {Elem});
      for (BlockArgument Arg : Fill.getBlock()->getArguments())
        Arg.setType(Types.memoryType(Elem));
      return;
    }
    if (auto Transpose = dyn_cast<linalg::TransposeOp>(Op)) {
      Type Elem = elementOf(Transpose.getInput());
      for (BlockArgument Arg : Transpose->getRegion(0).getArguments())
        Arg.setType(Types.memoryType(Elem));
      return;
    }
    if (auto Extract = dyn_cast<tensor::ExtractOp>(Op)) {
      Type Elem = elementOf(Extract.getTensor());
      if (Types.isPlain(Elem))
        return;
      Extract.getResult().setType(Types.memoryType(Elem));
      B.setInsertionPointAfter(Op);
      decodeUses(Extract.getResult(), Elem);
      return;
    }
    if (auto Insert = dyn_cast<tensor::InsertOp>(Op))
      return encodeOperands(Op, ValueRange(Insert.getScalar()),
                            {elementOf(Insert.getDest())});
    if (auto Splat = dyn_cast<tensor::SplatOp>(Op))
      return encodeOperands(Op, ValueRange(Splat.getInput()),
                            {elementOf(Splat.getResult())});
    if (auto From = dyn_cast<tensor::FromElementsOp>(Op)) {
      SmallVector<Type> Elems(From.getElements().size(),
                              elementOf(From.getResult()));
      return encodeOperands(Op, From.getElements(), Elems);
    }
    if (isa<tensor::PadOp, tensor::GenerateOp>(Op)) {
      Operation *Yield = Op->getRegion(0).front().getTerminator();
      return encodeOperands(Yield, Yield->getOperands(),
                            {elementOf(Op->getResult(0))});
    }
  }

  /// A conversion whose value is only moved on has no reader any more.
  void eraseDeadConversions(Block &Body) {
    for (Operation &Op : llvm::make_early_inc_range(llvm::reverse(Body)))
      if (isOpTriviallyDead(&Op) && !isa<tensor::ExtractOp>(Op)) {
        for (OpResult R : Op.getResults())
          RawOf.erase(R);
        Op.erase();
      }
  }

  //===--- Step 3: tensors ------------------------------------------------===//

  Type memoryTypeOf(Type T) const {
    auto Tensor = dyn_cast<RankedTensorType>(T);
    return Tensor ? Tensor.clone(Types.memoryType(Tensor.getElementType())) : T;
  }

  void setMemoryTypes(Operation *Op) {
    if (auto Constant = dyn_cast<arith::ConstantOp>(Op);
        Constant && narrowElement(Constant.getType()))
      return storeConstant(B, Constant, Types);
    for (OpResult R : Op->getResults())
      R.setType(memoryTypeOf(R.getType()));
    for (Region &Reg : Op->getRegions())
      for (Block &Body : Reg)
        for (BlockArgument A : Body.getArguments())
          A.setType(memoryTypeOf(A.getType()));
  }

  //===--- The boundary of main -------------------------------------------===//

  /// True for tensors whose elements lie wider inside main than at its
  /// boundary.
  bool isWidened(RankedTensorType T) const {
    return T && Types.memoryType(T.getElementType()) !=
                    Types.boundary().memoryType(T.getElementType());
  }

  /// \p V with every element put through \p Body.
  Value converted(Value V, Type Elem,
                  function_ref<Value(ImplicitLocOpBuilder &, Value)> Body) {
    auto Type = cast<RankedTensorType>(V.getType());
    SmallVector<OpFoldResult> Sizes = tensor::getMixedSizes(B, B.getLoc(), V);
    Value Init = tensor::EmptyOp::create(B, Sizes, Elem);
    AffineMap All = Rewriter.getMultiDimIdentityMap(Type.getRank());
    SmallVector<utils::IteratorType> Iterators(Type.getRank(),
                                               utils::IteratorType::parallel);
    return linalg::GenericOp::create(
               B, Init.getType(), V, Init, ArrayRef<AffineMap>{All, All},
               Iterators,
               [&](OpBuilder &Inner, Location Loc, ValueRange Args) {
                 ImplicitLocOpBuilder IB(Loc, Inner);
                 linalg::YieldOp::create(IB, Body(IB, Args[0]));
               })
        .getResult(0);
  }

  /// Arguments and results: memory types, and packed where bits share a byte.
  LogicalResult setSignature() {
    B.setLoc(Func.getLoc());
    FunctionType Old = Func.getFunctionType();
    SmallVector<Type> Inputs, Results;
    for (auto [I, T] : llvm::enumerate(Old.getInputs())) {
      auto Tensor = dyn_cast<RankedTensorType>(T);
      if (isWidened(Tensor)) {
        Type Elem = Tensor.getElementType(), F32 = Types.computeType(Elem);
        NarrowTypes Outside = Types.boundary();
        Inputs.push_back(Tensor.clone(Outside.memoryType(Elem)));
        if (Func.isExternal())
          continue;
        BlockArgument Arg = Func.getArgument(I);
        B.setInsertionPointToStart(&Func.front());
        SmallVector<Operation *> Users(Arg.getUsers());
        Arg.setType(Inputs.back());
        Value Wide =
            converted(Arg, F32, [&](ImplicitLocOpBuilder &IB, Value V) {
              return Outside.decode(IB, V, Elem);
            });
        for (Operation *User : Users)
          User->replaceUsesOfWith(Arg, Wide);
        continue;
      }
      if (!Tensor || !packedBits(Tensor.getElementType())) {
        Inputs.push_back(memoryTypeOf(T));
        continue;
      }
      if (!Tensor.hasStaticShape())
        return Func.emitError("input ") << I
                                        << ": packed elements with a dynamic "
                                           "shape are not supported yet";
      Inputs.push_back(packedType(Tensor));
      if (Func.isExternal())
        continue;
      BlockArgument Arg = Func.getArgument(I);
      Arg.setType(Inputs.back());
      B.setInsertionPointToStart(&Func.front());
      Value Placeholder =
          tensor::EmptyOp::create(B, staticSizes(B, Tensor.getShape()),
                                  Types.memoryType(Tensor.getElementType()));
      Arg.replaceAllUsesWith(Placeholder);
      Placeholder.replaceAllUsesWith(unpackBits(B, Arg, Tensor));
      Placeholder.getDefiningOp()->erase();
    }
    for (auto [I, T] : llvm::enumerate(Old.getResults())) {
      auto Tensor = dyn_cast<RankedTensorType>(T);
      if (isWidened(Tensor)) {
        Type Elem = Tensor.getElementType();
        NarrowTypes Outside = Types.boundary();
        Results.push_back(Tensor.clone(Outside.memoryType(Elem)));
        for (Block &Body : Func)
          if (auto Return = dyn_cast<func::ReturnOp>(Body.getTerminator())) {
            B.setInsertionPoint(Return);
            Return.setOperand(
                I, converted(Return.getOperand(I), Outside.memoryType(Elem),
                             [&](ImplicitLocOpBuilder &IB, Value V) {
                               return Outside.encode(IB, V, Elem);
                             }));
          }
        continue;
      }
      if (!Tensor || !packedBits(Tensor.getElementType())) {
        Results.push_back(memoryTypeOf(T));
        continue;
      }
      if (!Tensor.hasStaticShape())
        return Func.emitError("output ") << I
                                         << ": packed elements with a dynamic "
                                            "shape are not supported yet";
      Results.push_back(packedType(Tensor));
      for (Block &Body : Func)
        if (auto Return = dyn_cast<func::ReturnOp>(Body.getTerminator())) {
          B.setInsertionPoint(Return);
          Return.setOperand(I, packBits(B, Return.getOperand(I), Tensor));
        }
    }
    Func.setFunctionType(FunctionType::get(Func.getContext(), Inputs, Results));
    return success();
  }

  func::FuncOp Func;
  const NarrowTypes &Types;
  IRRewriter Rewriter;
  /// Stands where the op at hand is converted.
  ImplicitLocOpBuilder B;
  /// What memory held before it was decoded, and the element type of that.
  DenseMap<Value, Value> RawOf;
  DenseMap<Value, Type> ElemOf;
};

struct LowerLegalizeStoragePass
    : impl::LowerLegalizeStorageBase<LowerLegalizeStoragePass> {
  using LowerLegalizeStorageBase::LowerLegalizeStorageBase;

  void runOnOperation() override {
    NarrowTypes Types;
    Types.NativeHalf = nativeHalf;
    Types.WidenHalf = widenHalf;
    for (auto Func : getOperation().getOps<func::FuncOp>())
      if (failed(Legalizer(Func, Types).run()))
        return signalPassFailure();
  }
};
} // namespace

} // namespace lathe::lower
