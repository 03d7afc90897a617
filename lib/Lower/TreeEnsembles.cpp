//===- TreeEnsembles.cpp - Decision trees of ai.onnx.ml -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The three forms of tree ensembles become one table (Forest.h), whose scores
// are made to what each form gives. A test for membership in a set is a chain
// of tests for equality.
//
//===----------------------------------------------------------------------===//

#include "Forest.h"
#include "lathe/Lower/MovementPatterns.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

namespace {

enum class Transform { None, Softmax, Logistic, SoftmaxZero, Probit };
} // namespace

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

static Type computeType(Node &N, TensorBuilder &B) {
  return N.inType(0).getElementType().isF64() ? Type(B.getF64Type())
                                              : Type(B.getF32Type());
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
  Value Scores = walkForest(B, F, N.in(0), computeType(N, B), *How,
                            realsOf(N, "base_values"));
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
  Value Scores = walkForest(B, F, N.in(0), T, Aggregate::Sum, Base);
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
  Value Scores = walkForest(B, F, N.in(0), T, static_cast<Aggregate>(How), {});
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
