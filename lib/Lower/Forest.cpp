//===- Forest.cpp - Decision trees as tables ------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reading the attributes of the older ops, and the walk. Most forests know one
// kind of test, which is then no choice of the run.
//
//===----------------------------------------------------------------------===//

#include "Forest.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>
#include <map>

using namespace mlir;

namespace lathe::lower {

namespace {
/// Walks the forest; the result is [rows, targets] in type T.
class ForestWalker {
public:
  ForestWalker(TensorBuilder &B, const Forest &F, Value X, Type T)
      : B(B), F(F), X(X), T(T) {}
  Value run(Aggregate How, ArrayRef<double> Base);

private:
  Value constantInts(ArrayRef<int64_t> V) {
    auto Type =
        RankedTensorType::get({static_cast<int64_t>(V.size())}, B.getI64Type());
    return arith::ConstantOp::create(B, DenseElementsAttr::get(Type, V));
  }
  Value constantReals(ArrayRef<double> V) {
    auto Type = RankedTensorType::get({static_cast<int64_t>(V.size())}, T);
    SmallVector<Attribute> A;
    for (double D : V)
      A.push_back(B.getFloatAttr(T, D));
    return arith::ConstantOp::create(B, DenseElementsAttr::get(Type, A));
  }
  Scalar test(Scalar V, Scalar Split, Scalar Mode);

  TensorBuilder &B;
  const Forest &F;
  Value X;
  Type T;
};
} // namespace

Scalar ForestWalker::test(Scalar V, Scalar Split, Scalar Mode) {
  auto By = [&](int64_t M) {
    switch (M) {
    case LEQ:
      return V <= Split;
    case LT:
      return V < Split;
    case GTE:
      return V >= Split;
    case GT:
      return V > Split;
    case EQ:
      return V == Split;
    default:
      return V != Split;
    }
  };
  // Most forests know one kind of test.
  SmallVector<int64_t> Kinds(F.Mode);
  llvm::sort(Kinds);
  Kinds.erase(llvm::unique(Kinds), Kinds.end());
  Scalar Result = By(Kinds.front());
  for (int64_t K : ArrayRef(Kinds).drop_front())
    Result = select(Mode == K, By(K), Result);
  return Result;
}

Value ForestWalker::run(Aggregate How, ArrayRef<double> Base) {
  Scalar Rows = B.dim(X, 0);
  Sizes To = {B.fold(Rows), B.attr(F.Targets)};
  double Start = How == Aggregate::Min   ? INFINITY
                 : How == Aggregate::Max ? -INFINITY
                                         : 0.0;
  Value Out = B.fill(tensorOf(To, T), To, B.constant(T, Start));
  Value Feature = constantInts(F.Feature), Mode = constantInts(F.Mode),
        Missing = constantInts(F.Missing), OnFalse = constantInts(F.OnFalse),
        OnTrue = constantInts(F.OnTrue), Split = constantReals(F.Split),
        First = constantInts(F.First), Target = constantInts(F.Target),
        Weight = constantReals(F.Weight), Roots = constantInts(F.Roots);
  bool AnyMissing = llvm::is_contained(F.Missing, 1);
  double Share = How == Aggregate::Average ? 1.0 / F.Roots.size() : 1.0;
  Scalar Features = B.dim(X, 1);
  Value Sums = B.loopKernel([&] {
    return B.nest(
        {Rows, B.index(F.Roots.size())}, Out,
        [&](ArrayRef<Scalar> I, ValueRange Outs) {
          Values End = B.loopWhile(
              {B.load(Roots, {I[1]})},
              [&](ValueRange S) { return B.wrap(S[0]) >= 0; },
              [&](ValueRange S) -> Values {
                Scalar Node = B.wrap(S[0]).toIndex();
                Scalar At = wrapIndex(B, B.load(Feature, {Node}), Features);
                Scalar V = B.load(X, {I[0], At}).to(T);
                Scalar Yes =
                    test(V, B.load(Split, {Node}), B.load(Mode, {Node}));
                if (AnyMissing)
                  Yes = Yes | ((V != V) & (B.load(Missing, {Node}) == 1));
                return {select(Yes, B.load(OnTrue, {Node}),
                               B.load(OnFalse, {Node}))};
              });
          Scalar Leaf = (-(B.wrap(End[0]) + 1)).toIndex();
          return B.loop(
              B.load(First, {Leaf}).toIndex(),
              B.load(First, {Leaf + 1}).toIndex(), Outs,
              [&](Scalar K, ValueRange O) -> Values {
                Scalar C = B.load(Target, {K}).toIndex();
                Scalar W = B.load(Weight, {K}), Old = B.load(O[0], {I[0], C});
                if (Share != 1.0)
                  W = W * Share;
                Scalar New = How == Aggregate::Min   ? smin(Old, W)
                             : How == Aggregate::Max ? smax(Old, W)
                                                     : Old + W;
                return {B.store(New, O[0], {I[0], C})};
              });
        });
  })[0];
  if (Base.empty())
    return Sums;
  Value Offsets = constantReals(Base);
  Values Ins = {Sums, Offsets};
  AffineMap Column =
      AffineMap::get(2, 0, {B.getAffineDimExpr(1)}, B.getContext());
  return B.map(tensorOf(To, T), To, Ins, {B.getMultiDimIdentityMap(2), Column},
               [&](Indices &, ArrayRef<Scalar> In) { return In[0] + In[1]; });
}

Value walkForest(TensorBuilder &B, const Forest &F, Value X, Type T,
                 Aggregate How, ArrayRef<double> Base) {
  return ForestWalker(B, F, X, T).run(How, Base);
}

SmallVector<double> realsOf(Node &N, StringRef Name) {
  if (auto Dense = dyn_cast_if_present<DenseFPElementsAttr>(
          N.op()->getAttr((Name + "_as_tensor").str())))
    return llvm::map_to_vector(Dense.getValues<APFloat>(), [](APFloat F) {
      bool Inexact;
      F.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &Inexact);
      return F.convertToDouble();
    });
  return N.floats(Name);
}

LogicalResult readForest(Node &N, StringRef What, Forest &F) {
  SmallVector<int64_t> Trees = N.ints("nodes_treeids"),
                       Ids = N.ints("nodes_nodeids"),
                       Features = N.ints("nodes_featureids"),
                       True = N.ints("nodes_truenodeids"),
                       False = N.ints("nodes_falsenodeids"),
                       Missing = N.ints("nodes_missing_value_tracks_true");
  SmallVector<double> Values = realsOf(N, "nodes_values");
  SmallVector<StringRef> Modes = N.strs("nodes_modes");
  size_t Count = Trees.size();
  if (Count == 0 || Ids.size() != Count || Features.size() != Count ||
      True.size() != Count || False.size() != Count || Values.size() != Count ||
      Modes.size() != Count)
    return N.fail("the lists of nodes differ in length");
  Missing.resize(Count, 0);
  // Leaves by (tree, node).
  SmallVector<int64_t> LeafTree = N.ints((What + "_treeids").str()),
                       LeafNode = N.ints((What + "_nodeids").str()),
                       LeafId = N.ints((What + "_ids").str());
  SmallVector<double> LeafWeight = realsOf(N, (What + "_weights").str());
  if (LeafNode.size() != LeafTree.size() || LeafId.size() != LeafTree.size() ||
      LeafWeight.size() != LeafTree.size())
    return N.fail("the lists of leaves differ in length");
  using Place = std::pair<int64_t, int64_t>;
  std::map<Place, SmallVector<size_t>> Leaves;
  for (size_t I = 0; I < LeafTree.size(); ++I) {
    if (LeafId[I] < 0 || LeafId[I] >= F.Targets)
      return N.fail("a leaf names a target that does not exist");
    Leaves[{LeafTree[I], LeafNode[I]}].push_back(I);
  }
  // Numbers of nodes and leaves first, children then.
  std::map<Place, int64_t> Number;
  for (size_t I = 0; I < Count; ++I) {
    Place P{Trees[I], Ids[I]};
    if (Modes[I] == "LEAF") {
      Number[P] = -static_cast<int64_t>(F.First.size());
      for (size_t L : Leaves[P]) {
        F.Target.push_back(LeafId[L]);
        F.Weight.push_back(LeafWeight[L]);
      }
      F.endLeaf();
      continue;
    }
    auto Mode = llvm::StringSwitch<int64_t>(Modes[I])
                    .Case("BRANCH_LEQ", LEQ)
                    .Case("BRANCH_LT", LT)
                    .Case("BRANCH_GTE", GTE)
                    .Case("BRANCH_GT", GT)
                    .Case("BRANCH_EQ", EQ)
                    .Case("BRANCH_NEQ", NEQ)
                    .Default(-1);
    if (Mode < 0)
      return N.fail("unknown kind of node '" + Modes[I] + "'");
    Number[P] = F.addNode(Features[I], Mode, Values[I], Missing[I]);
  }
  int64_t LastTree = 0;
  for (size_t I = 0; I < Count; ++I) {
    // The first node of a tree is its root.
    if (I == 0 || Trees[I] != LastTree)
      F.Roots.push_back(Number[{Trees[I], Ids[I]}]);
    LastTree = Trees[I];
    int64_t Me = Number[{Trees[I], Ids[I]}];
    if (Me < 0)
      continue;
    auto T = Number.find({Trees[I], True[I]}),
         E = Number.find({Trees[I], False[I]});
    if (T == Number.end() || E == Number.end())
      return N.fail("a node names a child that does not exist");
    // Children come after their parents in no particular order; a path that
    // comes back would never end.
    F.OnTrue[Me] = T->second;
    F.OnFalse[Me] = E->second;
  }
  return success();
}

bool hasCycle(const Forest &F) {
  enum : char { New, Open, Closed };
  SmallVector<char> State(F.Feature.size(), New);
  for (int64_t Root : F.Roots) {
    SmallVector<std::pair<int64_t, int>> Path;
    if (Root >= 0)
      Path.emplace_back(Root, 0);
    while (!Path.empty()) {
      auto &[Node, Child] = Path.back();
      State[Node] = Open;
      if (Child == 2) {
        State[Node] = Closed;
        Path.pop_back();
        continue;
      }
      int64_t Next = Child++ == 0 ? F.OnTrue[Node] : F.OnFalse[Node];
      if (Next < 0 || State[Next] == Closed)
        continue;
      if (State[Next] == Open)
        return true;
      Path.emplace_back(Next, 0);
    }
  }
  return false;
}

} // namespace lathe::lower
