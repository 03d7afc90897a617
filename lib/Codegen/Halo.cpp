//===- Halo.cpp - Kernels that write into a filled tensor -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What lies around the middle is cut into boxes, two per padded dimension: in
// the dimensions before it they span the middle, in those behind it everything.
//
//        0 0 0 0 0      box 1: rows above, full width
//        3 . . . 4      boxes 3, 4: beside the middle
//        2 2 2 2 2      box 2: rows below
//
//===----------------------------------------------------------------------===//

#include "Halo.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe::codegen;

namespace {

/// Fills the box [From, To) of \p Out. Trailing dimensions that it spans wholly
/// are one run of memory.
class BoxFiller {
public:
  BoxFiller(KernelContext &Ctx, Value Out, Value Scalar)
      : B(Ctx.B), Loc(Ctx.Loc), Out(Out), Scalar(Scalar) {
    unsigned Bits = Scalar.getType().getIntOrFloatBitWidth();
    Width = Bits >= 8 ? std::max(1u, Ctx.Target.lanes(Bits)) : 1;
  }

  void fill(ArrayRef<Value> From, ArrayRef<Value> To) {
    SmallVector<Value> At;
    nest(From, To, At);
  }

private:
  OpBuilder &B;
  Location Loc;
  Value Out, Scalar;
  unsigned Width;

  Value index(int64_t I) { return arith::ConstantIndexOp::create(B, Loc, I); }
  void loop(Value From, Value To, int64_t Step,
            llvm::function_ref<void(Value)> Body) {
    scf::ForOp::create(B, Loc, From, To, index(Step), ValueRange(),
                       [&](OpBuilder &, Location, Value Iv, ValueRange) {
                         Body(Iv);
                         scf::YieldOp::create(B, Loc);
                       });
  }
  void nest(ArrayRef<Value> From, ArrayRef<Value> To, SmallVector<Value> &At) {
    size_t D = At.size();
    if (D + 1 < From.size())
      return loop(From[D], To[D], 1, [&](Value Iv) {
        At.push_back(Iv);
        nest(From, To, At);
        At.pop_back();
      });
    SmallVector<int64_t> Strides;
    int64_t Offset;
    auto Ty = cast<MemRefType>(Out.getType());
    bool Dense = succeeded(Ty.getStridesAndOffset(Strides, Offset)) &&
                 Strides.back() == 1;
    Value Whole = From[D];
    if (Width > 1 && Dense) {
      auto VTy = VectorType::get({int64_t(Width)}, Scalar.getType());
      Value Size = B.createOrFold<arith::SubIOp>(Loc, To[D], From[D]);
      Value Rest = B.createOrFold<arith::RemUIOp>(Loc, Size, index(Width));
      Whole = B.createOrFold<arith::SubIOp>(Loc, To[D], Rest);
      loop(From[D], Whole, Width, [&](Value Iv) {
        Value Vec = vector::BroadcastOp::create(B, Loc, VTy, Scalar);
        At.push_back(Iv);
        vector::StoreOp::create(B, Loc, Vec, Out, At);
        At.pop_back();
      });
    }
    loop(Whole, To[D], 1, [&](Value Iv) {
      At.push_back(Iv);
      memref::StoreOp::create(B, Loc, Scalar, Out, At);
      At.pop_back();
    });
  }
};

} // namespace

void lathe::codegen::fillInFirst(KernelContext &Ctx, const Halo &H) {
  OpBuilder &B = Ctx.B;
  Location Loc = Ctx.Loc;
  Value Zero = arith::ConstantIndexOp::create(B, Loc, 0);
  Value First =
      arith::CmpIOp::create(B, Loc, arith::CmpIPredicate::sle, Ctx.Lo, Zero);
  auto If = scf::IfOp::create(B, Loc, First, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard Guard(B);
  B.setInsertionPointToStart(If.thenBlock());
  BoxFiller Filler(Ctx, H.Out, H.Scalar);
  SmallVector<Value> From(H.Begin.size(), Zero), To(H.Whole);
  for (size_t D = 0; D < H.Begin.size(); ++D) {
    To[D] = H.Begin[D];
    if (H.mayBeBelow(D))
      Filler.fill(From, To);
    From[D] = H.End[D];
    To[D] = H.Whole[D];
    if (H.mayBeAbove(D))
      Filler.fill(From, To);
    From[D] = H.Begin[D];
    To[D] = H.End[D];
  }
}

void lathe::codegen::emitHalos(KernelContext &Ctx,
                               llvm::function_ref<void(const Halo &)> Fill) {
  OpBuilder &B = Ctx.B;
  Location Loc = Ctx.Loc;
  for (auto [Result, Out] : llvm::zip_equal(Ctx.Results, Ctx.Outs)) {
    auto Insert = Result.getDefiningOp<tensor::InsertSliceOp>();
    if (!Insert)
      continue;
    auto Around = Insert.getDest().getDefiningOp<linalg::FillOp>();
    auto Ty = cast<MemRefType>(Out.getType());
    ArrayRef<int64_t> Low = Insert.getStaticOffsets();
    if (!Around || Ctx.memref(Around.getOutputs()[0]) != Out ||
        Insert.getSourceType().getRank() != Ty.getRank() ||
        llvm::any_of(Low, ShapedType::isDynamic) || !Insert.hasUnitStride())
      continue;

    auto Index = [&](int64_t I) -> Value {
      return arith::ConstantIndexOp::create(B, Loc, I);
    };
    Halo H;
    H.Out = Out;
    H.Low.assign(Low.begin(), Low.end());
    llvm::append_range(H.Inside, Insert.getSourceType().getShape());
    SmallVector<OpFoldResult> Offsets, Sizes,
        Strides(Ty.getRank(), B.getIndexAttr(1));
    for (auto [D, Size] : llvm::enumerate(Insert.getMixedSizes())) {
      std::optional<int64_t> Known = getConstantIntValue(Size);
      Value V = Known ? Index(*Known) : Ctx.scalar(cast<Value>(Size));
      Sizes.push_back(Known ? OpFoldResult(B.getIndexAttr(*Known)) : V);
      Offsets.push_back(B.getIndexAttr(Low[D]));
      H.Begin.push_back(Index(Low[D]));
      H.End.push_back(B.createOrFold<arith::AddIOp>(Loc, H.Begin.back(), V));
      H.Whole.push_back(B.createOrFold<memref::DimOp>(Loc, Out, D));
    }
    H.Scalar = Ctx.scalar(Around.getInputs()[0]);
    Fill(H);
    Out = memref::SubViewOp::create(B, Loc, Out, Offsets, Sizes, Strides);
    Result = Insert.getSource();
  }
}
