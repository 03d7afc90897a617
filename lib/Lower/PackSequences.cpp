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

#include "Expansions.h"
#include "Node.h"
#include "lathe/Lower/Passes.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe::lower {

#define GEN_PASS_DEF_LOWERPACKSEQUENCES
#include "lathe/Lower/Passes.h.inc"

namespace {

/// The type of the members of a sequence of tensors.
TensorType memberOf(Type T) {
  auto Seq = dyn_cast<onnx::SeqType>(T);
  return Seq ? dyn_cast<TensorType>(Seq.getElementType()) : TensorType();
}
TensorType memberOf(Value V) { return memberOf(V.getType()); }

/// Data is [n], Shapes [members, rank], one column of ones for scalars.
struct Packed {
  Value Data, Shapes;
};

/// The parts of X along Axis: [Starts[i], Ends[i]).
struct Parts {
  Value X, Starts, Ends;
  int64_t Axis;
  bool Keep;
};

class Packer {
public:
  explicit Packer(func::FuncOp Main) : Main(Main) {}
  bool fits();
  void run() {
    Block &Body = Main.getBody().front();
    convert(Body);
    for (Operation *Op : llvm::reverse(Old))
      Op->erase();
    for (BlockArgument Arg : OldArguments)
      Arg.getOwner()->eraseArgument(Arg.getArgNumber());
  }

private:
  using Values = SmallVector<Value>;

  void convert(Block &Body);
  void convert(Operation *Op);
  void convertIf(onnx::IfOp Op);
  void convertLoop(onnx::LoopOp Op);
  void convertMap(onnx::SequenceMapOp Op);
  void split(onnx::SplitToSequenceOp Op);
  void concat(onnx::ConcatFromSequenceOp Op);

  /// The sequence V in two tensors, whose members have the type Member.
  Packed packed(OnnxBuilder &B, Value V, RankedTensorType Member);
  Packed packed(OnnxBuilder &B, Value V) {
    return packed(B, V, cast<RankedTensorType>(memberOf(V)));
  }
  Packed packParts(OnnxBuilder &B, const Parts &P);
  Value member(OnnxBuilder &B, Value Seq, Value Position);
  Value length(OnnxBuilder &B, Value Seq); // [1]

  void replace(Operation *Op, Value V) {
    auto Declared = dyn_cast<RankedTensorType>(Op->getResult(0).getType());
    if (Declared)
      V.setType(Declared);
    Op->getResult(0).replaceAllUsesWith(V);
  }

  func::FuncOp Main;
  llvm::DenseMap<Value, Packed> Sequences;
  llvm::DenseMap<Value, Parts> Splits;
  llvm::DenseSet<Value> Empty;
  SmallVector<Operation *> Old; // users behind what they use
  SmallVector<BlockArgument> OldArguments;
};

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

Value zeros(OnnxBuilder &B, ArrayRef<int64_t> Shape, Type Elem) {
  auto T = RankedTensorType::get(Shape, Elem);
  return onnx::ConstantOp::create(
      B, DenseElementsAttr::get(T, ArrayRef<Attribute>()));
}

Packed emptySequence(OnnxBuilder &B, RankedTensorType Member) {
  int64_t Columns = std::max<int64_t>(Member.getRank(), 1);
  return {zeros(B, {0}, Member.getElementType()),
          zeros(B, {0, Columns}, B.getI64Type())};
}

/// A sequence of X alone.
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
Packed range(OnnxBuilder &B, const Packed &P, Value From, Value To) {
  Value Counts = B.reduce("ReduceProd", P.Shapes, {1}, false);
  auto Before = [&](Value I) {
    return B.reduce("ReduceSum", B.slice(Counts, B.ints({0}), I, 0), {0}, true);
  };
  return {B.slice(P.Data, Before(From), Before(To), 0),
          B.slice(P.Shapes, From, To, 0)};
}

/// Position as tensor<1xi64>, counted from the start of a sequence of Length.
Value fromStart(OnnxBuilder &B, Value Position, Value Length) {
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

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

/// The types of values where sequences are two tensors.
static SmallVector<Type> expanded(TypeRange Types) {
  SmallVector<Type> Result;
  for (Type T : Types) {
    auto Member = dyn_cast_if_present<RankedTensorType>(memberOf(T));
    if (!Member) {
      Result.push_back(T);
      continue;
    }
    auto [Data, Shapes] = packedTypes(Member);
    Result.append({Data, Shapes});
  }
  return Result;
}

void Packer::convertIf(onnx::IfOp Op) {
  OnnxBuilder B(Op);
  auto New =
      onnx::IfOp::create(B, expanded(Op->getResultTypes()), Op.getCond());
  for (auto [From, To] : llvm::zip_equal(Op->getRegions(), New->getRegions())) {
    To.takeBody(From);
    convert(To.front());
    Operation *Yield = To.front().getTerminator();
    OnnxBuilder Inner(Yield);
    Values Out;
    for (auto [V, R] :
         llvm::zip_equal(Yield->getOperands(), Op->getResults())) {
      if (!memberOf(V)) {
        Out.push_back(V);
        continue;
      }
      Packed P = packed(Inner, V, cast<RankedTensorType>(memberOf(R)));
      Out.append({P.Data, P.Shapes});
    }
    Yield->setOperands(Out);
  }
  auto Next = New->getResults().begin();
  for (Value R : Op->getResults()) {
    if (memberOf(R)) {
      Value Data = *Next++;
      Sequences[R] = {Data, *Next++};
    } else {
      R.replaceAllUsesWith(*Next++);
    }
  }
  Old.push_back(Op);
}

void Packer::convertLoop(onnx::LoopOp Op) {
  OnnxBuilder B(Op);
  Block &Body = Op.getBody().front();
  unsigned Carried = Op.getVInitial().size();
  Values Init;
  for (auto [V, R] :
       llvm::zip(Op.getVInitial(), Op->getResults().take_front(Carried))) {
    if (!memberOf(V)) {
      Init.push_back(V);
      continue;
    }
    Packed P = packed(B, V, cast<RankedTensorType>(memberOf(R)));
    Init.append({P.Data, P.Shapes});
  }
  auto New = onnx::LoopOp::create(B, expanded(Op->getResultTypes()), Op.getM(),
                                  Op.getCond(), Init);
  New->setDiscardableAttrs(Op->getDiscardableAttrDictionary());
  New.getBody().takeBody(Op.getBody());
  // Two arguments of the body for each sequence; the old one goes when all that
  // reads it has gone.
  for (unsigned C = 0, At = 2; C < Carried; ++C) {
    BlockArgument Arg = Body.getArgument(At);
    auto Member =
        dyn_cast_if_present<RankedTensorType>(memberOf(Op->getResult(C)));
    if (!Member) {
      ++At;
      continue;
    }
    auto [Data, Shapes] = packedTypes(Member);
    Value D = Body.insertArgument(At + 1, Data, Op.getLoc());
    Value S = Body.insertArgument(At + 2, Shapes, Op.getLoc());
    Sequences[Arg] = {D, S};
    OldArguments.push_back(Arg);
    At += 3;
  }
  convert(Body);
  Operation *Yield = Body.getTerminator();
  OnnxBuilder Inner(Yield);
  Values Out = {Yield->getOperand(0)};
  for (auto [V, R] :
       llvm::zip_equal(Yield->getOperands().drop_front(), Op->getResults())) {
    if (!memberOf(V)) {
      Out.push_back(V);
      continue;
    }
    Packed P = packed(Inner, V, cast<RankedTensorType>(memberOf(R)));
    Out.append({P.Data, P.Shapes});
  }
  Yield->setOperands(Out);
  auto Next = New->getResults().begin();
  for (Value R : Op->getResults()) {
    if (memberOf(R)) {
      Value Data = *Next++;
      Sequences[R] = {Data, *Next++};
    } else {
      R.replaceAllUsesWith(*Next++);
    }
  }
  Old.push_back(Op);
}

/// A loop over the members.
void Packer::convertMap(onnx::SequenceMapOp Op) {
  OnnxBuilder B(Op);
  Block &Body = Op.getBody().front();
  Value Count = B.squeeze(length(B, Op.getInputSequence()), {0});
  Values Init;
  for (Value R : Op->getResults()) {
    Packed P = emptySequence(B, cast<RankedTensorType>(memberOf(R)));
    Init.append({P.Data, P.Shapes});
  }
  auto Loop = onnx::LoopOp::create(B, expanded(Op->getResultTypes()), Count,
                                   Value(), Init);
  Block *To = B.createBlock(&Loop.getBody());
  auto Trip =
      To->addArgument(RankedTensorType::get({}, B.getI64Type()), Op.getLoc());
  auto Go =
      To->addArgument(RankedTensorType::get({}, B.getI1Type()), Op.getLoc());
  for (Type T : expanded(Op->getResultTypes()))
    To->addArgument(T, Op.getLoc());
  B.setInsertionPointToStart(To);
  IRMapping Map;
  for (auto [Arg, V] :
       llvm::zip_equal(Body.getArguments(), Op->getOperands())) {
    Value Given = V;
    if (memberOf(V)) {
      Given = member(B, V, Trip);
      if (isa<RankedTensorType>(Arg.getType()))
        Given.setType(Arg.getType());
    }
    Map.map(Arg, Given);
  }
  for (Operation &Inner : Body.without_terminator())
    B.clone(Inner, Map);
  Values Out = {Go};
  for (auto [K, V] : llvm::enumerate(Body.getTerminator()->getOperands())) {
    Packed P =
        joined(B, {{To->getArgument(2 + 2 * K), To->getArgument(3 + 2 * K)},
                   single(B, Map.lookupOrDefault(V))});
    Out.append({P.Data, P.Shapes});
  }
  onnx::YieldOp::create(B, Out);
  convert(*To);
  for (auto [K, R] : llvm::enumerate(Op->getResults()))
    Sequences[R] = {Loop->getResult(2 * K), Loop->getResult(2 * K + 1)};
}

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
