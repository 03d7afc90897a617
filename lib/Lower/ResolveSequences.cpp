//===- ResolveSequences.cpp - The pass lower-resolve-sequences ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sequence whose length is known at compile time is a list of values, and so
// is an optional of none or one. Ops on them become ops on their elements;
// those that name an element at run time, or carry a sequence through a loop,
// stay and are refused later. New ops have no shapes yet: onnx-infer-shapes
// must follow.
//
// A sequence of maps that main returns is one whose keys the model knows, those
// of a ZipMap: it becomes a matrix with a row for each map, and `onnx.keys` on
// the result of main holds the keys of its columns.
//
//===----------------------------------------------------------------------===//

#include "Expansions.h"
#include "Node.h"
#include "lathe/Lower/Passes.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe::lower {

#define GEN_PASS_DEF_LOWERRESOLVESEQUENCES
#include "lathe/Lower/Passes.h.inc"

namespace {

using List = SmallVector<Value>;

class Resolver {
public:
  /// Replaces Op if what it needs is known.
  void resolve(Operation *Op);
  /// Erases the ops that made sequences nobody asks for any more.
  void clean();

private:
  const List *listOf(Value V) const {
    auto It = Lists.find(V);
    return It == Lists.end() ? nullptr : &It->second;
  }
  /// Position Index in a list of Size, which may count from the end.
  static std::optional<int64_t> position(Value Index, int64_t Size) {
    auto Known = constantInts(Index);
    if (!Known || Known->size() != 1)
      return std::nullopt;
    int64_t P = Known->front() < 0 ? Known->front() + Size : Known->front();
    return P < 0 || P > Size ? std::nullopt : std::optional<int64_t>(P);
  }
  void record(Operation *Op, List L) {
    Lists[Op->getResult(0)] = std::move(L);
    Done.push_back(Op);
  }
  void replace(Operation *Op, Value V) {
    // Users were checked against the declared type: keep what it says.
    auto Declared = dyn_cast<RankedTensorType>(Op->getResult(0).getType());
    if (Declared && isa<UnrankedTensorType>(V.getType()))
      V.setType(Declared);
    Op->getResult(0).replaceAllUsesWith(V);
    Done.push_back(Op);
  }
  void split(onnx::SplitToSequenceOp Op);
  void concat(onnx::ConcatFromSequenceOp Op, const List &L);
  void mapBody(onnx::SequenceMapOp Op);

  llvm::DenseMap<Value, List> Lists;
  SmallVector<Operation *> Done;
};

Value constantBool(OnnxBuilder &B, bool V) {
  auto T = RankedTensorType::get({}, B.getI1Type());
  return onnx::ConstantOp::create(B, DenseElementsAttr::get(T, V));
}

void Resolver::split(onnx::SplitToSequenceOp Op) {
  auto T = dyn_cast<RankedTensorType>(Op.getInput().getType());
  if (!T)
    return;
  int64_t Axis = static_cast<int64_t>(Op.getAxis());
  if (Axis < 0)
    Axis += T.getRank();
  int64_t Size = T.getDimSize(Axis);
  SmallVector<int64_t> Parts;
  bool Keep = true;
  if (Value Split = Op.getSplit()) {
    auto Known = constantInts(Split);
    if (!Known || Known->empty())
      return;
    if (cast<ShapedType>(Split.getType()).getRank() == 1) {
      Parts = *Known;
    } else {
      // Chunks of one length, the last one shorter.
      if (ShapedType::isDynamic(Size) || Known->front() <= 0)
        return;
      for (int64_t At = 0; At < Size; At += Known->front())
        Parts.push_back(std::min(Known->front(), Size - At));
    }
  } else {
    if (ShapedType::isDynamic(Size))
      return;
    Parts.assign(Size, 1);
    Keep = Op.getKeepdims();
  }
  OnnxBuilder B(Op);
  List L;
  int64_t First = 0;
  for (int64_t P : Parts) {
    Value Part =
        B.slice(Op.getInput(), B.ints({First}), B.ints({First + P}), Axis);
    L.push_back(Keep ? Part : B.squeeze(Part, {Axis}));
    First += P;
  }
  record(Op, std::move(L));
}

void Resolver::concat(onnx::ConcatFromSequenceOp Op, const List &L) {
  if (L.empty())
    return;
  OnnxBuilder B(Op);
  int64_t Axis = static_cast<int64_t>(Op.getAxis());
  List Parts = L;
  if (Op.getNewAxis())
    for (Value &V : Parts)
      V = B.unsqueeze(V, {Axis});
  replace(Op, B.concat(Parts, Axis));
}

/// The body once per element; other operands that are sequences go along.
void Resolver::mapBody(onnx::SequenceMapOp Op) {
  const List *First = listOf(Op.getInputSequence());
  if (!First)
    return;
  Block &Body = Op.getBody().front();
  SmallVector<List> Out(Op->getNumResults());
  OpBuilder B(Op);
  for (size_t I = 0; I < First->size(); ++I) {
    IRMapping Map;
    Map.map(Body.getArgument(0), (*First)[I]);
    for (auto [K, V] : llvm::enumerate(Op.getAdditionalInputs())) {
      const List *More = listOf(V);
      if (More && I >= More->size())
        return;
      Map.map(Body.getArgument(K + 1), More ? (*More)[I] : V);
    }
    for (Operation &Inner : Body.without_terminator())
      B.clone(Inner, Map);
    for (auto [R, V] : llvm::enumerate(Body.getTerminator()->getOperands()))
      Out[R].push_back(Map.lookupOrDefault(V));
  }
  for (auto [R, L] : llvm::zip_equal(Op->getResults(), Out))
    Lists[R] = std::move(L);
  Done.push_back(Op);
}

void Resolver::resolve(Operation *Op) {
  llvm::TypeSwitch<Operation *>(Op)
      .Case(
          [&](onnx::SequenceConstructOp O) { record(O, List(O.getInputs())); })
      .Case([&](onnx::SequenceEmptyOp O) { record(O, {}); })
      .Case([&](onnx::SequenceInsertOp O) {
        const List *L = listOf(O.getInputSequence());
        if (!L)
          return;
        List New = *L;
        int64_t At = New.size();
        if (O.getPosition()) {
          auto P = position(O.getPosition(), New.size());
          if (!P)
            return;
          At = *P;
        }
        New.insert(New.begin() + At, O.getTensor());
        record(O, std::move(New));
      })
      .Case([&](onnx::SequenceEraseOp O) {
        const List *L = listOf(O.getInputSequence());
        if (!L || L->empty())
          return;
        List New = *L;
        int64_t At = New.size() - 1;
        if (O.getPosition()) {
          auto P = position(O.getPosition(), New.size());
          if (!P || *P == static_cast<int64_t>(New.size()))
            return;
          At = *P;
        }
        New.erase(New.begin() + At);
        record(O, std::move(New));
      })
      .Case([&](onnx::SequenceAtOp O) {
        const List *L = listOf(O.getInputSequence());
        auto P = L ? position(O.getPosition(), L->size()) : std::nullopt;
        if (P && *P < static_cast<int64_t>(L->size()))
          replace(O, (*L)[*P]);
      })
      .Case([&](onnx::SequenceLengthOp O) {
        if (const List *L = listOf(O.getInputSequence())) {
          OnnxBuilder B(O);
          replace(O, B.scalarInt(L->size()));
        }
      })
      .Case([&](onnx::SplitToSequenceOp O) { split(O); })
      .Case([&](onnx::ConcatFromSequenceOp O) {
        if (const List *L = listOf(O.getInputSequence()))
          concat(O, *L);
      })
      .Case([&](onnx::SequenceMapOp O) { mapBody(O); })
      .Case([&](onnx::IdentityOp O) {
        if (const List *L = listOf(O.getInput()))
          record(O, List(*L));
      })
      .Case([&](onnx::OptionalOp O) {
        // An optional of a tensor is that tensor; one of nothing is empty.
        if (!O.getInput())
          record(O, {});
        else if (const List *L = listOf(O.getInput()))
          record(O, List(*L));
        else if (isa<TensorType>(O.getInput().getType()))
          record(O, {O.getInput()});
      })
      .Case([&](onnx::OptionalHasElementOp O) {
        Value In = O.getInput();
        auto Optional =
            In ? In.getDefiningOp<onnx::OptionalOp>() : onnx::OptionalOp();
        if (In && isa<onnx::OptType>(In.getType()) && !Optional)
          return;
        OnnxBuilder B(O);
        replace(O, constantBool(B, In && (!Optional || Optional.getInput())));
      })
      .Case([&](onnx::OptionalGetElementOp O) {
        Value In = O.getInput();
        if (auto Optional = In.getDefiningOp<onnx::OptionalOp>())
          In = Optional.getInput();
        if (!In || isa<onnx::OptType>(In.getType()))
          return;
        if (const List *L = listOf(In)) {
          Lists[O.getResult()] = List(*L);
          Done.push_back(O);
        }
        replace(O, In);
      });
}

void Resolver::clean() {
  // Users first: a list may feed another.
  llvm::SmallPtrSet<Operation *, 16> Gone;
  for (Operation *Op : llvm::reverse(Done))
    if (Op->use_empty() && Gone.insert(Op).second)
      Op->erase();
}

/// Gives main tensors for the sequences of maps that it returns.
void returnMatrices(func::FuncOp Main) {
  Operation *Return = Main.getBody().front().getTerminator();
  SmallVector<Type> Results(Main.getResultTypes());
  for (OpOperand &Returned : Return->getOpOperands()) {
    auto Zip = Returned.get().getDefiningOp<onnx::MLZipMapOp>();
    auto T = Zip ? dyn_cast<RankedTensorType>(Zip.getX().getType())
                 : RankedTensorType();
    if (!T || T.getRank() < 1 || T.getRank() > 2)
      continue;
    OnnxBuilder B(Zip);
    Attribute Keys;
    if (auto Ints = Zip->getAttrOfType<DenseI64ArrayAttr>("classlabels_int64s");
        Ints && !Ints.empty())
      Keys = Ints;
    else
      Keys = Zip->getAttr("classlabels_strings");
    if (!Keys)
      continue;
    // One map alone is a sequence of one.
    Value Rows = T.getRank() == 2 ? Zip.getX() : B.unsqueeze(Zip.getX(), {0});
    if (T.getRank() == 1)
      Rows.setType(
          RankedTensorType::get({1, T.getDimSize(0)}, T.getElementType()));
    unsigned I = Returned.getOperandNumber();
    Main.setResultAttr(I, "onnx.keys", Keys);
    Returned.set(Rows);
    Results[I] = Rows.getType();
    if (Zip->use_empty())
      Zip->erase();
  }
  Main.setFunctionType(
      FunctionType::get(Main.getContext(), Main.getArgumentTypes(), Results));
}

struct LowerResolveSequencesPass
    : impl::LowerResolveSequencesBase<LowerResolveSequencesPass> {
  void runOnOperation() override {
    Resolver R;
    SmallVector<Operation *> Ops;
    getOperation()->walk<WalkOrder::PreOrder>(
        [&](Operation *Op) { Ops.push_back(Op); });
    for (Operation *Op : Ops)
      R.resolve(Op);
    R.clean();
    for (auto Main : getOperation().getOps<func::FuncOp>())
      if (!Main.isExternal())
        returnMatrices(Main);
  }
};

} // namespace
} // namespace lathe::lower
