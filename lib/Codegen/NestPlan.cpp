//===- NestPlan.cpp - How a loop nest is ordered, tiled, vectorised -------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NestPlan.h"
#include "lathe/Kernel/Schedule.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

Operation *lathe::codegen::matchCombiner(linalg::GenericOp Op) {
  if (Op.getNumDpsInits() != 1)
    return nullptr;
  SmallVector<Operation *> Chain;
  if (!matchReduction(Op.getRegionOutputArgs(), 0, Chain) || Chain.size() != 1)
    return nullptr;
  Operation *C = Chain[0];
  if (isa<arith::AddFOp, arith::MulFOp, arith::MaximumFOp, arith::MinimumFOp,
          arith::MaxNumFOp, arith::MinNumFOp, arith::AddIOp, arith::MulIOp,
          arith::MaxSIOp, arith::MaxUIOp, arith::MinSIOp, arith::MinUIOp,
          arith::AndIOp, arith::OrIOp, arith::XOrIOp>(C))
    return C;
  return nullptr;
}

namespace {
using TypeFn = llvm::function_ref<MemRefType(Value)>;

/// The change of \p E when dimension \p D moves by one, inside of blocks of
/// \p Width; nothing if it is not constant.
std::optional<int64_t> coefficient(AffineExpr E, unsigned D, unsigned Width) {
  if (auto Dim = dyn_cast<AffineDimExpr>(E))
    return Dim.getPosition() == D ? 1 : 0;
  auto Bin = dyn_cast<AffineBinaryOpExpr>(E);
  if (!Bin)
    return 0;
  auto L = coefficient(Bin.getLHS(), D, Width);
  auto R = coefficient(Bin.getRHS(), D, Width);
  if (!L || !R)
    return std::nullopt;
  if (E.getKind() == AffineExprKind::Add)
    return *L + *R;
  auto C = dyn_cast<AffineConstantExpr>(Bin.getRHS());
  if (!C)
    return std::nullopt;
  if (E.getKind() == AffineExprKind::Mul)
    return *L * C.getValue();
  if (*L == 0)
    return 0;
  if (*L == 1 && C.getValue() % Width == 0 &&
      E.getKind() != AffineExprKind::CeilDiv)
    return E.getKind() == AffineExprKind::Mod ? 1 : 0;
  return std::nullopt;
}

/// Is there more than a constant in \p E that \p D moves?
bool moves(AffineExpr E, unsigned D) { return E && E.isFunctionOfDim(D); }
} // namespace

Step lathe::codegen::stepAlong(ArrayRef<AffineExpr> At, MemRefType Ty,
                               unsigned D, unsigned Width) {
  SmallVector<int64_t> Strides;
  int64_t Offset;
  bool Strided = succeeded(Ty.getStridesAndOffset(Strides, Offset));
  int64_t Total = 0;
  for (unsigned I = 0; I < At.size(); ++I) {
    if (!moves(At[I], D))
      continue;
    auto C = coefficient(At[I], D, Width);
    if (!C || !Strided || (*C != 0 && ShapedType::isDynamic(Strides[I])))
      return Step::Other;
    Total += *C * Strides[I];
  }
  return Total == 0   ? Step::None
         : Total == 1 ? Step::Unit
         : Total == 2 ? Step::Two
                      : Step::Other;
}

namespace {
Step stepOf(const NestGraph::Access &A, MemRefType Ty, unsigned D,
            unsigned Width) {
  for (unsigned I = 0; I < A.At.size(); ++I)
    if (!A.At[I] && A.Depends[I].test(D))
      return Step::Other;
  return codegen::stepAlong(A.At, Ty, D, Width);
}

double tripCount(const NestGraph &G, ArrayRef<unsigned> Dims) {
  double N = 1;
  for (unsigned D : Dims)
    N *= ShapedType::isDynamic(G.Dims[D].Extent) ? 64 : G.Dims[D].Extent;
  return std::max(N, 1.0);
}

/// Share of the lanes that do work over a dimension of this extent.
double efficiency(int64_t Extent, unsigned Width, bool Masked) {
  if (ShapedType::isDynamic(Extent))
    return 0.8;
  if (Extent <= 0)
    return 1;
  double Iterations = Masked ? double(llvm::divideCeil(Extent, Width))
                             : double(Extent / Width) + Extent % Width;
  return Extent / (Iterations * Width);
}

/// Vector-dimension choice: the cost of all accesses for one point.
class Cost {
public:
  Cost(const NestGraph &G, TypeFn TypeOf, const NestPlan &P)
      : G(G), TypeOf(TypeOf), Width(P.Width), Masked(P.Masked),
        ReductionOrder(P.ReductionOrder) {}

  /// Cost per iteration of \p R if own dimension \p D is on the lanes.
  double reductionAlong(unsigned R, unsigned D) const {
    return accesses(R, D) / (Width * eff(D));
  }

  /// Cost per point with parallel dimension \p D on the lanes (-1: none).
  double parallelAlong(int D, ArrayRef<int> ReductionDim) const {
    double Lanes = D < 0 ? 1 : Width * eff(D);
    double Total = accesses(-1, D) / Lanes;
    for (const NestGraph::Store &S : G.Stores) {
      Step Along = D < 0 ? Step::None : stepAlong(S.At, S.Type, D, Width);
      Total += 1.5 * (Along == Step::Unit || D < 0 ? 1 : 1.2 * Width) / Lanes;
    }
    for (auto [I, R] : llvm::enumerate(G.Reductions)) {
      double Trips = tripCount(G, R.Own);
      if (D >= 0 && R.Parallel.test(D)) {
        Total += accesses(I, D) * Trips / Lanes;
        continue;
      }
      double Scalar = accesses(I, -1) * Trips;
      if (ReductionDim[I] >= 0)
        Scalar = reductionAlong(I, ReductionDim[I]) * Trips + 8;
      // Shared by all points that differ only in other dimensions.
      double Shared = 1;
      for (unsigned P = 0; P < G.NumParallel; ++P)
        if (!R.Parallel.test(P))
          Shared *= tripCount(G, {P});
      Total += Scalar / Shared;
    }
    return Total;
  }

  /// The dimension along which \p A, which jumps along \p D, is contiguous and
  /// long enough to be read in blocks: the innermost loop of its reduction, or
  /// a parallel one. -1: none.
  int transposable(const NestGraph::Access &A, unsigned D) const {
    auto Fits = [&](unsigned Other) {
      return Other != D && G.Dims[Other].Extent >= int64_t(Width) &&
             stepOf(A, TypeOf(A.Tensor), Other, Width) == Step::Unit;
    };
    if (Width < 4 || D >= G.NumParallel ||
        llvm::any_of(A.At, [](AffineExpr E) { return !E; }))
      return -1;
    if (A.Reduction >= 0) {
      ArrayRef<unsigned> Order = ReductionOrder[A.Reduction];
      return !Order.empty() && Fits(Order.back()) ? Order.back() : -1;
    }
    for (unsigned Other = 0; Other < G.NumParallel; ++Other)
      if (Fits(Other))
        return Other;
    return -1;
  }

private:
  const NestGraph &G;
  TypeFn TypeOf;
  unsigned Width;
  bool Masked;
  ArrayRef<SmallVector<unsigned>> ReductionOrder;

  double eff(unsigned D) const {
    return efficiency(G.Dims[D].Extent, Width, Masked);
  }
  double one(const NestGraph::Access &A, int D) const {
    if (D < 0)
      return 1;
    switch (stepOf(A, TypeOf(A.Tensor), D, Width)) {
    case Step::None:
      return 0.6;
    case Step::Unit:
      return 1;
    case Step::Two:
      return 3;
    case Step::Other:
      // A block transposed in registers, which the rows of a sum share, or lane
      // by lane. A batch, say, that only the run knows may well be one: then
      // there are no blocks.
      if (transposable(A, D) >= 0)
        return A.Reduction < 0                           ? 5
               : ShapedType::isDynamic(G.Dims[D].Extent) ? 4
                                                         : 1.2;
      return 1.2 * Width;
    }
    llvm_unreachable("covered switch");
  }
  double accesses(int Reduction, int D) const {
    // The arithmetic: without sums it may outweigh what is read, as between
    // QuantizeLinear and DequantizeLinear, and then wants full lanes.
    double Total = G.Reductions.empty() ? std::max(0.5, 0.25 * G.BodyOps) : 0.5;
    for (const NestGraph::Access &A : G.Accesses)
      if (A.Reduction == Reduction)
        Total += one(A, D);
    return Total;
  }
};
} // namespace

/// Bits of the widest element that is loaded, stored or computed with.
static unsigned elementBits(const NestGraph &G, TypeFn TypeOf) {
  unsigned Bits = 8;
  auto Add = [&](Type T) {
    if (T.isIntOrFloat())
      Bits = std::max(Bits, T.getIntOrFloatBitWidth());
  };
  for (const NestGraph::Store &S : G.Stores)
    Add(S.Type.getElementType());
  for (const NestGraph::Reduction &R : G.Reductions)
    for (Type T :
         linalg::GenericOp(R.Op).getRegion().front().getArgumentTypes())
      Add(T);
  Bits = std::max(Bits, G.BodyBits);
  // Index tensors are wide but few.
  for (const NestGraph::Access &A : G.Accesses) {
    Type T = TypeOf(A.Tensor).getElementType();
    if (!T.isInteger(64))
      Add(T);
  }
  return std::min(std::max(Bits, 8u), 64u);
}

void lathe::codegen::mergeDims(NestGraph &G, TypeFn TypeOf, bool Ordered) {
  struct Place {
    ArrayRef<AffineExpr> At;
    MemRefType Ty;
  };
  SmallVector<Place> Places;
  bool Computed = false;
  for (NestGraph::Access &A : G.Accesses) {
    Places.push_back({A.At, TypeOf(A.Tensor)});
    Computed |= llvm::any_of(A.At, [](AffineExpr E) { return !E; });
  }
  for (NestGraph::Store &S : G.Stores)
    Places.push_back({S.At, S.Type});
  // Dimensions whose number a body asks for cannot be renumbered.
  if (Computed || G.UsesIndex)
    return;

  auto Mergeable = [&](unsigned A, unsigned B) {
    int64_t Size = G.Dims[B].Extent;
    if (ShapedType::isDynamic(Size) || ShapedType::isDynamic(G.Dims[A].Extent))
      return false;
    for (NestGraph::Reduction &R : G.Reductions) {
      bool OwnA = llvm::is_contained(R.Own, A);
      bool OwnB = llvm::is_contained(R.Own, B);
      if (OwnA != OwnB)
        return false;
      // All of a reduction's points need both or neither.
      if (R.Parallel.test(A) != R.Parallel.test(B))
        return false;
    }
    for (const Place &P : Places) {
      SmallVector<int64_t> Strides;
      int64_t Offset;
      if (failed(P.Ty.getStridesAndOffset(Strides, Offset)))
        return false;
      int64_t StrideA = 0, StrideB = 0;
      for (auto [E, S] : llvm::zip_equal(P.At, Strides)) {
        bool HasA = G.dimsOf(E).test(A), HasB = G.dimsOf(E).test(B);
        if (!HasA && !HasB)
          continue;
        if (!isa<AffineDimExpr>(E) || ShapedType::isDynamic(S))
          return false;
        (HasA ? StrideA : StrideB) += S;
      }
      if (StrideA != StrideB * Size)
        return false;
    }
    return true;
  };
  // Inner neighbours first, so that runs of dimensions collapse fully.
  for (unsigned B = G.Dims.size(); B-- > 0;)
    for (unsigned A = G.Dims.size(); A-- > 0;) {
      if (A == B || (A < G.NumParallel) != (B < G.NumParallel) ||
          G.Dims[A].Extent == 1 || (Ordered && B >= G.NumParallel) ||
          !Mergeable(A, B))
        continue;
      G.Dims[B].Extent *= G.Dims[A].Extent;
      G.Dims[A].Extent = 1;
      A = G.Dims.size(); // again: another outer neighbour may fit now
    }
}

/// Fills \p P as \p S says; false if the nest has no packed operand.
static bool obey(const NestGraph &G, kernel::ContractionScheduleAttr S,
                 NestPlan &P) {
  P.Dot = S.getDot();
  P.Group = S.getBits() ? 4 : P.Dot == DotKind::None ? 1 : dotForm(P.Dot).Terms;
  // The packed operand gives itself away by its panels.
  int Column = -1;
  const NestGraph::Access *Weights = nullptr;
  auto ParallelDim = [&](AffineExpr E) {
    auto D = dyn_cast_or_null<AffineDimExpr>(E);
    return D && D.getPosition() < G.NumParallel ? int(D.getPosition()) : -1;
  };
  for (const NestGraph::Access &A : G.Accesses) {
    // Behind the panel may lie the terms that are added at once.
    unsigned Behind = P.Group > 1 ? 2 : 1;
    if (A.At.size() < Behind || A.Reduction < 0)
      continue;
    AffineExpr InPanel = A.At[A.At.size() - Behind];
    if (!InPanel || InPanel.getKind() != AffineExprKind::Mod)
      continue;
    int D = ParallelDim(cast<AffineBinaryOpExpr>(InPanel).getLHS());
    if (D >= 0) {
      Column = D;
      Weights = &A;
    }
  }
  // A computed right-hand side of bytes has none: words of four terms, or bytes
  // as they lie, along the columns.
  if (Column < 0 && P.Dot != DotKind::None && (P.Group == 4 || P.Group == 1))
    for (const NestGraph::Access &A : G.Accesses) {
      int D = A.At.empty() || A.Reduction < 0 ? -1 : ParallelDim(A.At.back());
      if (D < 0 || !getElementTypeOrSelf(A.Tensor.getType())
                        .isInteger(P.Group == 4 ? 32 : 8))
        continue;
      Column = D;
      Weights = &A;
      P.Panels = false;
    }
  if (Column < 0) {
    P.Dot = DotKind::None;
    P.Group = 1;
    return false;
  }
  P.PackedAccess = Weights - G.Accesses.data();
  P.PanelDim = Column;
  P.PackedBits = S.getBits();
  P.Width = S.getLanes();
  P.VectorDim = Column;
  P.Tile[Column] = S.getNv();
  llvm::SmallBitVector InWeights(G.Dims.size());
  for (const llvm::SmallBitVector &D : Weights->Depends)
    InWeights |= D;
  // Batches, panels, rows.
  int Row = -1;
  for (unsigned D = 0; D < G.NumParallel; ++D)
    if (G.Dims[D].Extent != 1 && int(D) != Column) {
      P.Order.push_back(D);
      if (!InWeights.test(D))
        Row = D;
    }
  llvm::stable_sort(P.Order, [&](unsigned A, unsigned B) {
    return InWeights.test(A) && !InWeights.test(B);
  });
  // A depthwise window: columns lie side by side in the rows as well.
  P.Window =
      P.Dot != DotKind::None && P.Panels &&
      llvm::any_of(G.Accesses, [&](const NestGraph::Access &A) {
        return &A != Weights && A.Reduction == Weights->Reduction &&
               llvm::any_of(A.Depends, [&](const llvm::SmallBitVector &D) {
                 return D.test(Column);
               });
      });
  auto At =
      llvm::find_if(P.Order, [&](unsigned D) { return !InWeights.test(D); });
  P.Order.insert(P.Window ? P.Order.end() : At, Column);
  if (Row >= 0)
    P.Tile[Row] = S.getMr();
  return true;
}

/// Rows of the register tile lie side by side in what the packed operand is
/// multiplied by.
static bool rowsTouch(const NestGraph &G, TypeFn TypeOf, const NestPlan &P) {
  int Reduction = G.Accesses[P.PackedAccess].Reduction;
  for (unsigned D = 0; D < G.NumParallel; ++D)
    if (P.Tile[D] > 1 && int(D) != P.PanelDim)
      return llvm::any_of(G.Accesses, [&](const NestGraph::Access &A) {
        return A.Reduction == Reduction &&
               stepOf(A, TypeOf(A.Tensor), D, P.Width) == Step::Unit;
      });
  return false;
}

static NestPlan planWith(const NestGraph &G, TypeFn TypeOf,
                         const TargetDescription &Target,
                         kernel::ContractionScheduleAttr Schedule, bool Ordered,
                         unsigned MostLanes) {
  NestPlan P;
  unsigned Bits = elementBits(G, TypeOf);
  P.Width = G.Vectorizable
                ? std::min(std::max(1u, Target.lanes(Bits)), MostLanes)
                : 1;
  P.Masked = Target.HasMaskedMemory;
  P.Tile.assign(G.Dims.size(), 1);
  P.ReductionDim.assign(G.Reductions.size(), -1);
  for (const NestGraph::Reduction &R : G.Reductions) {
    P.ReductionOrder.emplace_back();
    linalg::GenericOp Op = R.Op;
    for (unsigned Loop :
         Ordered ? kernel::reductionLoops(Op) : kernel::reductionOrder(Op)) {
      auto D = dyn_cast<AffineDimExpr>(R.Loops[Loop]);
      if (D && G.Dims[D.getPosition()].Extent != 1)
        P.ReductionOrder.back().push_back(D.getPosition());
    }
  }
  P.ReductionUnroll = G.BodyOps <= 8 && !G.HasMath ? 4 : 1;
  if (!Target.BroadcastsFromMemory) {
    // Steps of a window hold too many registers, see windowInLine.
    auto IsWindow = [&](ArrayRef<unsigned> Order) {
      return !Order.empty() &&
             !ShapedType::isDynamic(G.Dims[Order.back()].Extent) &&
             G.Dims[Order.back()].Extent <= P.InlineWindow;
    };
    if (Target.VectorRegisters < 32 || llvm::any_of(P.ReductionOrder, IsWindow))
      P.ReductionUnroll = 1;
  }
  P.OperandLanes = Target.OperandLanes;
  P.ReductionAccumulators = 4;
  if (Schedule && obey(G, Schedule, P)) {
    P.InlineWindow =
        kernel::windowInLine(Target, rowsTouch(G, TypeOf, P), P.InlineWindow);
    return P;
  }

  Cost C(G, TypeOf, P);
  if (P.Width > 1) {
    for (auto [I, R] : llvm::enumerate(G.Reductions)) {
      if (Ordered || !matchCombiner(R.Op))
        continue;
      double Best = 0;
      for (unsigned D : R.Own) {
        int64_t E = G.Dims[D].Extent;
        if (!ShapedType::isDynamic(E) && E < 4)
          continue;
        double X = C.reductionAlong(I, D);
        if (P.ReductionDim[I] < 0 || X < Best) {
          P.ReductionDim[I] = D;
          Best = X;
        }
      }
    }
    double Best = C.parallelAlong(-1, P.ReductionDim);
    for (unsigned D = 0; D < G.NumParallel; ++D) {
      if (G.Dims[D].Extent == 1)
        continue;
      double X = C.parallelAlong(D, P.ReductionDim);
      if (X <= Best) {
        Best = X;
        P.VectorDim = D;
      }
    }
  }

  // Order: what reductions hang on first, so that they are computed once; of
  // equals the lanes innermost, so that stores walk through memory.
  llvm::SmallBitVector Hoisted(G.Dims.size(), true);
  for (const NestGraph::Reduction &R : G.Reductions)
    Hoisted &= R.Parallel;
  for (unsigned D = 0; D < G.NumParallel; ++D)
    if (G.Dims[D].Extent != 1)
      P.Order.push_back(D);
  auto Key = [&](unsigned D) {
    return std::make_pair(!Hoisted.test(D), int(D) == P.VectorDim);
  };
  llvm::stable_sort(P.Order,
                    [&](unsigned A, unsigned B) { return Key(A) < Key(B); });

  // Operands read in blocks.
  bool TransposesReduction = false;
  if (P.VectorDim >= 0)
    for (const NestGraph::Access &A : G.Accesses) {
      if (stepOf(A, TypeOf(A.Tensor), P.VectorDim, P.Width) != Step::Other)
        continue;
      int D = C.transposable(A, P.VectorDim);
      if (D < 0 || P.TransposeDim >= 0)
        continue;
      P.TransposeDim = D;
      TransposesReduction = A.Reduction >= 0;
    }

  // Register tile: reuse of operands that do not move along a dimension.
  unsigned Registers = Target.VectorRegisters;
  bool Contraction = false;
  int Row = -1;
  for (const NestGraph::Reduction &R : G.Reductions) {
    if (R.Parallel.none())
      continue;
    for (unsigned D : llvm::reverse(P.Order)) {
      if (int(D) == P.VectorDim || !R.Parallel.test(D) || Row >= 0)
        continue;
      for (const NestGraph::Access &A : G.Accesses)
        if (A.Reduction == int(&R - G.Reductions.data()) &&
            stepOf(A, TypeOf(A.Tensor), D, P.Width) == Step::None)
          Row = D;
    }
    if (P.VectorDim >= 0 && R.Parallel.test(P.VectorDim))
      for (const NestGraph::Access &A : G.Accesses)
        Contraction |=
            A.Reduction == int(&R - G.Reductions.data()) &&
            stepOf(A, TypeOf(A.Tensor), P.VectorDim, P.Width) == Step::None;
  }
  auto Fit = [&](unsigned D, int64_t Unit, int64_t Want) {
    int64_t E = G.Dims[D].Extent;
    return ShapedType::isDynamic(E)
               ? Want
               : std::max<int64_t>(
                     1, std::min<int64_t>(Want, llvm::divideCeil(E, Unit)));
  };
  // Several vectors where sums wait for each other, or little is done.
  bool Simple = G.BodyOps <= 6 && !G.HasMath;
  for (const NestGraph::Reduction &R : G.Reductions)
    Simple |= P.VectorDim >= 0 && R.Parallel.test(P.VectorDim) && !G.HasMath;
  if (P.VectorDim >= 0)
    P.Tile[P.VectorDim] = Fit(P.VectorDim, P.Width,
                              Contraction ? kernel::tileVectors(Target)
                              : Simple    ? 4
                                          : 1);
  if (P.TransposeDim >= 0) {
    // A block takes Width registers.
    P.Tile[P.VectorDim] = 1;
    if (!TransposesReduction) {
      P.Tile[P.TransposeDim] = P.Width;
      // Neighbours in the order of loops, the block's rows outside.
      llvm::erase(P.Order, unsigned(P.TransposeDim));
      P.Order.insert(llvm::find(P.Order, unsigned(P.VectorDim)),
                     P.TransposeDim);
    } else if (Row >= 0) {
      P.Tile[Row] =
          Fit(Row, 1, std::max<int64_t>(1, int64_t(Registers) - P.Width - 4));
    }
    return P;
  }
  // An operand read lane by lane in the sum: its loads outweigh any reuse.
  bool ByLanes = false;
  if (P.VectorDim >= 0)
    for (const NestGraph::Access &A : G.Accesses)
      ByLanes |= A.Reduction >= 0 && stepOf(A, TypeOf(A.Tensor), P.VectorDim,
                                            P.Width) == Step::Other;
  if (ByLanes) {
    P.Tile[P.VectorDim] = 1;
    P.ReductionUnroll = 1;
  }
  if (Row < 0) {
    // One row: streams of an operand read once, and enough accumulators.
    if (Contraction && !ByLanes)
      P.Tile[P.VectorDim] = Fit(P.VectorDim, P.Width, 8);
    return P;
  }
  std::optional<kernel::ContractionSchedule> S;
  if (Contraction && !ByLanes)
    S = kernel::chooseContraction({G.Dims[Row].Extent,
                                   G.Dims[P.VectorDim].Extent,
                                   /*Depth=*/64, Bits},
                                  Target);
  if (S && !ShapedType::isDynamic(G.Dims[P.VectorDim].Extent)) {
    P.Tile[Row] = S->MR;
    P.Tile[P.VectorDim] = S->NV;
  } else {
    // Accumulators, the vectors they share and a broadcast fit the registers.
    int64_t Vectors = P.VectorDim >= 0 ? P.Tile[P.VectorDim] : 1;
    int64_t Most = kernel::rowsThatFit(Target, Vectors);
    P.Tile[Row] = Fit(Row, 1, std::min<int64_t>(Most, Contraction ? 6 : 4));
  }
  return P;
}

NestPlan lathe::codegen::planNest(const NestGraph &G, TypeFn TypeOf,
                                  const TargetDescription &Target,
                                  kernel::ContractionScheduleAttr Schedule,
                                  bool Ordered) {
  // A transposed block has as many rows as lanes: more than these do not fit
  // the registers.
  unsigned MostRows = Target.VectorRegisters / 2;
  NestPlan P = planWith(G, TypeOf, Target, Schedule, Ordered, /*MostLanes=*/-1);
  if (P.TransposeDim >= 0 && P.Width > MostRows)
    return planWith(G, TypeOf, Target, Schedule, Ordered, MostRows);
  return P;
}
