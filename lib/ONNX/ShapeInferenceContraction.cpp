//===- ShapeInferenceContraction.cpp - Shapes of products of matrices - ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

/// A [.., M, K] times B [.., K, N] with ONNX's rules for vectors and batches.
static LogicalResult matmul(Inference &I, unsigned LHS, unsigned RHS,
                            Type Element, bool TransA = false,
                            bool TransB = false) {
  const Dims *PA = I.dims(LHS), *PB = I.dims(RHS);
  if (!PA || !PB)
    return I.setUnranked(0, Element);
  Dims A = *PA, B = *PB;
  if (A.empty() || B.empty())
    return I.error() << "a scalar cannot be multiplied as a matrix";
  bool VectorA = A.size() == 1, VectorB = B.size() == 1;
  if (VectorA)
    A.insert(A.begin(), SymExpr(1));
  else if (TransA)
    std::swap(A[A.size() - 1], A[A.size() - 2]);
  if (VectorB)
    B.push_back(SymExpr(1));
  else if (TransB)
    std::swap(B[B.size() - 1], B[B.size() - 2]);
  SymExpr M = A[A.size() - 2], K = A.back(), L = B[B.size() - 2], N = B.back();
  if (K.getConstant() && L.getConstant() && K != L)
    return I.error() << "the shapes " << toString(*PA) << " and "
                     << toString(*PB)
                     << " do not go together: " << *K.getConstant()
                     << " columns against " << *L.getConstant() << " rows";
  A.pop_back_n(2);
  B.pop_back_n(2);
  if (failed(I.broadcast(A, B)))
    return failure();
  if (!VectorA)
    A.push_back(M);
  if (!VectorB)
    A.push_back(N);
  return I.set(0, Element, A);
}

static LogicalResult inferMatMul(Inference &I) {
  return matmul(I, 0, 1, I.elementType(0));
}
static LogicalResult inferMatMulInteger(Inference &I) {
  return matmul(I, 0, 1, I.builder().getI32Type());
}
static LogicalResult inferQLinearMatMul(Inference &I) {
  return matmul(I, 0, 3, I.elementType(7));
}
static LogicalResult inferMatMulToFloat(Inference &I) {
  return matmul(I, 0, 1, I.elementType(2));
}

static LogicalResult inferFusedMatMul(Inference &I) {
  if (I.getInt("transBatchA") || I.getInt("transBatchB"))
    return I.error() << "transBatchA and transBatchB are not supported";
  return matmul(I, 0, 1, I.elementType(0), I.getInt("transA") != 0,
                I.getInt("transB") != 0);
}

/// alpha A' B' + beta C
static LogicalResult gemm(Inference &I, unsigned LHS, unsigned RHS,
                          unsigned Bias, Type Element) {
  if (failed(I.checkRank(LHS, 2)) || failed(I.checkRank(RHS, 2)))
    return failure();
  const Dims *A = I.dims(LHS), *B = I.dims(RHS);
  bool TransA = I.getInt("transA") != 0, TransB = I.getInt("transB") != 0;
  SymExpr M = A ? (*A)[TransA] : I.unknown(),
          N = B ? (*B)[!TransB] : I.unknown();
  if (A && B) {
    auto K = (*A)[!TransA].getConstant(), L = (*B)[TransB].getConstant();
    if (K && L && *K != *L)
      return I.error() << "the shapes " << toString(*A) << " and "
                       << toString(*B) << " do not go together: " << *K
                       << " columns against " << *L << " rows";
  }
  Dims Shape = {M, N};
  if (const Dims *C = I.has(Bias) ? I.dims(Bias) : nullptr) {
    Dims Out = Shape;
    if (failed(I.broadcast(Out, *C)))
      return failure();
    auto Grows = [](const SymExpr &X, const SymExpr &Y) {
      return X.getConstant() && Y.getConstant() && X != Y;
    };
    if (Out.size() != 2 || Grows(Out[0], M) || Grows(Out[1], N))
      return I.error() << "C " << toString(*C) << " does not broadcast into "
                       << toString(Shape);
  }
  return I.set(0, Element, Shape);
}

static LogicalResult inferGemm(Inference &I) {
  return gemm(I, 0, 1, 2, I.elementType(0));
}
static LogicalResult inferQGemm(Inference &I) {
  return gemm(I, 0, 3, 6, I.has(8) ? I.elementType(8) : I.elementType(1));
}

//===----------------------------------------------------------------------===//
// Einsum
//===----------------------------------------------------------------------===//

/// One side's term: letters, with '.' once for the ellipsis.
static FailureOr<std::string> parseTerm(Inference &I, StringRef Term) {
  std::string Out;
  for (size_t P = 0; P < Term.size(); ++P) {
    char C = Term[P];
    if (C == ' ')
      continue;
    if (Term.substr(P).starts_with("...") &&
        Out.find('.') == std::string::npos) {
      Out += '.';
      P += 2;
    } else if (llvm::isAlpha(C)) {
      Out += C;
    } else {
      return I.error() << "the equation has an unexpected '" << Twine(C) << "'";
    }
  }
  return Out;
}

static LogicalResult inferEinsum(Inference &I) {
  auto [Left, Right] = I.getString("equation").split("->");
  bool Explicit = I.getString("equation").contains("->");
  SmallVector<StringRef> Terms;
  Left.split(Terms, ',');
  auto Operands = I.operandsFrom(0);
  if (Terms.size() != Operands.size())
    return I.error() << "the equation has " << Terms.size() << " terms for "
                     << Operands.size() << " operands";
  llvm::SmallDenseMap<char, SymExpr> Sizes;
  llvm::SmallDenseMap<char, unsigned> Uses;
  Dims Ellipsis;
  for (auto [Text, V] : llvm::zip(Terms, Operands)) {
    auto Term = parseTerm(I, Text);
    if (failed(Term))
      return failure();
    for (char C : *Term)
      ++Uses[C];
    const Dims *Shape = I.dims(V);
    if (!Shape)
      return I.setUnranked(0, I.elementType(0));
    size_t Letters = Term->size() - llvm::count(*Term, '.');
    bool Dots = Letters != Term->size();
    if (Dots ? Shape->size() < Letters : Shape->size() != Letters)
      return I.error() << "the term '" << Text << "' does not fit the shape "
                       << toString(*Shape);
    unsigned D = 0;
    for (char C : *Term) {
      if (C == '.') {
        size_t Hidden = Shape->size() - Letters;
        if (failed(I.broadcast(Ellipsis, Dims(Shape->begin() + D,
                                              Shape->begin() + D + Hidden))))
          return failure();
        D += Hidden;
        continue;
      }
      auto [It, New] = Sizes.try_emplace(C, (*Shape)[D]);
      if (!New && (It->second.isConstant(1) || (*Shape)[D].isConstant(1))) {
        if (It->second.isConstant(1))
          It->second = (*Shape)[D];
      } else if (!New && failed(I.unify(It->second, (*Shape)[D], It->second,
                                        "size of '" + Twine(C) + "'"))) {
        return failure();
      }
      ++D;
    }
  }
  std::string Output;
  if (Explicit) {
    auto Term = parseTerm(I, Right);
    if (failed(Term))
      return failure();
    Output = *Term;
  } else {
    // Implicit: the ellipsis, then the letters that occur once, in order.
    if (Uses.count('.'))
      Output = ".";
    std::string Once;
    for (auto [C, N] : Uses)
      if (C != '.' && N == 1)
        Once += C;
    llvm::sort(Once);
    Output += Once;
  }
  Dims Shape;
  for (char C : Output) {
    if (C == '.')
      Shape.append(Ellipsis);
    else if (auto It = Sizes.find(C); It != Sizes.end())
      Shape.push_back(It->second);
    else
      return I.error() << "the output's '" << Twine(C)
                       << "' occurs in no operand";
  }
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferDet(Inference &I) {
  if (failed(I.checkMinRank(0, 2)))
    return failure();
  const Dims *Shape = I.dims(0);
  if (!Shape)
    return I.setUnranked(0, I.elementType(0));
  SymExpr Side;
  if (failed(I.unify(Shape->back(), (*Shape)[Shape->size() - 2], Side,
                     "sides of the matrix")))
    return failure();
  return I.set(0, I.elementType(0), Dims(Shape->begin(), Shape->end() - 2));
}

static LogicalResult inferMatMulNBits(Inference &I) {
  const Dims *A = I.dims(0);
  if (!A || A->empty())
    return I.setUnranked(0, I.elementType(0));
  Dims Shape = *A;
  SymExpr K;
  if (failed(I.unify(Shape.back(), I.getInt("K"), K, "K")))
    return failure();
  Shape.back() = I.getInt("N");
  return I.set(0, I.elementType(0), Shape);
}

ArrayRef<InferRow> lathe::onnx::getContractionRows() {
  static constexpr InferRow Rows[] = {
      {"Det", inferDet},
      {"Einsum", inferEinsum},
      {"Gemm", inferGemm},
      {"MatMul", inferMatMul},
      {"MatMulInteger", inferMatMulInteger},
      {"QLinearMatMul", inferQLinearMatMul},
      {"ms.DynamicQuantizeMatMul", inferMatMul},
      {"ms.FusedGemm", inferGemm},
      {"ms.FusedMatMul", inferFusedMatMul},
      {"ms.MatMulIntegerToFloat", inferMatMulToFloat},
      {"ms.MatMulNBits", inferMatMulNBits},
      {"ms.QGemm", inferQGemm},
  };
  return Rows;
}
