//===- SignalOps.cpp - DFT, STFT, windows, MelWeightMatrix ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Fourier sums by their definition, in double: one table of sines and cosines
// of the whole turn, read at (k * n) mod N, so that no angle loses bits. The
// tables are constants where the length is known.
//
//===----------------------------------------------------------------------===//

#include "Common.h"
#include "IndexHelpers.h"
#include "lathe/Lower/MovementPatterns.h"
#include <cmath>

using namespace mlir;

namespace lathe::lower {

static constexpr double Pi = 3.14159265358979323846;

/// Lengths up to this make a constant table.
static constexpr int64_t MaxConstantTable = 1 << 16;

/// [N, 2]: cosine and sine of 2 pi n / N. Where N is known at run time only,
/// the table is made for Most.
static Value turnTable(TensorBuilder &B, Scalar N, Scalar Most) {
  Type F64 = B.getF64Type();
  Sizes Shape = {B.fold(N.constant() ? N : smax(Most, B.index(1))), B.attr(2)};
  RankedTensorType T = tensorOf(Shape, F64);
  if (std::optional<int64_t> Known = N.constant();
      Known && *Known <= MaxConstantTable) {
    SmallVector<double> Values;
    for (int64_t I = 0; I < *Known; ++I) {
      double Angle = 2.0 * Pi * static_cast<double>(I) / *Known;
      Values.push_back(std::cos(Angle));
      Values.push_back(std::sin(Angle));
    }
    return arith::ConstantOp::create(
        B, DenseElementsAttr::get(T, ArrayRef(Values)));
  }
  Scalar Length = N.to(B.getI64Type()).to(F64);
  return B.map(T, Shape, [&](Indices &I) {
    Scalar Angle = I[0].to(B.getI64Type()).to(F64) * (2.0 * Pi) / Length;
    return select(I[1] == 0, cosOf(Angle), sinOf(Angle));
  });
}

namespace {
struct Complex {
  Scalar Re, Im;
};
} // namespace

/// sum over n < Count of Load(n) * exp(-+ 2 pi i k n / N).
static Complex fourierSum(TensorBuilder &B, Value Table, Scalar N, Scalar K,
                          Scalar Count, bool Inverse,
                          function_ref<Complex(Scalar)> Load) {
  Scalar Zero = B.constant(B.getF64Type(), 0.0);
  // The place in the table advances by k, around its end.
  Values Sum = B.loop(B.index(0), Count, {Zero, Zero, B.index(0)},
                      [&](Scalar I, ValueRange S) -> Values {
                        Scalar P = B.wrap(S[2]);
                        Scalar Cos = B.load(Table, {P, B.index(0)}),
                               Sin = B.load(Table, {P, B.index(1)});
                        if (!Inverse)
                          Sin = -Sin;
                        Complex X = Load(I);
                        Scalar Re = X.Re * Cos, Im = X.Re * Sin;
                        if (X.Im) {
                          Re = Re - X.Im * Sin;
                          Im = Im + X.Im * Cos;
                        }
                        Scalar Next = P + K;
                        Next = select(Next >= N, Next - N, Next);
                        return {B.wrap(S[0]) + Re, B.wrap(S[1]) + Im, Next};
                      });
  return {B.wrap(Sum[0]), B.wrap(Sum[1])};
}

static LogicalResult lowerDFT(Node &N) {
  TensorBuilder B(N);
  Value Data = N.in(0);
  RankedTensorType T = N.outType();
  int64_t Rank = T.getRank(), Axis = -2;
  Type Element = T.getElementType(), F64 = B.getF64Type();
  bool Inverse = N.i64("inverse", 0), OneSided = N.i64("onesided", 0);
  // An axis known only at run time is chosen by comparisons.
  Scalar RuntimeAxis;
  if (auto Known = N.constInts(2))
    Axis = (*Known)[0];
  else if (N.has(2))
    RuntimeAxis = B.elements(N.in(2)).front().toIndex();
  Axis = normalAxis(Axis, Rank);
  if (RuntimeAxis && !T.hasStaticShape())
    return N.fail("'axis' must be a constant where the shape is dynamic");
  auto IsAxis = [&](int64_t D) {
    return (RuntimeAxis == D) | (RuntimeAxis == D - Rank);
  };
  auto Along = [&](function_ref<Scalar(int64_t)> Of) {
    if (!RuntimeAxis)
      return Of(Axis);
    Scalar V = Of(0);
    for (int64_t D = 1; D < Rank - 1; ++D)
      V = select(IsAxis(D), Of(D), V);
    return V;
  };
  bool Real = N.inType(0).getDimSize(Rank - 1) == 1;
  Scalar Have = Along([&](int64_t D) { return B.dim(Data, D); });
  // Of a real signal's spectrum, one side is enough to bring it back.
  bool ToReal = Inverse && OneSided;
  Scalar Length = N.has(1) ? B.elements(N.in(1)).front().toIndex()
                  : ToReal ? (Have - 1) * 2
                           : Have;
  Sizes To = B.sizes(Data);
  To[Axis] = B.fold(OneSided && !Inverse ? Length / B.index(2) + 1 : Length);
  To[Rank - 1] = B.attr(ToReal ? 1 : 2);
  To = B.refine(T, To);
  Scalar Count = smin(Have, Length);
  // No longer than what inference knows of the result; half of it is the length
  // where one side is enough.
  Scalar Bound = Length;
  if (T.hasStaticShape()) {
    int64_t Most = 1;
    for (int64_t D = 0; D < Rank - 1; ++D)
      Most = std::max(Most, T.getDimSize(D));
    Bound = B.index(OneSided && !Inverse ? 2 * Most : Most);
  }
  Value Table = turnTable(B, Length, Bound);
  Scalars Extents;
  for (int64_t D = 0; D < Rank - 1; ++D)
    Extents.push_back(B.wrap(To[D]));
  return N.replace(B.loopKernel([&] {
    return B.nest(
        Extents, B.empty(tensorOf(To, Element), To),
        [&](ArrayRef<Scalar> I, ValueRange Outs) -> Values {
          Scalars At(I);
          At.push_back(Scalar());
          auto Load = [&](Scalar K) {
            auto Part = [&](int64_t C) {
              if (!RuntimeAxis)
                At[Axis] = K;
              else
                for (int64_t D = 0; D < Rank - 1; ++D)
                  At[D] = select(IsAxis(D), K, I[D]);
              At[Rank - 1] = B.index(C);
              return B.load(Data, At).to(F64);
            };
            return Complex{Part(0), Real ? Scalar() : Part(1)};
          };
          Scalar K = Along([&](int64_t D) { return I[D]; });
          Complex X;
          if (!ToReal) {
            X = fourierSum(B, Table, Length, K, Count, Inverse, Load);
          } else {
            // The other side is the conjugate: real parts twice, but for the
            // ends of the spectrum.
            X = fourierSum(B, Table, Length, K, Count, Inverse, [&](Scalar J) {
              Complex V = Load(J);
              Scalar End = (J == 0) | (J * 2 == Length);
              Scalar W = select(End, V.Re.same(1.0), V.Re.same(2.0));
              return Complex{V.Re * W, V.Im ? V.Im * W : V.Im};
            });
          }
          if (Inverse) {
            Scalar Scale = Length.to(B.getI64Type()).to(F64);
            X = {X.Re / Scale, X.Im / Scale};
          }
          Scalars Place(I);
          Place.push_back(B.index(0));
          Value Out = B.store(X.Re.to(Element), Outs[0], Place);
          if (ToReal)
            return {Out};
          Place.back() = B.index(1);
          return {B.store(X.Im.to(Element), Out, Place)};
        });
  }));
}

static LogicalResult lowerSTFT(Node &N) {
  TensorBuilder B(N);
  Value Signal = N.in(0), Window = N.in(2);
  RankedTensorType T = N.outType();
  Type Element = T.getElementType(), F64 = B.getF64Type();
  bool OneSided = N.i64("onesided", 1);
  Scalar Step = B.elements(N.in(1)).front().toIndex();
  if (!N.has(3) && !Window)
    return N.fail("neither 'window' nor 'frame_length' is given");
  Scalar Length =
      N.has(3) ? B.elements(N.in(3)).front().toIndex() : B.dim(Window, 0);
  int64_t SignalRank = N.inRank(0);
  bool Real = SignalRank < 3 || N.inType(0).getDimSize(2) == 1;
  Scalar Frames = (B.dim(Signal, 1) - Length) / Step + 1;
  Sizes To = {B.size(Signal, 0), B.fold(Frames),
              B.fold(OneSided ? Length / B.index(2) + 1 : Length), B.attr(2)};
  To = B.refine(T, To);
  // A frame is no longer than the signal.
  Value Table = turnTable(B, Length, B.dim(Signal, 1));
  return N.replace(B.loopKernel([&] {
    return B.nest({B.wrap(To[0]), B.wrap(To[1]), B.wrap(To[2])},
                  B.empty(tensorOf(To, Element), To),
                  [&](ArrayRef<Scalar> I, ValueRange Outs) -> Values {
                    Scalar First = I[1] * Step;
                    auto Load = [&](Scalar K) {
                      auto Part = [&](int64_t C) {
                        Scalars At = {I[0], First + K};
                        if (SignalRank == 3)
                          At.push_back(B.index(C));
                        return B.load(Signal, At).to(F64);
                      };
                      Complex X = {Part(0), Real ? Scalar() : Part(1)};
                      if (Window) {
                        Scalar W = B.load(Window, {K}).to(F64);
                        X = {X.Re * W, X.Im ? X.Im * W : X.Im};
                      }
                      return X;
                    };
                    Complex X =
                        fourierSum(B, Table, Length, I[2], Length, false, Load);
                    Scalars At(I);
                    At.push_back(B.index(0));
                    Value Out = B.store(X.Re.to(Element), Outs[0], At);
                    At.back() = B.index(1);
                    return {B.store(X.Im.to(Element), Out, At)};
                  });
  }));
}

/// a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N).
static LogicalResult lowerWindow(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Type F64 = B.getF64Type(), Element = T.getElementType();
  double A0 = 0.5, A1 = 0.5, A2 = 0.0;
  if (N.name() == "HammingWindow") {
    A0 = 25.0 / 46.0;
    A1 = 21.0 / 46.0;
  } else if (N.name() == "BlackmanWindow") {
    A0 = 0.42;
    A2 = 0.08;
  }
  Scalar Size = B.elements(N.in(0)).front().toIndex();
  Scalar Period = N.i64("periodic", 1) ? Size : Size - 1;
  Scalar Length = Period.to(B.getI64Type()).to(F64);
  return N.replace(B.map(T, B.fold(Size), [&](Indices &I) {
    Scalar Angle = I[0].to(B.getI64Type()).to(F64) * (2.0 * Pi) / Length;
    Scalar V = A0 - cosOf(Angle) * A1;
    if (A2 != 0.0)
      V = V + cosOf(Angle * 2.0) * A2;
    return V.to(Element);
  }));
}

/// Triangular filters that are equally wide on the mel scale.
static LogicalResult lowerMelWeightMatrix(Node &N) {
  TensorBuilder B(N);
  RankedTensorType T = N.outType();
  Type F64 = B.getF64Type(), Element = T.getElementType();
  auto Given = [&](unsigned I) { return B.elements(N.in(I)).front(); };
  Scalar Bins = Given(0).toIndex(), Length = Given(1).toIndex();
  Scalar Rate = Given(2).to(F64);
  auto Mel = [&](Scalar Hertz) {
    return logOf(Hertz / 700.0 + 1.0) * (2595.0 / std::log(10.0));
  };
  Scalar Low = Mel(Given(3).to(F64)), High = Mel(Given(4).to(F64));
  Scalar Step = (High - Low) / (Bins + 2).to(B.getI64Type()).to(F64);
  Sizes To = {B.fold(Length / B.index(2) + 1), B.fold(Bins)};
  Scalar Turns = (Length + 1).to(B.getI64Type()).to(F64);
  // The spectrum bin of edge P of the filters.
  auto Edge = [&](Scalar P) {
    Scalar M = P.to(B.getI64Type()).to(F64) * Step + Low;
    Scalar Hertz = (expOf(M * (std::log(10.0) / 2595.0)) - 1.0) * 700.0;
    return floorOf(Turns * Hertz / Rate);
  };
  return N.replace(B.map(T, To, [&](Indices &I) {
    Scalar X = I[0].to(B.getI64Type()).to(F64);
    Scalar Left = Edge(I[1]), Centre = Edge(I[1] + 1), Right = Edge(I[1] + 2);
    Scalar Up = Centre - Left, Down = Right - Centre;
    Scalar One = X.same(1.0), Zero = X.same(0.0);
    Scalar Rising = (X - Left) / select(Up == 0.0, One, Up);
    Scalar Falling = (Right - X) / select(Down == 0.0, One, Down);
    Scalar V = select((X >= Left) & (X <= Centre), Rising, Zero);
    V = select((X >= Centre) & (X < Right), Falling, V);
    return select((Up == 0.0) & (X == Centre), One, V).to(Element);
  }));
}

void populateSignalLoweringPatterns(const StorageTypeConverter &Types,
                                    RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {
      {"onnx.BlackmanWindow", lowerWindow},
      {"onnx.DFT", lowerDFT},
      {"onnx.HammingWindow", lowerWindow},
      {"onnx.HannWindow", lowerWindow},
      {"onnx.MelWeightMatrix", lowerMelWeightMatrix},
      {"onnx.STFT", lowerSTFT},
  };
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower
