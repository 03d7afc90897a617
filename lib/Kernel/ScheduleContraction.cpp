//===- ScheduleContraction.cpp - Register tiles of contractions -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Schedule.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::kernel;

/// Parts of \p Extent of equal size, none above \p Most: the size.
static int64_t balanced(int64_t Extent, int64_t Most) {
  return llvm::divideCeil(Extent, llvm::divideCeil(Extent, Most));
}

int64_t kernel::tileVectors(const TargetDescription &Target) {
  return Target.VectorRegisters >= 32 ? 4 : 2;
}

int64_t kernel::rowsThatFit(const TargetDescription &Target, int64_t Vectors) {
  if (!Target.BroadcastsFromMemory)
    // One register a row besides, and one to spare.
    return std::max<int64_t>(
        1, (int64_t(Target.VectorRegisters) - 1 - Vectors) / (Vectors + 1));
  // LLVM's scheduler draws loads forward: of 16 registers only 10 accumulators
  // never spill, which still cover the latency of two multiply-adds a cycle.
  if (Target.VectorRegisters < 32)
    return 10 / Vectors;
  // 24 accumulators of four columns never spilled on any AVX-512 machine. With
  // fewer columns a broadcast serves fewer products, and more of them are drawn
  // forward: all rows' broadcasts must fit too. (13 rows of two
  // columns ran at 58 % of peak, ten at 96 %.)
  if (Vectors >= 4)
    return 26 / Vectors;
  return (int64_t(Target.VectorRegisters) - Vectors) / (Vectors + 1);
}

int64_t kernel::windowInLine(const TargetDescription &Target, bool RowsTouch,
                             int64_t Most) {
  if (Target.BroadcastsFromMemory)
    return Most;
  // Steps in line share scalars, each of which holds a register here; LLVM's
  // scheduler keeps them all and spills. Where four rows share a register,
  // three steps hold but two more, and what stands around each row of a window
  // is paid once for three.
  return Target.OperandLanes >= 4 && RowsTouch ? std::min<int64_t>(Most, 3) : 1;
}

/// Weights that are made floats in registers: beside the accumulators each
/// column holds a word of weights, a weight and a scale. Several rows share
/// what taking a word apart costs, so tiles are as tall as the registers allow;
/// a single row is bound by memory, its block of terms has accumulators of its
/// own (and is scaled once).
static ContractionSchedule choosePacked(const ContractionFacts &F,
                                        const TargetDescription &Target,
                                        int64_t Lanes) {
  ContractionSchedule S{1, 1, Lanes, DotKind::None, F.PackedBits};
  int64_t Vectors = llvm::divideCeil(F.Columns, Lanes);
  bool Many = Target.VectorRegisters >= 32;
  // A table of weights or a mask, a broadcast.
  int64_t Room = int64_t(Target.VectorRegisters) - 2;
  if (F.Rows == 1) {
    S.NV = balanced(Vectors, Many ? 4 : 2);
    return S;
  }
  // Rows that a tile of NV columns takes; the broadcasts of all are drawn
  // forward.
  auto RowsOf = [&](int64_t NV) {
    return std::clamp<int64_t>((Room - 3 * NV) / (NV + 1), 1, Many ? 10 : 6);
  };
  S.NV = Many ? std::min<int64_t>(Vectors, 2) : 1;
  S.MR = RowsOf(S.NV);
  if (ShapedType::isDynamic(F.Rows))
    return S;
  // Few rows leave room for more columns.
  while (S.NV < std::min<int64_t>(Vectors, 4) && RowsOf(S.NV + 1) >= F.Rows)
    S.MR = RowsOf(++S.NV);
  S.NV = balanced(Vectors, S.NV);
  S.MR = balanced(F.Rows, S.MR);
  return S;
}

DotKind kernel::chooseDot(const ContractionFacts &F,
                          const TargetDescription &Target) {
  DotKind Best = DotKind::None;
  int64_t Least = 0;
  for (DotKind Kind : Target.Dots) {
    const DotForm &Form = dotForm(Kind);
    if (F.Bytes == ByteRows::Unsigned ? !Form.UnsignedRows : !Form.SignedRows)
      continue;
    if ((Form.Terms > 1 && F.Group == 0) || (F.Terms && Form.Terms != F.Terms))
      continue;
    // Instructions for a vector of columns and this many rows. Groups that are
    // not full and rows that are missing cost as much as whole ones.
    int64_t Rows = ShapedType::isDynamic(F.Rows) ? 64 : F.Rows;
    int64_t Instructions =
        llvm::alignTo(Rows, Form.Rows) *
        llvm::divideCeil(std::max<int64_t>(F.Group, 1), Form.Terms);
    if (Best == DotKind::None || Instructions < Least) {
      Best = Kind;
      Least = Instructions;
    }
  }
  return Best;
}

std::optional<ContractionSchedule>
kernel::chooseContraction(const ContractionFacts &F,
                          const TargetDescription &Target) {
  int64_t Lanes = Target.lanes(F.ElementBits);
  // Registers that a vector of columns takes, rows that are multiplied at once.
  int64_t Registers = 1, AtOnce = 1;
  DotKind Dot = DotKind::None;
  if (F.Bytes != ByteRows::None) {
    Dot = chooseDot(F, Target);
    if (Dot == DotKind::None)
      return std::nullopt;
    if (Target.IntegerBits)
      Lanes = Target.IntegerBits / F.ElementBits;
    Registers = dotForm(Dot).Registers;
    AtOnce = dotForm(Dot).Rows;
    Lanes *= Registers;
  }
  // Columns make panels, whose number must be known; padding to whole vectors
  // must not outweigh the work, of which a lane does several terms at once.
  // Where results are stored without masks, few columns cost more than that.
  int64_t Terms =
      Dot == DotKind::None || !Target.HasMaskedMemory ? 1 : dotForm(Dot).Terms;
  if (ShapedType::isDynamic(F.Columns) || Lanes < 4 ||
      F.Columns * 2 * Terms < Lanes || F.Depth < 2)
    return std::nullopt;

  if (F.PackedBits)
    return choosePacked(F, Target, Lanes);

  // Rows and columns that are widened first take registers that LLVM's
  // scheduler fills well before they are needed: of 16, six are left for sums.
  int64_t MostSums = Registers > 1 && Target.VectorRegisters < 32
                         ? 6
                         : int64_t(Target.VectorRegisters);
  ContractionSchedule S{1, 1, Lanes, Dot};
  int64_t Vectors = llvm::divideCeil(F.Columns, Lanes);
  if (F.Rows == 1) {
    // Bound by reading the right-hand side: several streams, and enough
    // accumulators to cover the latency of a multiply-add.
    S.NV = balanced(Vectors, std::min<int64_t>(8, MostSums) / Registers);
    return S;
  }
  auto RowsOf = [&](int64_t NV) {
    int64_t Rows = std::min<int64_t>(rowsThatFit(Target, NV * Registers),
                                     Target.VectorRegisters >= 32 ? 14 : 8);
    Rows = std::min(Rows, MostSums / (NV * Registers));
    if (AtOnce > 1)
      // The bytes of so many rows share a register, and so do their sums. Two
      // groups of rows are loaded at once, beside two registers of columns:
      // more where the next ones must be there before they are needed.
      Rows = llvm::alignDown(
          (int64_t(Target.VectorRegisters) - (Target.InOrder ? 6 : 2)) *
              AtOnce / (AtOnce * NV + 2),
          AtOnce);
    return ShapedType::isDynamic(F.Rows)
               ? Rows
               : int64_t(llvm::alignTo(balanced(F.Rows, Rows), AtOnce));
  };
  int64_t MostVectors = tileVectors(Target) / Registers;
  if (AtOnce > 1 && Target.InOrder)
    MostVectors = std::min<int64_t>(MostVectors, 3);
  S.NV = balanced(Vectors, MostVectors);
  S.MR = RowsOf(S.NV);
  if (ShapedType::isDynamic(F.Rows) || Target.VectorRegisters < 32)
    return S;
  // Each block of rows reads the whole panel again, from the second cache at
  // best: half a vector a cycle, in which two products are made. Few rows in
  // several blocks (seven in four and three) are bound by it; narrower panels
  // take them in one.
  auto Cycles = [&](int64_t NV) {
    int64_t Blocks = llvm::divideCeil(F.Rows, RowsOf(NV));
    return llvm::divideCeil(Vectors, NV) *
           std::max(F.Rows * NV, 4 * Blocks * NV);
  };
  for (int64_t NV = S.NV - 1; NV >= 2; --NV)
    if (Cycles(NV) < Cycles(S.NV)) {
      S.NV = NV;
      S.MR = RowsOf(NV);
    }
  return S;
}

std::optional<ContractionSchedule>
kernel::chooseDepthwise(const ContractionFacts &F,
                        const TargetDescription &Target) {
  // (ARM's forms take rows by a lane; words of rows are not worth their zips.)
  DotKind Dot = Target.hasDot(DotKind::VNNI)        ? DotKind::VNNI
                : Target.hasDot(DotKind::WordPairs) ? DotKind::WordPairs
                                                    : DotKind::None;
  int64_t Lanes =
      (Target.IntegerBits ? Target.IntegerBits : Target.VectorBits) /
      F.ElementBits;
  // Lanes without a channel, and rows beyond the window, must not outweigh the
  // work.
  if (Dot == DotKind::None || F.Group < 2 || ShapedType::isDynamic(F.Columns) ||
      F.Columns * 2 < Lanes || Lanes < 4)
    return std::nullopt;
  // Points of a line share the words of the columns that their windows have in
  // common. Each has a sum, the words of its window pass by.
  int64_t Rows = Target.VectorRegisters >= 32 ? 8 : 4;
  ContractionSchedule S{Rows, 1, Lanes, Dot};
  if (!ShapedType::isDynamic(F.Rows))
    S.MR = balanced(F.Rows, Rows);
  return S;
}

llvm::SmallVector<unsigned> kernel::reductionLoops(linalg::GenericOp Op) {
  SmallVector<unsigned> Loops;
  for (auto [I, Kind] : llvm::enumerate(Op.getIteratorTypesArray()))
    if (Kind == utils::IteratorType::reduction)
      Loops.push_back(I);
  return Loops;
}

llvm::SmallVector<unsigned> kernel::reductionOrder(linalg::GenericOp Op) {
  SmallVector<unsigned> Order = reductionLoops(Op);
  // Loops that slide a window, and whether one of them is the fastest to walk.
  llvm::SmallBitVector Window(Op.getNumLoops());
  bool WindowInnermost = false;
  for (OpOperand *O : Op.getDpsInputOperands()) {
    AffineMap Map = Op.getMatchingIndexingMap(O);
    for (unsigned P = 0; P < Map.getNumResults(); ++P) {
      AffineExpr E = Map.getResult(P);
      if (isa<AffineDimExpr>(E))
        continue;
      E.walk([&](AffineExpr X) {
        auto D = dyn_cast<AffineDimExpr>(X);
        if (!D || Op.getIteratorTypesArray()[D.getPosition()] !=
                      utils::IteratorType::reduction)
          return;
        Window.set(D.getPosition());
        WindowInnermost |= P + 1 == Map.getNumResults();
      });
    }
  }
  llvm::stable_sort(Order, [&](unsigned A, unsigned B) {
    return WindowInnermost ? !Window.test(A) && Window.test(B)
                           : Window.test(A) && !Window.test(B);
  });
  return Order;
}
