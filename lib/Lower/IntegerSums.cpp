//===- IntegerSums.cpp - Integer sums of products without zero points -----===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IntegerSums.h"
#include "Quantization.h"
#include "lathe/ONNX/ConstantView.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe::lower {

/// The one value of a zero point; 0 where there is none.
static std::optional<int64_t> onlyValue(Node &N, unsigned I) {
  if (!N.has(I))
    return 0;
  auto View = onnx::ConstantView::get(N.original(I));
  if (!View || View->isElided() || !View->isInteger() || View->size() == 0)
    return std::nullopt;
  int64_t First = View->getInt(0);
  if (!View->isSplat())
    for (int64_t J = 1; J < View->size(); ++J)
      if (View->getInt(J) != First)
        return std::nullopt;
  return First;
}

static Value intConstant(Builder &B, ArrayRef<int32_t> Values) {
  auto Type = RankedTensorType::get({int64_t(Values.size())}, B.getI32Type());
  return arith::ConstantOp::create(B, DenseElementsAttr::get(Type, Values));
}

/// Bytes of a constant with the sign bit flipped.
static Value flipped(Builder &B, const onnx::ConstantView &View) {
  std::vector<char> Bytes(View.size());
  for (int64_t I = 0; I < View.size(); ++I)
    Bytes[I] = char(View.getInt(I) ^ 0x80);
  auto Type = RankedTensorType::get(View.getShape(), B.getI8Type());
  TypedAttr Attr;
  if (View.size() <= 64)
    Attr = DenseElementsAttr::getFromRawBuffer(Type, Bytes);
  else
    Attr = DenseResourceElementsAttr::get(
        Type, "signed",
        HeapAsmResourceBlob::allocateAndCopyWithAlign(Bytes, 64));
  return arith::ConstantOp::create(B, Attr);
}

IntegerSum integerSum(Node &N, Value X, unsigned XI, unsigned XZ, unsigned WI,
                      unsigned WZ, int64_t OutDim, bool KeepSign) {
  Builder &B = N.B;
  bool XUnsigned = scalar::isUnsigned(N.inElem(XI)),
       WUnsigned = scalar::isUnsigned(N.inElem(WI));
  IntegerSum S{{X, {}, XUnsigned, N.in(XZ)},
               {N.in(WI), {}, WUnsigned, N.in(WZ)},
               Value()};
  auto View = onnx::ConstantView::get(N.original(WI));
  std::optional<int64_t> WZero = onlyValue(N, WZ);
  if (!View || View->isElided() || !WZero || *WZero != (WUnsigned ? 128 : 0) ||
      View->getElementType().getIntOrFloatBitWidth() != 8 ||
      N.inElem(XI).getIntOrFloatBitWidth() != 8 ||
      OutDim >= int64_t(View->getShape().size()) ||
      (N.has(XZ) && N.inType(XZ).getNumElements() != 1))
    return S;

  // The sum of each output's weights, as they are stored then.
  int64_t Outputs = View->getShape()[OutDim], Inner = 1;
  for (int64_t Size : View->getShape().drop_front(OutDim + 1))
    Inner *= Size;
  SmallVector<int64_t> Sums(Outputs, 0);
  for (int64_t I = 0; I < View->size(); ++I)
    Sums[I / Inner % Outputs] += View->getInt(I) - *WZero;
  S.W.Zero = {};
  S.W.Unsigned = false;
  if (WUnsigned)
    S.W.V = flipped(B, *View);
  Value Zero = S.X.Zero;
  S.X.Zero = {};
  // Rows are read as the target multiplies them: a flipped sign bit is 128 more
  // or less.
  S.X.Unsigned = KeepSign ? XUnsigned : !N.types().SignedRows;
  S.X.Flipped = XUnsigned != S.X.Unsigned;
  int64_t Shift = !S.X.Flipped ? 0 : XUnsigned ? -128 : 128;
  SmallVector<int32_t> Constants;
  if (std::optional<int64_t> Known = onlyValue(N, XZ)) {
    int64_t Total = *Known + Shift;
    if (Total == 0)
      return S;
    for (int64_t Sum : Sums)
      Constants.push_back(int32_t(uint32_t(-Total * Sum)));
    S.Correction = intConstant(B, Constants);
    return S;
  }
  for (int64_t Sum : Sums)
    Constants.push_back(int32_t(uint32_t(-Sum)));
  Value PerZero = intConstant(B, Constants);
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(1),
                                 parameterMap(B, Zero, 1, 0)};
  S.Correction = pointwise(
      B, dimsOf(B, PerZero), {PerZero, Zero}, Maps, B.getI32Type(),
      [&](Builder &IB, ValueRange V) -> Value {
        Value Z = scalar::cast(IB, V[1], N.inElem(XI), IB.getI32Type());
        if (Shift)
          Z = scalar::add(IB, Z, scalar::constant(IB, Z.getType(), Shift));
        return scalar::mul(IB, V[0], Z);
      });
  return S;
}

Value addCorrection(Node &N, Value V, Value Correction, int Bias,
                    int64_t Axis) {
  Builder &B = N.B;
  Value Term = Bias >= 0 ? N.in(Bias) : Value();
  if (Term && Correction) {
    auto Known = onnx::ConstantView::get(N.original(Bias));
    DenseIntElementsAttr Fixed;
    if (Known && !Known->isElided() && Known->isInteger() &&
        matchPattern(Correction, m_Constant(&Fixed)) &&
        Fixed.getNumElements() == Known->size()) {
      SmallVector<int32_t> Sum;
      for (auto [I, C] : llvm::enumerate(Fixed.getValues<int32_t>()))
        Sum.push_back(
            int32_t(uint32_t(C) + uint32_t(Known->getInt(int64_t(I)))));
      Term = intConstant(B, Sum);
      Correction = {};
    }
  }
  SmallVector<Value> Ins = {V};
  int64_t Rank = cast<RankedTensorType>(V.getType()).getRank();
  SmallVector<AffineMap> Maps = {B.getMultiDimIdentityMap(Rank)};
  for (Value T : {Term, Correction})
    if (T) {
      Ins.push_back(T);
      Maps.push_back(dimsMap(B, Rank, {Axis}));
    }
  if (Ins.size() == 1)
    return V;
  return pointwise(B, dimsOf(B, V), Ins, Maps, B.getI32Type(),
                   [](Builder &IB, ValueRange X) {
                     Value Sum = X[0];
                     for (Value T : X.drop_front())
                       Sum = scalar::add(IB, Sum, T);
                     return Sum;
                   });
}

} // namespace lathe::lower
