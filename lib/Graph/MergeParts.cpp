//===- MergeParts.cpp - Slices, splits, concatenations and pads that meet -===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Match.h"
#include "MovementPatterns.h"
#include "Ranges.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

namespace {

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

/// slice(slice(x)) is one slice of x.
struct MergeSlices : OpRewritePattern<onnx::SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::SliceOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Inner = Op.getData().getDefiningOp<onnx::SliceOp>();
    if (!Inner)
      return failure();
    auto Outer = getRanges(Op), First = getRanges(Inner);
    if (!Outer || !First)
      return failure();
    SmallVector<DimRange> Both(*First);
    for (const DimRange &R : *Outer) {
      auto It = llvm::find_if(
          Both, [&](const DimRange &F) { return F.Axis == R.Axis; });
      if (It == Both.end())
        Both.push_back(R);
      else
        *It = {R.Axis, It->Start + R.Start * It->Step, R.Size,
               It->Step * R.Step};
    }
    NodeBuilder B(Rewriter, Op.getLoc());
    Value New = makeSlice(B, Inner.getData(), Both);
    if (New.getType() != Op.getOutput().getType())
      return failure();
    Rewriter.replaceOp(Op, New);
    return success();
  }
};

/// A slice of a concatenation that lies in one of its parts.
struct SliceOfConcat : OpRewritePattern<onnx::SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::SliceOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Concat = Op.getData().getDefiningOp<onnx::ConcatOp>();
    auto Ranges = Concat ? getRanges(Op) : std::nullopt;
    if (!Ranges || Ranges->empty() || !getStatic(Op.getOutput()))
      return failure();
    int64_t Axis = fromFront(Concat.getAxis(), getRank(Op.getData()));
    auto Along = llvm::find_if(
        *Ranges, [&](const DimRange &R) { return R.Axis == Axis; });
    if (Along == Ranges->end() || Along->Step < 0 || Along->Size == 0)
      return failure();
    int64_t Last = Along->Start + (Along->Size - 1) * Along->Step, Begin = 0;
    for (Value Part : Concat.getInputs()) {
      RankedTensorType Type = getStatic(Part);
      if (!Type)
        return failure();
      int64_t Size = Type.getDimSize(Axis), Start = Along->Start - Begin;
      Begin += Size;
      if (Start < 0 || Start >= Size)
        continue;
      if (Last >= Begin)
        return failure();
      SmallVector<DimRange> Rest;
      for (const DimRange &R : *Ranges)
        if (R.Axis != Axis)
          Rest.push_back(R);
      if (Start != 0 || Along->Size != Size)
        Rest.push_back({Axis, Start, Along->Size, Along->Step});
      NodeBuilder B(Rewriter, Op.getLoc());
      Rewriter.replaceOp(Op, makeSlice(B, Part, Rest));
      return success();
    }
    return failure();
  }
};

/// A split of a concatenation at the same places.
struct SplitOfConcat : OpRewritePattern<onnx::SplitOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::SplitOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Concat = Op.getInput().getDefiningOp<onnx::ConcatOp>();
    if (!Concat || Concat->getNumOperands() != Op->getNumResults() ||
        fromFront(Concat.getAxis(), getRank(Op.getInput())) !=
            fromFront(Op.getAxis(), getRank(Op.getInput())))
      return failure();
    for (auto [Part, Result] : llvm::zip(Concat.getInputs(), Op.getResults()))
      if (Part.getType() != Result.getType() || !getStatic(Part))
        return failure();
    Rewriter.replaceOp(Op, Concat.getInputs());
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Concatenations
//===----------------------------------------------------------------------===//

/// A part that is a concatenation itself, of which nobody else wants the whole.
struct FlattenConcat : OpRewritePattern<onnx::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::ConcatOp Op,
                                PatternRewriter &Rewriter) const override {
    int64_t Rank = getRank(Op.getConcatResult());
    if (Rank < 0)
      return failure();
    int64_t Axis = fromFront(Op.getAxis(), Rank);
    SmallVector<Value> Parts;
    bool Changed = false;
    for (Value Part : Op.getInputs()) {
      auto Inner = singleUse<onnx::ConcatOp>(Part);
      RankedTensorType Type = getRanked(Part);
      if (Inner && fromFront(Inner.getAxis(), Rank) == Axis) {
        Parts.append(Inner.getInputs().begin(), Inner.getInputs().end());
        Changed = true;
      } else if (Type && Type.getDimSize(Axis) == 0 &&
                 Op->getNumOperands() > 1) {
        Changed = true;
      } else {
        Parts.push_back(Part);
      }
    }
    if (!Changed || Parts.empty())
      return failure();
    Rewriter.modifyOpInPlace(Op, [&] { Op->setOperands(Parts); });
    return success();
  }
};

/// Neighbouring parts that are consecutive slices of one tensor.
struct MergeSlicesInConcat : OpRewritePattern<onnx::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  struct Piece {
    Value Whole;
    DimRange R;
  };
  static std::optional<Piece> getPiece(Value V, int64_t Axis) {
    if (auto Slice = V.getDefiningOp<onnx::SliceOp>()) {
      auto Ranges = getRanges(Slice);
      if (Ranges && Ranges->size() == 1 && Ranges->front().Axis == Axis &&
          Ranges->front().Step == 1)
        return Piece{Slice.getData(), Ranges->front()};
    }
    if (auto Split = V.getDefiningOp<onnx::SplitOp>()) {
      auto R = getRange(Split, cast<OpResult>(V).getResultNumber());
      if (R && R->Axis == Axis)
        return Piece{Split.getInput(), *R};
    }
    return std::nullopt;
  }

  LogicalResult matchAndRewrite(onnx::ConcatOp Op,
                                PatternRewriter &Rewriter) const override {
    int64_t Rank = getRank(Op.getConcatResult());
    if (Rank < 0)
      return failure();
    int64_t Axis = fromFront(Op.getAxis(), Rank);
    SmallVector<std::pair<Value, std::optional<Piece>>> Parts;
    bool Changed = false;
    for (Value Part : Op.getInputs()) {
      auto P = getPiece(Part, Axis);
      if (P && !Parts.empty() && Parts.back().second) {
        Piece &Last = *Parts.back().second;
        if (Last.Whole == P->Whole &&
            Last.R.Start + Last.R.Size == P->R.Start) {
          Last.R.Size += P->R.Size;
          Parts.back().first = {};
          Changed = true;
          continue;
        }
      }
      Parts.push_back({Part, P});
    }
    if (!Changed)
      return failure();
    NodeBuilder B(Rewriter, Op.getLoc());
    SmallVector<Value> New;
    for (auto &[Part, P] : Parts) {
      if (Part) {
        New.push_back(Part);
        continue;
      }
      bool All =
          P->R.Start == 0 && getRanked(P->Whole).getDimSize(Axis) == P->R.Size;
      New.push_back(All ? P->Whole : makeSlice(B, P->Whole, P->R));
    }
    if (New.size() == 1 && New[0].getType() == Op.getConcatResult().getType()) {
      Rewriter.replaceOp(Op, New);
      return success();
    }
    Rewriter.modifyOpInPlace(Op, [&] { Op->setOperands(New); });
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Pads
//===----------------------------------------------------------------------===//

/// A pad with zeros of spatial dimensions goes into the window that reads it.
struct PadIntoWindow : RewritePattern {
  PadIntoWindow(MLIRContext *Context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, Context) {}
  LogicalResult matchAndRewrite(Operation *Op,
                                PatternRewriter &Rewriter) const override {
    auto Average = dyn_cast<onnx::AveragePoolOp>(Op);
    if (!isa<onnx::ConvOp>(Op) && !Average)
      return failure();
    auto Pad = Op->getOperand(0).getDefiningOp<onnx::PadOp>();
    int64_t Rank = getRank(Op->getOperand(0));
    if (!Pad || Rank < 3 || Pad.getMode() != "constant" || Pad.getAxes() ||
        (Pad.getConstantValue() && !isUniform(Pad.getConstantValue(), 0)))
      return failure();
    auto Sizes = getInts(Pad.getPads());
    StringRef Auto = Op->getAttrOfType<StringAttr>("auto_pad").getValue();
    if (!Sizes || int64_t(Sizes->size()) != 2 * Rank ||
        (Auto != "NOTSET" && Auto != "VALID") ||
        llvm::any_of(*Sizes, [](int64_t P) { return P < 0; }) || (*Sizes)[0] ||
        (*Sizes)[1] || (*Sizes)[Rank] || (*Sizes)[Rank + 1])
      return failure();
    SmallVector<int64_t> Own(2 * (Rank - 2), 0);
    if (auto Given = Op->getAttrOfType<DenseI64ArrayAttr>("pads");
        Given && Auto == "NOTSET")
      Own.assign(Given.asArrayRef().begin(), Given.asArrayRef().end());
    if (int64_t(Own.size()) != 2 * (Rank - 2))
      return failure();
    // An average counts zeros that were padded before it.
    bool OwnPads = llvm::any_of(Own, [](int64_t P) { return P != 0; });
    if (Average &&
        (Average.getCeilMode() || (OwnPads && !Average.getCountIncludePad())))
      return failure();
    for (int64_t D = 0; D < Rank - 2; ++D) {
      Own[D] += (*Sizes)[2 + D];
      Own[Rank - 2 + D] += (*Sizes)[Rank + 2 + D];
    }
    // A pool whose window could lie in the padding alone is left.
    if (Average) {
      auto Kernel = Average.getKernelShape();
      for (int64_t D = 0; D < Rank - 2; ++D)
        if (Own[D] >= Kernel[D] || Own[Rank - 2 + D] >= Kernel[D])
          return failure();
    }
    Rewriter.modifyOpInPlace(Op, [&] {
      Op->setOperand(0, Pad.getData());
      Op->setAttr("pads", Rewriter.getDenseI64ArrayAttr(Own));
      Op->setAttr("auto_pad", Rewriter.getStringAttr("NOTSET"));
      if (Average)
        Op->setAttr("count_include_pad", Rewriter.getI64IntegerAttr(1));
    });
    return success();
  }
};

/// pad(pad(x)) with one constant adds up.
struct MergePads : OpRewritePattern<onnx::PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(onnx::PadOp Op,
                                PatternRewriter &Rewriter) const override {
    auto Inner = singleUse<onnx::PadOp>(Op.getData());
    if (!Inner || Op.getMode() != "constant" || Inner.getMode() != "constant" ||
        Op.getAxes() || Inner.getAxes())
      return failure();
    auto Outer = getInts(Op.getPads()), First = getInts(Inner.getPads());
    auto Fill = [](onnx::PadOp Pad) -> std::optional<double> {
      return Pad.getConstantValue() ? getUniform(Pad.getConstantValue()) : 0.0;
    };
    auto IsNegative = [](int64_t P) { return P < 0; };
    if (!Outer || !First || Outer->size() != First->size() || !Fill(Op) ||
        Fill(Op) != Fill(Inner) || llvm::any_of(*Outer, IsNegative) ||
        llvm::any_of(*First, IsNegative))
      return failure();
    for (auto [A, B] : llvm::zip(*Outer, *First))
      A += B;
    NodeBuilder B(Rewriter, Op.getLoc());
    Rewriter.replaceOp(
        Op,
        B.op("Pad", {Inner.getData(), B.ints(*Outer), Op.getConstantValue()},
             {}, Op.getOutput().getType()));
    return success();
  }
};
} // namespace

void graph::populatePartPatterns(RewritePatternSet &Patterns) {
  Patterns.add<MergeSlices, SliceOfConcat, SplitOfConcat, FlattenConcat,
               MergeSlicesInConcat, PadIntoWindow, MergePads>(
      Patterns.getContext());
}
