//===- PackSequences.cpp - The pass lower-pack-sequences ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sequence whose length only the run knows becomes two tensors: the elements
// of all its members one behind the other, and a row of sizes for each member.
// Ops on sequences become ops on these, loops and branches carry both. What
// splits a tensor stays that tensor with the bounds of its parts as long as it
// is only asked for parts.
//
// Invariant: all or nothing. If one op of the model has a sequence that does
// not fit, of elements of unknown rank or of strings, the model stays as it is
// (and is refused later).
//
//===----------------------------------------------------------------------===//

#include "SequencePacker.h"
#include "lathe/Lower/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe::lower {

#define GEN_PASS_DEF_LOWERPACKSEQUENCES
#include "lathe/Lower/Passes.h.inc"

namespace {

//===----------------------------------------------------------------------===//
// What fits
//===----------------------------------------------------------------------===//

bool isUnitSplit(onnx::SplitToSequenceOp Op) { return !Op.getSplit(); }

/// Parts lie one behind the other, or can be turned so.
bool packs(onnx::SplitToSequenceOp Op) {
  auto T = cast<RankedTensorType>(Op.getInput().getType());
  int64_t Axis = static_cast<int64_t>(Op.getAxis());
  return isUnitSplit(Op) || Axis == 0 || Axis + T.getRank() == 0;
}

bool handles(Operation *Op) {
  auto Ranked = [](Value V) { return isa<RankedTensorType>(V.getType()); };
  return llvm::TypeSwitch<Operation *, bool>(Op)
      .Case([](onnx::SequenceEmptyOp O) { return true; })
      .Case([&](onnx::SequenceConstructOp O) {
        return llvm::all_of(O.getInputs(), Ranked);
      })
      .Case([&](onnx::SequenceInsertOp O) { return Ranked(O.getTensor()); })
      .Case([&](onnx::SplitToSequenceOp O) {
        if (!Ranked(O.getInput()))
          return false;
        auto OnlyParts = [&](Operation *User) {
          if (auto Concat = dyn_cast<onnx::ConcatFromSequenceOp>(User))
            return Concat.getAxis() == O.getAxis() && !Concat.getNewAxis() &&
                   O.getKeepdims();
          return isa<onnx::SequenceAtOp, onnx::SequenceLengthOp>(User);
        };
        return packs(O) || llvm::all_of(O->getUsers(), OnlyParts);
      })
      .Case<onnx::SequenceEraseOp, onnx::SequenceAtOp, onnx::SequenceLengthOp,
            onnx::ConcatFromSequenceOp, onnx::SequenceMapOp, onnx::IdentityOp,
            onnx::LoopOp, onnx::IfOp, onnx::YieldOp>([](auto) { return true; })
      .Default(false);
}

/// Nothing but an empty sequence may leave open what it is a sequence of: who
/// fills it knows.
bool isFilled(Value V) {
  return V.getDefiningOp<onnx::SequenceEmptyOp>() &&
         llvm::all_of(V.getUsers(), [](Operation *User) {
           return isa<onnx::SequenceInsertOp, onnx::SequenceLengthOp,
                      onnx::LoopOp, onnx::YieldOp>(User);
         });
}

} // namespace

bool Packer::fits() {
  bool Any = false, Good = true;
  auto Check = [&](Value V) {
    if (isa<TensorType, NoneType>(V.getType()))
      return false;
    TensorType Member = memberOf(V);
    Any = true;
    Good &= Member && !isa<onnx::StringType>(Member.getElementType()) &&
            (isa<RankedTensorType>(Member) || isFilled(V));
    return true;
  };
  Main.walk([&](Operation *Op) {
    bool Touches = false;
    for (Value V : Op->getOperands())
      Touches |= Check(V);
    for (Value V : Op->getResults())
      Touches |= Check(V);
    for (Region &R : Op->getRegions())
      for (BlockArgument Arg : R.getArguments())
        Touches |= Check(Arg);
    Good &= !Touches || handles(Op);
  });
  return Any && Good;
}

//===----------------------------------------------------------------------===//
// Packed sequences
//===----------------------------------------------------------------------===//

std::pair<Type, Type> packedTypes(RankedTensorType Member) {
  auto I64 = IntegerType::get(Member.getContext(), 64);
  return {
      RankedTensorType::get({ShapedType::kDynamic}, Member.getElementType()),
      RankedTensorType::get(
          {ShapedType::kDynamic, std::max<int64_t>(Member.getRank(), 1)}, I64)};
}

static Value zeros(OnnxBuilder &B, ArrayRef<int64_t> Shape, Type Elem) {
  auto T = RankedTensorType::get(Shape, Elem);
  return onnx::ConstantOp::create(
      B, DenseElementsAttr::get(T, ArrayRef<Attribute>()));
}

Packed emptySequence(OnnxBuilder &B, RankedTensorType Member) {
  int64_t Columns = std::max<int64_t>(Member.getRank(), 1);
  return {zeros(B, {0}, Member.getElementType()),
          zeros(B, {0, Columns}, B.getI64Type())};
}

Packed single(OnnxBuilder &B, Value X) {
  bool Scalar = cast<RankedTensorType>(X.getType()).getRank() == 0;
  Value Shape = Scalar ? B.ints({1}) : B.op("Shape", {X}, {}, B.getI64Type());
  return {B.reshape(X, {-1}), B.unsqueeze(Shape, {0})};
}

Packed joined(OnnxBuilder &B, ArrayRef<Packed> Parts) {
  SmallVector<Value> Data, Shapes;
  for (const Packed &P : Parts) {
    Data.push_back(P.Data);
    Shapes.push_back(P.Shapes);
  }
  return {B.concat(Data, 0), B.concat(Shapes, 0)};
}

/// Members [From, To) of P, both of type tensor<1xi64>.
static Packed range(OnnxBuilder &B, const Packed &P, Value From, Value To) {
  Value Counts = B.reduce("ReduceProd", P.Shapes, {1}, false);
  auto Before = [&](Value I) {
    return B.reduce("ReduceSum", B.slice(Counts, B.ints({0}), I, 0), {0}, true);
  };
  return {B.slice(P.Data, Before(From), Before(To), 0),
          B.slice(P.Shapes, From, To, 0)};
}

/// Position as tensor<1xi64>, counted from the start of a sequence of Length.
static Value fromStart(OnnxBuilder &B, Value Position, Value Length) {
  Value P = B.cast(B.reshape(Position, {1}), B.getI64Type());
  return B.where(B.compare("Less", P, B.ints({0})), B.add(P, Length), P);
}

Packed Packer::packed(OnnxBuilder &B, Value V, RankedTensorType Member) {
  if (Empty.contains(V))
    return emptySequence(B, Member);
  if (auto It = Sequences.find(V); It != Sequences.end())
    return It->second;
  return packParts(B, Splits.lookup(V));
}

Packed Packer::packParts(OnnxBuilder &B, const Parts &P) {
  auto T = cast<RankedTensorType>(P.X.getType());
  Value X = P.X, Count = B.size(P.Starts, 0);
  SmallVector<Value> Columns;
  for (int64_t D = 0; D < T.getRank(); ++D) {
    if (D == P.Axis && !P.Keep)
      continue;
    Value Size = D == P.Axis ? B.sub(P.Ends, P.Starts)
                             : B.op("Expand", {B.size(P.X, D), Count});
    Columns.push_back(B.unsqueeze(Size, {1}));
  }
  if (Columns.empty())
    Columns.push_back(B.unsqueeze(B.op("Expand", {B.ints({1}), Count}), {1}));
  if (P.Axis) {
    SmallVector<int64_t> Front = {P.Axis};
    for (int64_t D = 0; D < T.getRank(); ++D)
      if (D != P.Axis)
        Front.push_back(D);
    X = B.transpose(X, Front);
  }
  return {B.reshape(X, {-1}), B.concat(Columns, 1)};
}

Value Packer::length(OnnxBuilder &B, Value Seq) {
  if (Empty.contains(Seq))
    return B.ints({0});
  if (auto It = Splits.find(Seq); It != Splits.end())
    return B.size(It->second.Starts, 0);
  return B.size(Sequences.lookup(Seq).Shapes, 0);
}

Value Packer::member(OnnxBuilder &B, Value Seq, Value Position) {
  Value At = fromStart(B, Position, length(B, Seq));
  if (auto It = Splits.find(Seq); It != Splits.end()) {
    const Parts &P = It->second;
    Value Part = B.slice(P.X, B.op("Gather", {P.Starts, At}),
                         B.op("Gather", {P.Ends, At}), P.Axis);
    return P.Keep ? Part : B.squeeze(Part, {P.Axis});
  }
  auto T = cast<RankedTensorType>(memberOf(Seq));
  Packed P = packed(B, Seq, T);
  Value Count, Start;
  if (T.hasStaticShape()) {
    Count = B.ints({T.getNumElements()});
    Start = B.mul(At, Count);
  } else {
    Value Counts = B.reduce("ReduceProd", P.Shapes, {1}, false);
    Value Starts = B.op("CumSum", {Counts, B.scalarInt(0)},
                        B.attr("exclusive", int64_t(1)));
    Count = B.op("Gather", {Counts, At});
    Start = B.op("Gather", {Starts, At});
  }
  // Sizes that every member has are known; an index that is out of bounds is
  // found by the Gather.
  Value Sizes = B.op("Gather", {P.Shapes, B.squeeze(At, {0})});
  SmallVector<Value> Shape;
  for (int64_t D = 0; D < T.getRank(); ++D)
    Shape.push_back(T.isDynamicDim(D)
                        ? B.slice(Sizes, B.ints({D}), B.ints({D + 1}), 0)
                        : B.ints({T.getDimSize(D)}));
  Value Flat = B.slice(P.Data, Start, B.add(Start, Count), 0);
  return B.op("Reshape",
              {Flat, Shape.empty() ? zeros(B, {0}, B.getI64Type())
                                   : B.concat(Shape, 0)},
              B.attr("allowzero", int64_t(1)));
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

void Packer::split(onnx::SplitToSequenceOp Op) {
  OnnxBuilder B(Op);
  auto T = cast<RankedTensorType>(Op.getInput().getType());
  Parts P{Op.getInput(), {}, {}, static_cast<int64_t>(Op.getAxis()), true};
  if (P.Axis < 0)
    P.Axis += T.getRank();
  Value Size = B.size(P.X, P.Axis), Given = Op.getSplit();
  if (isUnitSplit(Op)) {
    P.Keep = Op.getKeepdims();
    P.Starts = B.range(Size);
    P.Ends = B.add(P.Starts, B.ints({1}));
  } else if (cast<ShapedType>(Given.getType()).getRank() == 0) {
    Value Chunk = B.reshape(B.cast(Given, B.getI64Type()), {1});
    Value Count = B.div(B.sub(B.add(Size, Chunk), B.ints({1})), Chunk);
    P.Starts = B.mul(B.range(Count), Chunk);
    P.Ends = B.op("Min", {B.add(P.Starts, Chunk), Size});
  } else {
    Value Sizes = B.cast(Given, B.getI64Type());
    P.Ends = B.op("CumSum", {Sizes, B.scalarInt(0)});
    P.Starts = B.sub(P.Ends, Sizes);
  }
  Splits[Op.getResult()] = P;
}

void Packer::concat(onnx::ConcatFromSequenceOp Op) {
  OnnxBuilder B(Op);
  Value Seq = Op.getInputSequence();
  int64_t Axis = static_cast<int64_t>(Op.getAxis());
  auto T = cast<RankedTensorType>(memberOf(Seq));
  int64_t Rank = T.getRank();
  if (Axis < 0)
    Axis += Rank + (Op.getNewAxis() ? 1 : 0);
  if (auto It = Splits.find(Seq); It != Splits.end() && !Op.getNewAxis() &&
                                  It->second.Keep && It->second.Axis == Axis)
    return replace(Op, It->second.X);

  Packed P = packed(B, Seq, T);
  Value Count = B.size(P.Shapes, 0);
  auto Size = [&](int64_t D) -> Value {
    if (!T.isDynamicDim(D))
      return B.ints({T.getDimSize(D)});
    Value First = B.op("Gather", {P.Shapes, B.scalarInt(0)});
    return B.slice(First, B.ints({D}), B.ints({D + 1}), 0);
  };
  auto Shaped = [&](Value X, ArrayRef<Value> Shape) {
    return B.op("Reshape", {X, B.concat(Shape, 0)},
                B.attr("allowzero", int64_t(1)));
  };
  SmallVector<Value> Sizes;
  for (int64_t D = 0; D < Rank; ++D)
    Sizes.push_back(D == Axis && !Op.getNewAxis() ? Value() : Size(D));
  // Members of one size along the axis are a tensor with a dimension more,
  // which goes to its place.
  auto Stacked = [&] {
    SmallVector<Value> Shape = {Count};
    llvm::append_range(Shape, Sizes);
    SmallVector<int64_t> Perm;
    for (int64_t D = 1; D <= Rank; ++D)
      Perm.push_back(D);
    Perm.insert(Perm.begin() + Axis, 0);
    Value X = Shaped(P.Data, Shape);
    return Axis ? B.transpose(X, Perm) : X;
  };
  if (Op.getNewAxis())
    return replace(Op, Stacked());
  Value Column =
      B.op("Gather", {P.Shapes, B.scalarInt(Axis)}, B.attr("axis", int64_t(1)));
  Value Total = B.reduce("ReduceSum", Column, {0}, true);
  SmallVector<Value> Result(Sizes);
  Result[Axis] = Total;
  if (Axis == 0)
    return replace(Op, Shaped(P.Data, Result));
  if (!T.isDynamicDim(Axis)) {
    Sizes[Axis] = Size(Axis);
    return replace(Op, Shaped(Stacked(), Result));
  }
  // Where each element of the result lies: for each place j along the axis, the
  // member it is in, that member's start and length.
  Value Ends = B.op("CumSum", {Column, B.scalarInt(0)}), J = B.range(Total);
  Value Passed = B.cast(
      B.compare("GreaterOrEqual", B.unsqueeze(J, {1}), B.unsqueeze(Ends, {0})),
      B.getI64Type());
  Value Which = B.reduce("ReduceSum", Passed, {1}, false);
  Value Counts = B.reduce("ReduceProd", P.Shapes, {1}, false);
  Value Starts =
      B.op("CumSum", {Counts, B.scalarInt(0)}, B.attr("exclusive", int64_t(1)));
  Value Length = B.op("Gather", {Column, Which});
  Value Within = B.sub(J, B.sub(B.op("Gather", {Ends, Which}), Length));
  Value Before = B.ints({1}), After = B.ints({1});
  for (int64_t D = 0; D < Rank; ++D)
    if (D != Axis)
      (D < Axis ? Before : After) = B.mul(D < Axis ? Before : After, Sizes[D]);
  // [before, places, after]
  Value Outer = B.unsqueeze(B.range(Before), {1, 2});
  Value Inner = B.unsqueeze(B.range(After), {0, 1});
  Value Place = B.add(B.mul(B.add(B.mul(Outer, B.unsqueeze(Length, {0, 2})),
                                  B.unsqueeze(Within, {0, 2})),
                            After),
                      Inner);
  Value At = B.add(Place, B.unsqueeze(B.op("Gather", {Starts, Which}), {0, 2}));
  replace(Op, Shaped(B.op("Gather", {P.Data, At}), Result));
}

void Packer::convert(Operation *Op) {
  auto TouchesSequence = [](Operation *O) {
    return llvm::any_of(O->getOperandTypes(),
                        [](Type T) { return !!memberOf(T); }) ||
           llvm::any_of(O->getResultTypes(),
                        [](Type T) { return !!memberOf(T); });
  };
  if (!TouchesSequence(Op)) {
    for (Region &R : Op->getRegions())
      if (!R.empty())
        convert(R.front());
    return;
  }
  if (auto If = dyn_cast<onnx::IfOp>(Op))
    return convertIf(If);
  if (auto Loop = dyn_cast<onnx::LoopOp>(Op))
    return convertLoop(Loop);
  if (isa<onnx::YieldOp>(Op))
    return; // by its parent
  Old.push_back(Op);
  OnnxBuilder B(Op);
  llvm::TypeSwitch<Operation *>(Op)
      .Case([&](onnx::SequenceEmptyOp O) { Empty.insert(O.getResult()); })
      .Case([&](onnx::SequenceConstructOp O) {
        SmallVector<Packed> Members;
        for (Value V : O.getInputs())
          Members.push_back(single(B, V));
        Sequences[O.getResult()] = joined(B, Members);
      })
      .Case([&](onnx::SequenceInsertOp O) {
        auto T = cast<RankedTensorType>(O.getTensor().getType());
        Packed P = packed(B, O.getInputSequence(), T),
               New = single(B, O.getTensor());
        if (!O.getPosition()) {
          Sequences[O.getResult()] = joined(B, {P, New});
          return;
        }
        Value Length = length(B, O.getInputSequence());
        Value At = fromStart(B, O.getPosition(), Length);
        Sequences[O.getResult()] = joined(
            B, {range(B, P, B.ints({0}), At), New, range(B, P, At, Length)});
      })
      .Case([&](onnx::SequenceEraseOp O) {
        Packed P = packed(B, O.getInputSequence());
        Value Length = length(B, O.getInputSequence());
        Value At = O.getPosition() ? fromStart(B, O.getPosition(), Length)
                                   : B.sub(Length, B.ints({1}));
        Sequences[O.getResult()] =
            joined(B, {range(B, P, B.ints({0}), At),
                       range(B, P, B.add(At, B.ints({1})), Length)});
      })
      .Case([&](onnx::SequenceAtOp O) {
        replace(O, member(B, O.getInputSequence(), O.getPosition()));
      })
      .Case([&](onnx::SequenceLengthOp O) {
        replace(O, B.squeeze(length(B, O.getInputSequence()), {0}));
      })
      .Case([&](onnx::SplitToSequenceOp O) { split(O); })
      .Case([&](onnx::ConcatFromSequenceOp O) { concat(O); })
      .Case([&](onnx::SequenceMapOp O) { convertMap(O); })
      .Case([&](onnx::IdentityOp O) {
        Value From = O.getInput(), To = O.getResult();
        if (Empty.contains(From))
          Empty.insert(To);
        else if (auto It = Splits.find(From); It != Splits.end()) {
          Parts P = It->second;
          Splits[To] = P;
        } else {
          Packed P = Sequences.lookup(From);
          Sequences[To] = P;
        }
      });
}

void Packer::convert(Block &Body) {
  for (Operation &Op : llvm::make_early_inc_range(Body))
    convert(&Op);
}

namespace {
struct LowerPackSequencesPass
    : impl::LowerPackSequencesBase<LowerPackSequencesPass> {
  void runOnOperation() override {
    for (auto Main : getOperation().getOps<func::FuncOp>())
      if (Packer P(Main); !Main.isExternal() && P.fits())
        P.run();
  }
};

} // namespace
} // namespace lathe::lower
