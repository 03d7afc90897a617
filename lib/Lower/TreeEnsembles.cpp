//===- TreeEnsembles.cpp - Decision trees of ai.onnx.ml -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The three forms of tree ensembles become one table of nodes and one of
// leaves, constants of the model, and one loop kernel that walks every tree for
// every row. A test for membership in a set is a chain of tests for equality.
//
// Invariant of the table: a child is a node number, or minus one minus a
// leaf's.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "lathe/Lower/MovementPatterns.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>
#include <map>

using namespace mlir;

namespace lathe::lower {

namespace {

enum Compare : int64_t { LEQ, LT, GTE, GT, EQ, NEQ, Member };

struct Forest {
  SmallVector<int64_t> Feature, Mode, Missing, OnFalse, OnTrue;
  SmallVector<double> Split;
  /// Leaf L gives the (target, weight) pairs [First[L], First[L + 1]).
  SmallVector<int64_t> First = {0}, Target;
  SmallVector<double> Weight;
  SmallVector<int64_t> Roots;
  int64_t Targets = 1;

  int64_t addNode(int64_t F, int64_t M, double S, bool TracksTrue) {
    Feature.push_back(F);
    Mode.push_back(M);
    Split.push_back(S);
    Missing.push_back(TracksTrue);
    OnFalse.push_back(0);
    OnTrue.push_back(0);
    return Feature.size() - 1;
  }
  void endLeaf() { First.push_back(Target.size()); }
};

enum class Aggregate { Average, Sum, Min, Max };
enum class Transform { None, Softmax, Logistic, SoftmaxZero, Probit };

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

/// Applies the last step to scores [rows, classes].
static FailureOr<Value> transform(Node &N, TensorBuilder &B, Value Scores,
                                  Transform How) {
  auto T = cast<RankedTensorType>(Scores.getType());
  Type Element = T.getElementType();
  Sizes To = B.sizes(Scores);
  if (How == Transform::None)
    return Scores;
  if (How == Transform::Probit)
    return N.fail("the post transform PROBIT is not supported");
  if (How == Transform::Logistic)
    return B.map(T, To, Scores, B.getMultiDimIdentityMap(2),
                 [&](Indices &, ArrayRef<Scalar> In) {
                   return 1.0 / (expOf(-In[0]) + 1.0);
                 });
  // Softmax of a row; zeros stay zeros in the other form.
  bool KeepZero = How == Transform::SoftmaxZero;
  Scalar Columns = B.dim(Scores, 1), Zero = B.index(0);
  return B.loopKernel([&] {
    return B.loop(
        Zero, B.dim(Scores, 0), {B.empty(T, To)},
        [&](Scalar Row, ValueRange Outs) {
          Values Most =
              B.loop(Zero, Columns, {B.constant(Element, -INFINITY)},
                     [&](Scalar C, ValueRange M) -> Values {
                       return {smax(B.wrap(M[0]), B.load(Scores, {Row, C}))};
                     });
          auto Power = [&](Scalar C) {
            Scalar V = B.load(Scores, {Row, C});
            Scalar E = expOf(V - B.wrap(Most[0]));
            return KeepZero ? select(V == 0.0, V, E) : E;
          };
          Values Sum = B.loop(Zero, Columns, {B.constant(Element, 0.0)},
                              [&](Scalar C, ValueRange S) -> Values {
                                return {B.wrap(S[0]) + Power(C)};
                              });
          return B.loop(
              Zero, Columns, Outs, [&](Scalar C, ValueRange O) -> Values {
                return {B.store(Power(C) / B.wrap(Sum[0]), O[0], {Row, C})};
              });
        });
  })[0];
}

static std::optional<Transform> transformNamed(StringRef Name) {
  return llvm::StringSwitch<std::optional<Transform>>(Name)
      .Case("NONE", Transform::None)
      .Case("SOFTMAX", Transform::Softmax)
      .Case("LOGISTIC", Transform::Logistic)
      .Case("SOFTMAX_ZERO", Transform::SoftmaxZero)
      .Case("PROBIT", Transform::Probit)
      .Default(std::nullopt);
}

/// Reals of an attribute, or of its tensor form.
static SmallVector<double> realsOf(Node &N, StringRef Name) {
  if (auto Dense = dyn_cast_if_present<DenseFPElementsAttr>(
          N.op()->getAttr((Name + "_as_tensor").str())))
    return llvm::map_to_vector(Dense.getValues<APFloat>(), [](APFloat F) {
      bool Inexact;
      F.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &Inexact);
      return F.convertToDouble();
    });
  return N.floats(Name);
}

static Type computeType(Node &N, TensorBuilder &B) {
  return N.inType(0).getElementType().isF64() ? Type(B.getF64Type())
                                              : Type(B.getF32Type());
}

/// The forest of a TreeEnsembleClassifier or Regressor; What is the prefix of
/// the attributes of leaves.
static LogicalResult readForest(Node &N, StringRef What, Forest &F) {
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

/// Whether some path through the forest comes back to a node.
static bool hasCycle(const Forest &F) {
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

static LogicalResult lowerTreeRegressor(Node &N) {
  TensorBuilder B(N);
  Forest F;
  F.Targets = N.i64("n_targets", 1);
  if (failed(readForest(N, "target", F)))
    return failure();
  if (hasCycle(F))
    return N.fail("its nodes form a cycle");
  auto How = llvm::StringSwitch<std::optional<Aggregate>>(
                 N.str("aggregate_function", "SUM"))
                 .Case("SUM", Aggregate::Sum)
                 .Case("AVERAGE", Aggregate::Average)
                 .Case("MIN", Aggregate::Min)
                 .Case("MAX", Aggregate::Max)
                 .Default(std::nullopt);
  auto Last = transformNamed(N.str("post_transform", "NONE"));
  if (!How || !Last)
    return N.fail("unknown aggregate function or post transform");
  Value Scores = ForestWalker(B, F, N.in(0), computeType(N, B))
                     .run(*How, realsOf(N, "base_values"));
  FailureOr<Value> Y = transform(N, B, Scores, *Last);
  if (failed(Y))
    return failure();
  Type Element = N.outType().getElementType();
  if (cast<RankedTensorType>(Y->getType()).getElementType() != Element)
    Y = B.map(tensorOf(B.sizes(*Y), Element), B.sizes(*Y), *Y,
              B.getMultiDimIdentityMap(2), [&](Indices &, ArrayRef<Scalar> In) {
                return In[0].to(Element);
              });
  return N.replace(*Y);
}

static LogicalResult lowerTreeClassifier(Node &N) {
  TensorBuilder B(N);
  SmallVector<int64_t> Labels = N.ints("classlabels_int64s");
  if (Labels.empty())
    return N.fail("classes with names (strings) are not supported yet");
  Forest F;
  F.Targets = Labels.size();
  if (failed(readForest(N, "class", F)))
    return failure();
  if (hasCycle(F))
    return N.fail("its nodes form a cycle");
  auto Last = transformNamed(N.str("post_transform", "NONE"));
  if (!Last)
    return N.fail("unknown post transform");
  Type T = computeType(N, B), I64 = B.getI64Type();
  SmallVector<double> Base = realsOf(N, "base_values");
  // Two classes, of which the leaves score one: the other is what is left.
  bool OneSided = Labels.size() == 2 && !F.Target.empty() &&
                  llvm::all_equal(F.Target) && Base.size() < 2;
  bool Positive = llvm::all_of(F.Weight, [](double W) { return W >= 0; });
  if (OneSided) {
    F.Targets = 1;
    std::fill(F.Target.begin(), F.Target.end(), 0);
  }
  Value Scores = ForestWalker(B, F, N.in(0), T).run(Aggregate::Sum, Base);
  Sizes To = {B.size(Scores, 0), B.attr(static_cast<int64_t>(Labels.size()))};
  Value Chosen;
  FailureOr<Value> Final = Scores;
  Sizes Rows = {To[0]};
  auto Label = [&](Scalar Class) {
    Scalar R = constantScalar(B, I64, Labels[0]);
    for (size_t I = 1; I < Labels.size(); ++I)
      R = select(Class == static_cast<int64_t>(I),
                 constantScalar(B, I64, Labels[I]), R);
    return R;
  };
  if (OneSided) {
    bool Logistic = *Last == Transform::Logistic;
    Chosen = B.map(tensorOf(Rows, I64), Rows, [&](Indices &I) {
      Scalar S = B.load(Scores, {I[0], B.index(0)});
      Scalar Second = S > (Positive && !Logistic ? 0.5 : 0.0);
      return select(Second, constantScalar(B, I64, Labels[1]),
                    constantScalar(B, I64, Labels[0]));
    });
    Value Both = B.map(tensorOf(To, T), To, [&](Indices &I) {
      Scalar S = B.load(Scores, {I[0], B.index(0)});
      Scalar Other = Positive && !Logistic ? 1.0 - S : -S;
      return select(I[1] == 0, Other, S);
    });
    Final = transform(N, B, Both, *Last);
  } else {
    Values Best = B.loopKernel([&] {
      return B.loop(
          B.index(0), B.dim(Scores, 0), {B.empty(tensorOf(Rows, I64), Rows)},
          [&](Scalar Row, ValueRange Outs) -> Values {
            Values Top = B.loop(B.index(1), B.dim(Scores, 1), {B.index(0)},
                                [&](Scalar C, ValueRange S) -> Values {
                                  Scalar Old = B.wrap(S[0]);
                                  Scalar Larger = B.load(Scores, {Row, C}) >
                                                  B.load(Scores, {Row, Old});
                                  return {select(Larger, C, Old)};
                                });
            return {B.store(Label(B.wrap(Top[0])), Outs[0], {Row})};
          });
    });
    Chosen = Best[0];
    Final = transform(N, B, Scores, *Last);
  }
  if (failed(Final))
    return failure();
  Type Element = N.outType(1).getElementType();
  if (T != Element)
    Final = B.map(
        tensorOf(To, Element), To, *Final, B.getMultiDimIdentityMap(2),
        [&](Indices &, ArrayRef<Scalar> In) { return In[0].to(Element); });
  return N.replace({Chosen, *Final});
}

/// The form of ai.onnx.ml 5: leaves are lists of their own.
static LogicalResult lowerTreeEnsemble(Node &N) {
  TensorBuilder B(N);
  Type T = N.outType().getElementType();
  auto Reals = [&](StringRef Name) {
    SmallVector<double> R;
    if (auto Dense =
            dyn_cast_if_present<DenseFPElementsAttr>(N.op()->getAttr(Name)))
      for (APFloat V : Dense.getValues<APFloat>()) {
        bool Inexact;
        V.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                  &Inexact);
        R.push_back(V.convertToDouble());
      }
    return R;
  };
  SmallVector<int64_t> Modes;
  if (auto Dense = dyn_cast_if_present<DenseIntElementsAttr>(
          N.op()->getAttr("nodes_modes")))
    for (APInt V : Dense.getValues<APInt>())
      Modes.push_back(V.getZExtValue());
  SmallVector<double> Splits = Reals("nodes_splits"),
                      Weights = Reals("leaf_weights"),
                      Members = Reals("membership_values");
  SmallVector<int64_t> Features = N.ints("nodes_featureids"),
                       True = N.ints("nodes_truenodeids"),
                       False = N.ints("nodes_falsenodeids"),
                       TrueLeaf = N.ints("nodes_trueleafs"),
                       FalseLeaf = N.ints("nodes_falseleafs"),
                       Missing = N.ints("nodes_missing_value_tracks_true"),
                       Roots = N.ints("tree_roots");
  size_t Count = Features.size();
  if (Count == 0 || Splits.size() != Count || Modes.size() != Count ||
      True.size() != Count || False.size() != Count ||
      TrueLeaf.size() != Count || FalseLeaf.size() != Count)
    return N.fail("the lists of nodes differ in length, or are too long");
  Missing.resize(Count, 0);
  Forest F;
  F.Targets = N.i64("n_targets", 1);
  F.Target = N.ints("leaf_targetids");
  F.Weight = Weights;
  if (F.Target.size() != F.Weight.size())
    return N.fail("the lists of leaves differ in length");
  for (size_t L = 0; L < F.Target.size(); ++L) {
    if (F.Target[L] < 0 || F.Target[L] >= F.Targets)
      return N.fail("a leaf names a target that does not exist");
    F.First.push_back(L + 1);
  }
  for (size_t I = 0; I < Count; ++I)
    F.addNode(Features[I], Modes[I], Splits[I], Missing[I]);
  bool Good = true;
  auto Child = [&](int64_t Id, int64_t IsLeaf) -> int64_t {
    size_t Limit = IsLeaf ? F.Target.size() : Count;
    Good &= Id >= 0 && static_cast<size_t>(Id) < Limit;
    return IsLeaf ? -1 - Id : Id;
  };
  for (size_t I = 0; I < Count; ++I) {
    F.OnTrue[I] = Child(True[I], TrueLeaf[I]);
    F.OnFalse[I] = Child(False[I], FalseLeaf[I]);
  }
  for (int64_t Root : Roots) {
    if (Root < 0 || static_cast<size_t>(Root) >= Count)
      return N.fail("a tree names a root that does not exist");
    // A tree of one leaf is a node whose children are one leaf.
    F.Roots.push_back(Root);
  }
  if (!Good)
    return N.fail("a node names a child that does not exist");
  if (hasCycle(F))
    return N.fail("its nodes form a cycle");
  // The sets stand in the order in which the trees are read: true side first.
  auto NextMember = Members.begin();
  SmallVector<int64_t> Stack(llvm::reverse(F.Roots));
  while (!Stack.empty()) {
    int64_t I = Stack.pop_back_val();
    if (I < 0)
      continue;
    int64_t OnTrue = F.OnTrue[I], OnFalse = F.OnFalse[I];
    if (F.Mode[I] == Member) {
      SmallVector<double> Set;
      while (NextMember != Members.end() && !std::isnan(*NextMember))
        Set.push_back(*NextMember++);
      if (NextMember != Members.end())
        ++NextMember;
      F.Mode[I] = EQ;
      F.Split[I] = Set.empty() ? NAN : Set.front();
      int64_t Last = I;
      for (double V : ArrayRef(Set).drop_front(Set.empty() ? 0 : 1)) {
        int64_t More = F.addNode(F.Feature[I], EQ, V, F.Missing[I]);
        F.OnTrue[More] = OnTrue;
        F.OnFalse[Last] = More;
        Last = More;
      }
      F.OnFalse[Last] = OnFalse;
    }
    Stack.push_back(OnFalse);
    Stack.push_back(OnTrue);
  }
  int64_t How = N.i64("aggregate_function", 1),
          Last = N.i64("post_transform", 0);
  if (How < 0 || How > 3 || Last < 0 || Last > 4)
    return N.fail("unknown aggregate function or post transform");
  Value Scores =
      ForestWalker(B, F, N.in(0), T).run(static_cast<Aggregate>(How), {});
  FailureOr<Value> Y = transform(N, B, Scores, static_cast<Transform>(Last));
  if (failed(Y))
    return failure();
  return N.replace(*Y);
}

void populateTreeEnsemblePatterns(const StorageTypeConverter &Types,
                                  RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.ml.TreeEnsemble", lowerTreeEnsemble},
      {"onnx.ml.TreeEnsembleClassifier", lowerTreeClassifier},
      {"onnx.ml.TreeEnsembleRegressor", lowerTreeRegressor},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower
