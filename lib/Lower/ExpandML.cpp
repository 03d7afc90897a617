//===- ExpandML.cpp - Classifiers and regressors of ai.onnx.ml ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Linear models and support vector machines as products, so that they get the
// kernels of products; encoders as comparisons and concatenations. What the
// lists of the attributes say is checked here once, whatever comes of it.
//
// Invariant: scores are f32, whatever the type of the features.
//
//===----------------------------------------------------------------------===//

#include "Expansions.h"
#include "lathe/ONNX/ONNX.h"

using namespace mlir;

namespace lathe::lower {

using Results = std::optional<SmallVector<Value>>;

namespace {

/// Reads the attributes of a model of ai.onnx.ml and builds what they share.
class MLModel {
public:
  MLModel(Operation *Op, OnnxBuilder &B, std::string &Why)
      : Op(Op), B(B), Why(Why), F32(B.getF32Type()) {}

  Results fail(const Twine &Reason) {
    Why = Reason.str();
    return std::nullopt;
  }
  ArrayRef<float> floats(StringRef Name) {
    auto A = Op->getAttrOfType<DenseF32ArrayAttr>(Name);
    return A ? A.asArrayRef() : ArrayRef<float>();
  }
  ArrayRef<int64_t> ints(StringRef Name) {
    auto A = Op->getAttrOfType<DenseI64ArrayAttr>(Name);
    return A ? A.asArrayRef() : ArrayRef<int64_t>();
  }
  StringRef str(StringRef Name, StringRef Default) {
    auto A = Op->getAttrOfType<StringAttr>(Name);
    return A ? A.getValue() : Default;
  }

  /// The features as f32 rows; a vector is one row.
  Value rows() {
    Value X = B.cast(Op->getOperand(0), F32);
    auto T = cast<ShapedType>(Op->getOperand(0).getType());
    return T.hasRank() && T.getRank() == 1 ? B.unsqueeze(X, {0}) : X;
  }
  Value matrix(ArrayRef<float> Values, ArrayRef<int64_t> Shape) {
    return onnx::ConstantOp::create(
        B, DenseElementsAttr::get(RankedTensorType::get(Shape, F32), Values));
  }
  /// X * W^T + Bias, with a row of W for each result.
  Value linear(Value X, ArrayRef<float> W, ArrayRef<float> Bias) {
    int64_t Outs = Bias.size();
    Value Weights = matrix(W, {Outs, int64_t(W.size()) / Outs});
    Value Y = B.matmul(X, B.transpose(Weights, {1, 0}));
    return B.add(Y, matrix(Bias, {1, Outs}));
  }
  /// The position of the largest score, the first of equals.
  Value best(Value Scores) {
    return B.op("ArgMax", {Scores},
                {B.attr("axis", int64_t(1)), B.attr("keepdims", int64_t(0))},
                B.getI64Type());
  }
  /// A condition as 0 or 1.
  Value flag(Value Condition, Type T) { return B.cast(Condition, T); }
  Value isPositive(Value X) {
    return B.compare("Greater", X, B.number(0, F32));
  }
  Value column(Value X, int64_t C) {
    return B.op("Gather", {X, B.scalarInt(C)}, B.attr("axis", int64_t(1)));
  }
  /// The labels at Positions; the positions themselves without labels.
  Value label(Value Positions, ArrayRef<int64_t> Labels) {
    return Labels.empty() ? Positions
                          : B.op("Gather", {B.ints(Labels), Positions});
  }
  /// Null with a reason for what is not known.
  Value transform(Value Scores) {
    StringRef How = str("post_transform", "NONE");
    if (How == "NONE")
      return Scores;
    if (How == "LOGISTIC")
      return B.op("Sigmoid", {Scores});
    if (How == "SOFTMAX")
      return B.softmax(Scores, 1);
    if (How == "SOFTMAX_ZERO") {
      // Scores of zero stay zero, but count in the sum.
      Value Zero = B.number(0, F32);
      Value Power = B.op(
          "Exp", {B.sub(Scores, B.reduce("ReduceMax", Scores, {1}, true))});
      Value Kept = B.where(B.compare("Equal", Scores, Zero), Scores, Power);
      return B.div(Kept, B.reduce("ReduceSum", Kept, {1}, true));
    }
    Why = ("the post transform " + How + " is not supported").str();
    return {};
  }
  bool hasStrings(StringRef Name) {
    auto A = Op->getAttrOfType<ArrayAttr>(Name);
    return A && !A.empty();
  }

  Operation *Op;
  OnnxBuilder &B;
  std::string &Why;
  Type F32;
};

/// The kernel of a support vector machine.
class SupportVectors : public MLModel {
public:
  using MLModel::MLModel;

  /// Null with a reason.
  Value kernel(Value X, Value Vectors) {
    StringRef Kind = str("kernel_type", "LINEAR");
    ArrayRef<float> Params = floats("kernel_params");
    if (Kind != "LINEAR" && Params.size() != 3) {
      Why = "'kernel_params' must hold gamma, coef0 and degree";
      return {};
    }
    if (Kind == "RBF") {
      // The sum of squares of differences: the product form would cancel.
      Value Gap = B.sub(B.unsqueeze(X, {1}), B.unsqueeze(Vectors, {0}));
      Value Distance = B.reduce("ReduceSumSquare", Gap, {2}, false);
      return B.op("Exp", {B.mul(Distance, B.number(-Params[0], F32))});
    }
    Value Dot = B.matmul(X, B.transpose(Vectors, {1, 0}));
    if (Kind == "LINEAR")
      return Dot;
    Value Scaled =
        B.add(B.mul(Dot, B.number(Params[0], F32)), B.number(Params[1], F32));
    if (Kind == "POLY")
      return B.op("Pow", {Scaled, B.number(Params[2], F32)});
    if (Kind == "SIGMOID")
      return B.op("Tanh", {Scaled});
    Why = ("unknown kernel '" + Kind + "'").str();
    return {};
  }
};

} // namespace

Results expandLinearClassifier(Operation *Op, OnnxBuilder &B,
                               std::string &Why) {
  MLModel M(Op, B, Why);
  if (M.hasStrings("classlabels_strings"))
    return M.fail("labels that are strings are not supported yet");
  ArrayRef<float> W = M.floats("coefficients"), Bias = M.floats("intercepts");
  ArrayRef<int64_t> Labels = M.ints("classlabels_ints");
  SmallVector<float> NoBias(std::max<size_t>(Labels.size(), 1), 0.0f);
  if (Bias.empty())
    Bias = NoBias;
  if (W.empty() || W.size() % Bias.size())
    return M.fail("the coefficients do not divide into one row a class");
  Value Raw = M.linear(M.rows(), W, Bias), Position, Scores;
  if (Bias.size() == 1) {
    // One score tells of two classes: above zero, the second.
    Position = M.flag(M.isPositive(M.column(Raw, 0)), B.getI64Type());
    Value One = M.transform(Raw);
    if (!One)
      return std::nullopt;
    Scores = Labels.size() == 2
                 ? B.concat({B.sub(B.number(1, M.F32), One), One}, 1)
                 : One;
  } else {
    Position = M.best(Raw);
    Scores = M.transform(Raw);
    if (!Scores)
      return std::nullopt;
  }
  return SmallVector<Value>{M.label(Position, Labels), Scores};
}

Results expandLinearRegressor(Operation *Op, OnnxBuilder &B, std::string &Why) {
  MLModel M(Op, B, Why);
  ArrayRef<float> W = M.floats("coefficients"), Bias = M.floats("intercepts");
  auto Count = Op->getAttrOfType<IntegerAttr>("targets");
  int64_t Targets = Count ? Count.getInt() : 1;
  SmallVector<float> NoBias(std::max<int64_t>(Targets, 0), 0.0f);
  if (Bias.empty())
    Bias = NoBias;
  if (Targets < 1 || int64_t(Bias.size()) != Targets || W.empty() ||
      W.size() % Targets)
    return M.fail("'coefficients' must hold one row per target");
  Value Y = M.transform(M.linear(M.rows(), W, Bias));
  if (!Y)
    return std::nullopt;
  return SmallVector<Value>{Y};
}

Results expandSVMRegressor(Operation *Op, OnnxBuilder &B, std::string &Why) {
  SupportVectors M(Op, B, Why);
  ArrayRef<float> Vectors = M.floats("support_vectors"),
                  Weights = M.floats("coefficients"), Rho = M.floats("rho");
  auto Count = Op->getAttrOfType<IntegerAttr>("n_supports");
  int64_t Supports = Count ? Count.getInt() : 0;
  if (Weights.empty() || Rho.empty())
    return M.fail("coefficients and rho must be given");
  Value X = M.rows(), Basis;
  if (Supports > 0) {
    if (Vectors.empty() || Vectors.size() % Supports ||
        Weights.size() != size_t(Supports))
      return M.fail("the lists of support vectors and coefficients do not fit "
                    "'n_supports'");
    Value S = M.matrix(Vectors, {Supports, int64_t(Vectors.size()) / Supports});
    Basis = M.kernel(X, S);
    if (!Basis)
      return std::nullopt;
    Basis = B.matmul(Basis, M.matrix(Weights, {Supports, 1}));
  } else {
    Basis = M.kernel(X, M.matrix(Weights, {1, int64_t(Weights.size())}));
    if (!Basis)
      return std::nullopt;
  }
  Value Y = B.add(Basis, B.number(Rho.front(), M.F32));
  auto OneClass = Op->getAttrOfType<IntegerAttr>("one_class");
  if (OneClass && OneClass.getInt())
    Y = B.where(M.isPositive(Y), B.number(1, M.F32), B.number(-1, M.F32));
  Y = M.transform(Y);
  if (!Y)
    return std::nullopt;
  return SmallVector<Value>{Y};
}

/// Scores of all pairs of classes, [rows, pairs]: each pair weighs the support
/// vectors of its two classes.
static Value pairScores(SupportVectors &M, Value Kernel,
                        ArrayRef<int64_t> PerClass, ArrayRef<float> Weights,
                        ArrayRef<float> Rho) {
  int64_t Classes = PerClass.size(), Pairs = Classes * (Classes - 1) / 2;
  SmallVector<int64_t> First(1, 0);
  for (int64_t N : PerClass)
    First.push_back(First.back() + N);
  int64_t Total = First.back();
  SmallVector<float> Matrix(Total * Pairs, 0.0f);
  int64_t Pair = 0;
  for (int64_t I = 0; I < Classes; ++I)
    for (int64_t J = I + 1; J < Classes; ++J, ++Pair) {
      for (int64_t S = First[I]; S < First[I + 1]; ++S)
        Matrix[S * Pairs + Pair] = Weights[(J - 1) * Total + S];
      for (int64_t S = First[J]; S < First[J + 1]; ++S)
        Matrix[S * Pairs + Pair] = Weights[I * Total + S];
    }
  Value Scores = M.B.matmul(Kernel, M.matrix(Matrix, {Total, Pairs}));
  return M.B.add(Scores, M.matrix(Rho.take_front(Pairs), {1, Pairs}));
}

/// How many pairs each class wins, [rows, classes].
static Value votes(SupportVectors &M, Value Scores, int64_t Classes) {
  int64_t Pairs = Classes * (Classes - 1) / 2, Pair = 0;
  // A won pair counts for its first class, a lost one for its second.
  SmallVector<float> Win(Pairs * Classes, 0.0f), Lost(Classes, 0.0f);
  for (int64_t I = 0; I < Classes; ++I)
    for (int64_t J = I + 1; J < Classes; ++J, ++Pair) {
      Win[Pair * Classes + I] = 1;
      Win[Pair * Classes + J] = -1;
      Lost[J] += 1;
    }
  Value Won = M.flag(M.isPositive(Scores), M.F32);
  return M.B.add(M.B.matmul(Won, M.matrix(Win, {Pairs, Classes})),
                 M.matrix(Lost, {1, Classes}));
}

Results expandSVMClassifier(Operation *Op, OnnxBuilder &B, std::string &Why) {
  SupportVectors M(Op, B, Why);
  if (M.hasStrings("classlabels_strings"))
    return M.fail("labels that are strings are not supported yet");
  ArrayRef<int64_t> Labels = M.ints("classlabels_ints"),
                    PerClass = M.ints("vectors_per_class");
  ArrayRef<float> Vectors = M.floats("support_vectors"),
                  Weights = M.floats("coefficients"), Rho = M.floats("rho"),
                  ProbA = M.floats("prob_a"), ProbB = M.floats("prob_b");
  int64_t Classes = Labels.size();
  Value X = M.rows();
  if (PerClass.empty()) {
    // A linear machine: a row of coefficients a class.
    if (Classes < 1 || Weights.empty() || Weights.size() % Classes ||
        Rho.empty())
      return M.fail("the coefficients do not divide into one row a class");
    Value W = M.matrix(Weights, {Classes, int64_t(Weights.size()) / Classes});
    Value Raw = M.kernel(X, W);
    if (!Raw)
      return std::nullopt;
    Raw = B.add(Raw, B.number(Rho.front(), M.F32));
    Value Scores = M.transform(Raw);
    if (!Scores)
      return std::nullopt;
    return SmallVector<Value>{M.label(M.best(Raw), Labels), Scores};
  }
  int64_t Total = 0;
  for (int64_t N : PerClass) {
    if (N < 0)
      return M.fail("'vectors_per_class' holds a negative number");
    Total += N;
  }
  int64_t Pairs = Classes * (Classes - 1) / 2;
  if (Classes < 2 || int64_t(PerClass.size()) != Classes || Total < 1 ||
      Vectors.size() % Total ||
      int64_t(Weights.size()) != Total * (Classes - 1) ||
      int64_t(Rho.size()) < Pairs)
    return M.fail("the lists of support vectors, coefficients and rho do not "
                  "fit the number of classes");
  Value Kernel =
      M.kernel(X, M.matrix(Vectors, {Total, int64_t(Vectors.size()) / Total}));
  if (!Kernel)
    return std::nullopt;
  Value Raw = pairScores(M, Kernel, PerClass, Weights, Rho);
  if (!ProbA.empty()) {
    if (int64_t(ProbA.size()) != Pairs || int64_t(ProbB.size()) != Pairs)
      return M.fail("'prob_a' and 'prob_b' must hold a number for each pair of "
                    "classes");
    // Platt: the score of a pair as the probability of its first class.
    Value Odds = B.add(B.mul(Raw, M.matrix(ProbA, {1, Pairs})),
                       M.matrix(ProbB, {1, Pairs}));
    Value First = B.op("Sigmoid", {B.op("Neg", {Odds})});
    // Certainty would divide by zero. Two classes take the same way as many:
    // where it ends is what other programs give, not quite the odds of the
    // pair.
    Value Scores =
        coupledProbabilities(B,
                             B.op("Clip", {First, B.number(1e-7, M.F32),
                                           B.number(1.0 - 1e-7, M.F32)}),
                             Classes);
    Value Final = M.transform(Scores);
    if (!Final)
      return std::nullopt;
    return SmallVector<Value>{M.label(M.best(votes(M, Raw, Classes)), Labels),
                              Final};
  }
  Value Position = M.best(votes(M, Raw, Classes)), Scores = Raw;
  if (Classes == 2)
    Scores = B.concat({B.op("Neg", {Raw}), Raw}, 1);
  Scores = M.transform(Scores);
  if (!Scores)
    return std::nullopt;
  return SmallVector<Value>{M.label(Position, Labels), Scores};
}

Results expandOneHotEncoder(Operation *Op, OnnxBuilder &B, std::string &Why) {
  MLModel M(Op, B, Why);
  ArrayRef<int64_t> Categories = M.ints("cats_int64s");
  if (Categories.empty())
    return M.fail("categories that are strings are not supported yet");
  Value X = B.cast(Op->getOperand(0), B.getI64Type());
  auto T = cast<RankedTensorType>(Op->getOperand(0).getType());
  Value Same =
      B.compare("Equal", B.unsqueeze(X, {T.getRank()}), B.ints(Categories));
  return SmallVector<Value>{M.flag(Same, M.F32)};
}

Results expandFeatureVectorizer(Operation *Op, OnnxBuilder &B,
                                std::string &Why) {
  MLModel M(Op, B, Why);
  SmallVector<Value> Parts;
  for (Value V : Op->getOperands()) {
    auto T = cast<RankedTensorType>(V.getType());
    Value X = B.cast(V, M.F32);
    if (T.getRank() != 2)
      X = T.getRank() == 1 ? B.unsqueeze(X, {0}) : B.reshape(X, {0, -1});
    Parts.push_back(X);
  }
  return SmallVector<Value>{B.concat(Parts, 1)};
}

} // namespace lathe::lower
