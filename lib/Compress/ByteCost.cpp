//===- ByteCost.cpp - Whether a product is faster in bytes ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The unit is a multiply-add of vectors of floats. Fitted to attention of 1 to
// 512 rows, 4 to 64 deep, in 2 to 12 heads, and to chains of Gemm and Conv with
// 1 to 128 channels (AMD EPYC, Zen 5, AVX-512 VNNI): it names the faster of the
// two wherever they differ by more than a tenth, and bytes where they do not.
//
//===----------------------------------------------------------------------===//

#include "lathe/Compress/ByteCost.h"

using namespace lathe;
using namespace lathe::compress;

/// Kernels that gather columns in words and add up rows and columns for their
/// zero points, and what they cost for each element.
static constexpr double Start = 2000, Gather = 0.5;
/// Weights that each row of a layer must meet, where an instruction adds one
/// product in a lane.
static constexpr int64_t LeastWeights = 256;
/// Terms that a sum must have: a vector of bytes is scaled and rounded for
/// each.
static constexpr int64_t LeastDepth = 16;

ByteUnit compress::byteUnit(const TargetDescription &Target) {
  // Kernels of a GPU have a form of their own, which was never measured.
  if (Target.IsGPU || Target.Dots.empty())
    return {};
  ByteUnit Unit;
  Unit.Lanes = Target.lanes(32);
  for (DotKind Kind : Target.Dots)
    Unit.Packed = std::max(Unit.Packed, dotForm(Kind).Terms);
  if (Target.hasDot(DotKind::VNNI))
    Unit.Computed = dotForm(DotKind::VNNI).Terms;
  return Unit;
}

FloatsPay compress::floatsPay(const ProductShape &P, const ByteUnit &Unit) {
  if (Unit.Lanes == 0)
    return FloatsPay::No;
  if (P.Constant)
    return P.Depth < LeastDepth ||
                   P.Depth * P.Columns * Unit.Packed < LeastWeights
               ? FloatsPay::FewWeights
               : FloatsPay::No;
  if (Unit.Computed == 0)
    return FloatsPay::NoInstruction;
  double Batches = double(P.Batches), Rows = double(P.Rows),
         Depth = double(P.Depth), Columns = double(P.Columns);
  double Saved = Batches * Rows * Depth * Columns / double(Unit.Lanes) *
                 (1 - 1 / double(Unit.Computed));
  double Spent = Start + Batches * (Rows + Columns) * Depth * Gather;
  return Saved < Spent ? FloatsPay::LittleWork : FloatsPay::No;
}

llvm::StringRef compress::text(FloatsPay Reason) {
  switch (Reason) {
  case FloatsPay::No:
    return "";
  case FloatsPay::FewWeights:
    return "its rows meet so few weights that floats are faster";
  case FloatsPay::LittleWork:
    return "its products are so small that floats are faster";
  case FloatsPay::NoInstruction:
    return "no instruction of the target adds products of computed bytes, so "
           "floats are faster";
  }
  return "";
}
