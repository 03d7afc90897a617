//===- NestReductions.cpp - Reductions of a nest in registers -------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A reduction is computed for all points of a register tile together, so that
// they share what they load. Its accumulators are loop-carried values. Points
// whose lanes differ carry vectors; points that are scalars spread the
// iterations of one reduction dimension over lanes and several accumulators,
// and combine at the end (the order of a sum changes, its terms do not).
//
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace lathe::codegen;

SmallVector<Value> NestEmitter::carryLoop(Value From, Value To, int64_t Step,
                                          ValueRange Init, CarryFn Body) {
  std::optional<int64_t> First = getConstantIntValue(From),
                         End = getConstantIntValue(To);
  if (First && End && *First >= *End)
    return SmallVector<Value>(Init);
  if (First && End && *First + Step >= *End)
    return Body(From, Init);
  auto Loop =
      scf::ForOp::create(B, L.Loc, From, To, L.index(Step), Init,
                         [&](OpBuilder &, Location, Value Iv, ValueRange Acc) {
                           size_t Mark = openScope();
                           SmallVector<Value> Next = Body(Iv, Acc);
                           closeScope(Mark);
                           scf::YieldOp::create(B, L.Loc, Next);
                         });
  return SmallVector<Value>(Loop.getResults());
}

static Value asValue(LaneBuilder &L, const Lane &V, Type Like,
                     const LaneShape &S) {
  if (auto Ty = dyn_cast<VectorType>(Like))
    return L.vector(V, Ty.getElementType(), S);
  return L.scalar(V);
}

SmallVector<Value> NestEmitter::step(const NestGraph::Reduction &R,
                                     const Points &Tile, ValueRange Acc) {
  linalg::GenericOp Op = R.Op;
  SmallVector<Value> Next;
  unsigned N = Op.getNumDpsInits();
  // Where each operand is read is the same for all points of the tile, and
  // takes longer to find than to use.
  SmallVector<Coords> Where;
  for (OpOperand *O : Op.getDpsInputOperands())
    Where.push_back(composeCoords(Op.getMatchingIndexingMap(O), R.Loops));
  for (auto [I, Pt] : llvm::enumerate(Tile)) {
    SmallVector<Lane> Args;
    for (auto [O, At] : llvm::zip_equal(Op.getDpsInputOperands(), Where))
      Args.push_back(Op.payloadUsesValueFromOperand(O)
                         ? element(O->get(), At, Pt)
                         : Lane());
    for (Value A : Acc.slice(I * N, N))
      Args.push_back(isa<VectorType>(A.getType()) ? Lane::vector(A)
                                                  : Lane::uniform(A));
    SmallVector<Lane> Y = body(Op.getRegion().front(), Args, R.Loops, Pt);
    for (unsigned K = 0; K < N; ++K)
      Next.push_back(asValue(L, Y[K], Acc[I * N + K].getType(), Pt.S));
  }
  return Next;
}

/// Points that differ in a dimension of \p Dims, one of each.
static SmallVector<unsigned> distinct(ArrayRef<Point> Tile,
                                      const llvm::SmallBitVector &Dims) {
  SmallVector<unsigned> R;
  for (unsigned I = 0; I < Tile.size(); ++I) {
    bool New = llvm::none_of(R, [&](unsigned J) {
      return llvm::all_of(Dims.set_bits(), [&](unsigned D) {
        return Tile[I].At[D] == Tile[J].At[D];
      });
    });
    if (New)
      R.push_back(I);
  }
  return R;
}

SmallVector<unsigned> NestEmitter::together(unsigned R,
                                            const llvm::BitVector &Done,
                                            const Points &AllPoints) {
  SmallVector<unsigned> Group = {R};
  // Few accumulators each wait for one another (one row of a cell's gates);
  // those of a whole tile fill the registers by themselves.
  const NestGraph::Reduction &First = G.Reductions[R];
  size_t Each = distinct(AllPoints, First.Parallel).size();
  size_t Most = Ctx.Target.VectorRegisters >= 32 ? 24 : 8;
  bool Plain = P.Dot == DotKind::None && !P.PackedBits && P.Width > 1;
  for (unsigned Other : G.Order)
    if (Plain && Other != R && !Done.test(Other) &&
        G.Reductions[Other].Op == First.Op &&
        G.Reductions[Other].Own == First.Own &&
        G.Reductions[Other].Parallel == First.Parallel &&
        (Group.size() + 1) * Each <= Most)
      Group.push_back(Other);
  return Group;
}

void NestEmitter::reduce(ArrayRef<unsigned> Rs, const Points &AllPoints) {
  const NestGraph::Reduction &R = G.Reductions[Rs[0]];
  linalg::GenericOp Op = R.Op;
  Points Tile;
  for (unsigned I : distinct(AllPoints, R.Parallel))
    Tile.push_back(AllPoints[I]);
  bool LanesDiffer = false;
  for (const Point &Pt : Tile)
    for (unsigned D : R.Parallel.set_bits())
      LanesDiffer |= !Pt.At[D].isUniform();
  if (!LanesDiffer)
    for (Point &Pt : Tile)
      Pt.S = LaneShape();
  int Dim = LanesDiffer ? -1 : P.ReductionDim[Rs[0]];
  if (Dim >= 0 && Rs.size() > 1) {
    for (unsigned Each : Rs)
      reduce(Each, AllPoints);
    return;
  }

  // Where the reductions start.
  SmallVector<Value> Acc;
  for (unsigned Each : Rs)
    for (const Point &Pt : Tile)
      for (OpOperand &Init : Op.getDpsInitsMutable()) {
        Type T = getElementTypeOrSelf(Init.get().getType());
        Lane V = element(Init.get(),
                         composeCoords(Op.getMatchingIndexingMap(&Init),
                                       G.Reductions[Each].Loops),
                         Pt);
        Acc.push_back(Pt.S.Width > 1 ? L.vector(V, T, Pt.S) : L.scalar(V));
      }

  bool IsPacked =
      P.PackedAccess >= 0 && G.Accesses[P.PackedAccess].Reduction == int(Rs[0]);
  if (Dim >= 0)
    reduceAcrossLanes(R, Dim, Tile, Acc);
  else if (P.PackedBits && IsPacked)
    reducePacked(R, Tile, Acc);
  else if (P.Window && IsPacked) {
    // Narrow tails compute term by term, from the same packed weights.
    if (Tile[0].S.Width >= 4)
      reduceWindow(R, Tile, Acc);
    else
      reduceParallel(Rs, Tile, Acc);
  } else if (P.Dot != DotKind::None && IsPacked)
    reduceDot(R, Tile, Acc);
  else
    reduceParallel(Rs, Tile, Acc);

  unsigned N = Op.getNumDpsInits(), Next = 0;
  for (unsigned Each : Rs)
    for (const Point &Pt : Tile)
      for (unsigned K = 0; K < N; ++K) {
        Value V = Acc[Next++];
        AffineMap Map = Op.getMatchingIndexingMap(Op.getDpsInitOperand(K));
        remember(
            Op->getResult(K), composeCoords(Map, G.Reductions[Each].Loops), Pt,
            isa<VectorType>(V.getType()) ? Lane::vector(V) : Lane::uniform(V));
      }
}

/// Weights come from far: inside of a network nobody has touched them since the
/// last run. While the rows of a panel are computed, the loop walks through the
/// next panel (behind the last one lie the weights of the next kernel), each
/// block of rows through its share.
void NestEmitter::prefetchPanel(const Point &Pt, int64_t Terms) {
  if (!P.Panels)
    return;
  const NestGraph::Access &A = G.Accesses[P.PackedAccess];
  Value MemRef = Ctx.memref(A.Tensor);
  ArrayRef<int64_t> Shape = cast<MemRefType>(MemRef.getType()).getShape();
  int64_t NR = Shape.back(), Rank = Shape.size();
  if (P.Group > 1) {
    // A group of terms is one row of the panel.
    NR *= Shape[Rank - 2];
    --Rank;
  }
  LaneShape One;
  auto Scalar = [&](Lane X) {
    X.Coef = 0;
    return X;
  };
  // Which block of rows this is, and how many there are.
  int64_t Blocks = 1;
  Lane Block = Lane::index(0);
  bool Inner = false;
  for (unsigned D : P.Order) {
    if (std::exchange(Inner, Inner || int(D) == P.PanelDim) == false)
      continue;
    if (ShapedType::isDynamic(G.Dims[D].Extent))
      return;
    int64_t Count = llvm::divideCeil(G.Dims[D].Extent, P.Tile[D]);
    Lane Here = Lane::index(0);
    if (Value V = Pt.At[D].V)
      Here = Lane::uniform(P.Tile[D] == 1 ? V
                                          : B.createOrFold<arith::DivUIOp>(
                                                L.Loc, V, L.index(P.Tile[D])));
    Block = L.add(L.mul(Block, Count, One), Here, One);
    Blocks *= Count;
  }
  // Where in the sum it is.
  SmallVector<Lane> At;
  Lane Term = Lane::index(0);
  int64_t Depth = 1;
  for (int64_t I = Rank - 2; I >= 0; --I) {
    llvm::SmallBitVector Dims = G.dimsOf(A.At[I]);
    bool Sum = Dims.find_last() >= int(G.NumParallel);
    Lane Here = Scalar(L.affine(A.At[I], Pt.At, Pt.S));
    if (Sum) {
      Term = L.add(Term, L.mul(Here, Depth, One), One);
      Depth *= Shape[I];
      Here = Lane::index(0);
    } else if (isa<AffineConstantExpr>(A.At[I])) {
      Here = Lane::index(0);
    }
    At.insert(At.begin(), Here);
  }
  constexpr int64_t Line = 64, MostLines = 4;
  int64_t PerLine =
      Line * 8 / cast<MemRefType>(MemRef.getType()).getElementTypeBitWidth();
  int64_t Share = llvm::divideCeil(NR, Blocks);
  int64_t Lines = llvm::divideCeil(Share * Terms, PerLine);
  if (Lines > MostLines)
    return;
  Lane First = L.add(L.mul(Block, Depth, One), Term, One);
  First = L.add(L.mul(First, Share, One), Lane::index(Depth * NR), One);
  SmallVector<Value> Where;
  for (const Lane &X : At)
    Where.push_back(L.scalar(X));
  if (P.Group > 1)
    Where.push_back(L.index(0));
  Where.push_back(nullptr);
  for (int64_t I = 0; I < Lines; ++I) {
    Where.back() = L.scalar(First);
    memref::PrefetchOp::create(B, L.Loc, MemRef, Where, /*isWrite=*/false,
                               /*localityHint=*/2, /*isDataCache=*/true);
    First.Offset += PerLine;
  }
}

void NestEmitter::reduceParallel(ArrayRef<unsigned> Rs, Points &Tile,
                                 SmallVector<Value> &Acc) {
  const NestGraph::Reduction &R = G.Reductions[Rs[0]];
  for (unsigned D : R.Own)
    for (Point &Pt : Tile)
      Pt.At[D] = Lane::index(0);
  ArrayRef<unsigned> Dims = P.ReductionOrder[&R - G.Reductions.data()];

  // From which level on all iterations are laid out in line.
  size_t Inline = Dims.size();
  for (int64_t Bodies = 1; P.PackedAccess >= 0 && Inline > 0; --Inline) {
    int64_t E = G.Dims[Dims[Inline - 1]].Extent;
    if (ShapedType::isDynamic(E) || Bodies * E > P.InlineWindow)
      break;
    Bodies *= E;
  }
  auto Nest = [&](auto &Self, size_t Level,
                  ValueRange In) -> SmallVector<Value> {
    if (Level == Dims.size()) {
      SmallVector<Value> Now;
      size_t Share = In.size() / Rs.size();
      for (auto [I, Each] : llvm::enumerate(Rs))
        llvm::append_range(
            Now, step(G.Reductions[Each], Tile, In.slice(I * Share, Share)));
      return Now;
    }
    unsigned D = Dims[Level];
    int64_t E = G.Dims[D].Extent;
    auto Lay = [&](Value Iv, int64_t From, int64_t Bodies, int64_t Align,
                   ValueRange In) {
      SmallVector<Value> Now(In);
      llvm::SaveAndRestore<Run> Restore(SumRun, Run{int(D), From, Bodies});
      for (int64_t U = 0; U < Bodies; ++U) {
        for (Point &Pt : Tile)
          Pt.At[D] = {Iv, false, From + U, 0, Iv ? Align : 0};
        Now = Self(Self, Level + 1, Now);
      }
      return Now;
    };
    if (Level >= Inline)
      return Lay(nullptr, 0, E, 1, In);
    // The innermost loop in steps, then what is left over.
    int64_t Unroll = 1;
    bool Block = int(D) == P.TransposeDim;
    if (Block)
      Unroll = P.Width;
    else if (Level + 1 == Dims.size() && !ShapedType::isDynamic(E))
      Unroll = P.ReductionUnroll;
    int64_t Whole = ShapedType::isDynamic(E) ? 0 : E / Unroll * Unroll;
    SmallVector<Value> Now = carryLoop(
        L.index(0), Unroll > 1 ? L.index(Whole) : extent(D), Unroll, In,
        [&](Value Iv, ValueRange In) {
          llvm::SaveAndRestore<int> Restore(BlockDim, Block ? D : BlockDim);
          return Lay(Iv, 0, Unroll, Unroll, In);
        });
    if (Unroll > 1 && Whole < E) {
      size_t Mark = openScope();
      Now = Lay(nullptr, Whole, E - Whole, 1, Now);
      closeScope(Mark);
    }
    return Now;
  };
  Acc = Nest(Nest, 0, Acc);
}

static std::optional<vector::CombiningKind> combiningKind(Operation *Op) {
  using K = vector::CombiningKind;
  return llvm::TypeSwitch<Operation *, std::optional<K>>(Op)
      .Case<arith::AddFOp, arith::AddIOp>([](auto) { return K::ADD; })
      .Case<arith::MulFOp, arith::MulIOp>([](auto) { return K::MUL; })
      .Case<arith::MaximumFOp>([](auto) { return K::MAXIMUMF; })
      .Case<arith::MinimumFOp>([](auto) { return K::MINIMUMF; })
      .Case<arith::MaxNumFOp>([](auto) { return K::MAXNUMF; })
      .Case<arith::MinNumFOp>([](auto) { return K::MINNUMF; })
      .Case<arith::MaxSIOp>([](auto) { return K::MAXSI; })
      .Case<arith::MaxUIOp>([](auto) { return K::MAXUI; })
      .Case<arith::MinSIOp>([](auto) { return K::MINSI; })
      .Case<arith::MinUIOp>([](auto) { return K::MINUI; })
      .Case<arith::AndIOp>([](auto) { return K::AND; })
      .Case<arith::OrIOp>([](auto) { return K::OR; })
      .Case<arith::XOrIOp>([](auto) { return K::XOR; })
      .Default([](Operation *) { return std::nullopt; });
}

void NestEmitter::reduceAcrossLanes(const NestGraph::Reduction &R, unsigned Dim,
                                    Points &Tile, SmallVector<Value> &Acc) {
  Operation *Combiner = matchCombiner(R.Op);
  Type T = Acc[0].getType();
  auto VTy = VectorType::get({int64_t(P.Width)}, T);
  unsigned N = Tile.size();
  unsigned A = std::max(1u, P.ReductionAccumulators / N);
  int64_t E = G.Dims[Dim].Extent;
  if (!ShapedType::isDynamic(E))
    A = std::max<int64_t>(1, std::min<int64_t>(A, E / P.Width));

  auto Combine = [&](Value X, Value Y) {
    bool Vec = isa<VectorType>(X.getType());
    LaneShape S;
    S.Width = Vec ? P.Width : 1;
    Lane XL = Vec ? Lane::vector(X) : Lane::uniform(X);
    Lane YL = Vec ? Lane::vector(Y) : Lane::uniform(Y);
    return L.emit(Combiner, {XL, YL}, S)[0].V;
  };

  // Carried: N * A vectors, then N scalars (those take what is left over).
  Value Neutral = arith::ConstantOp::create(
      B, L.Loc,
      DenseElementsAttr::get(
          VTy, cast<Attribute>(*arith::getNeutralElement(Combiner))));
  SmallVector<Value> Carried(N * A, Neutral);
  Carried.append(Acc.begin(), Acc.end());

  SmallVector<unsigned> Outer;
  for (unsigned D : R.Own) {
    for (Point &Pt : Tile)
      Pt.At[D] = Lane::index(0);
    if (D != Dim && G.Dims[D].Extent != 1)
      Outer.push_back(D);
  }

  // One step of Width lanes at offset Off into accumulator U of all points.
  auto VectorStep = [&](Value Iv, unsigned U, SmallVector<Value> &Vecs,
                        const LaneShape &S) {
    Points Wide = Tile;
    SmallVector<Value> In;
    for (unsigned I = 0; I < N; ++I) {
      Wide[I].S = S;
      Wide[I].At[Dim] = {Iv, false, int64_t(U) * P.Width, 1, P.Width};
      In.push_back(Vecs[I * A + U]);
    }
    SmallVector<Value> Out = step(R, Wide, In);
    for (unsigned I = 0; I < N; ++I)
      Vecs[I * A + U] =
          S.Mask ? arith::SelectOp::create(B, L.Loc, S.Mask, Out[I], In[I])
                       .getResult()
                 : Out[I];
  };
  auto Row = [&](ValueRange In) {
    SmallVector<Value> Vecs(In.take_front(N * A));
    SmallVector<Value> Scalars(In.drop_front(N * A));
    Value End = extent(Dim), Done = L.index(0);
    bool Dynamic = ShapedType::isDynamic(E);
    LaneShape Full;
    Full.Width = P.Width;
    for (unsigned U :
         A > 1 ? SmallVector<unsigned>{A, 1} : SmallVector<unsigned>{1}) {
      int64_t Step = int64_t(U) * P.Width;
      // The end of the whole steps of this size.
      Value Upto = L.index(Dynamic ? 0 : E / Step * Step);
      if (Dynamic)
        Upto = B.createOrFold<arith::SubIOp>(
            L.Loc, End,
            B.createOrFold<arith::RemUIOp>(L.Loc, End, L.index(Step)));
      Vecs = carryLoop(Done, Upto, Step, Vecs, [&](Value Iv, ValueRange In) {
        SmallVector<Value> Now(In);
        for (unsigned K = 0; K < U; ++K)
          VectorStep(Iv, K, Now, Full);
        return Now;
      });
      Done = Upto;
    }
    if (!Dynamic && E % P.Width == 0)
      ;
    else if (P.Masked) {
      // A masked step; with nothing left it changes nothing.
      LaneShape S;
      size_t Mark = openScope();
      if (Dynamic) {
        Value Left = arith::SubIOp::create(B, L.Loc, End, Done);
        Vecs =
            carryLoop(Done, End, P.Width, Vecs, [&](Value Iv, ValueRange In) {
              SmallVector<Value> Now(In);
              LaneShape S;
              L.setMask(S, P.Width, -1, Left);
              VectorStep(Iv, 0, Now, S);
              return Now;
            });
      } else {
        L.setMask(S, P.Width, E % P.Width, nullptr);
        VectorStep(Done, 0, Vecs, S);
      }
      closeScope(Mark);
    } else {
      Scalars = carryLoop(Done, End, 1, Scalars, [&](Value Iv, ValueRange In) {
        for (Point &Pt : Tile)
          Pt.At[Dim] = Lane::uniform(Iv);
        return step(R, Tile, In);
      });
    }
    Vecs.append(Scalars);
    return Vecs;
  };
  auto Nest = [&](auto &Self, unsigned Level,
                  ValueRange In) -> SmallVector<Value> {
    if (Level == Outer.size())
      return Row(In);
    unsigned D = Outer[Level];
    return carryLoop(L.index(0), extent(D), 1, In,
                     [&](Value Iv, ValueRange In) {
                       for (Point &Pt : Tile)
                         Pt.At[D] = Lane::uniform(Iv);
                       return Self(Self, Level + 1, In);
                     });
  };
  Carried = Nest(Nest, 0, Carried);

  // Pairwise down to one vector, then one scalar a point.
  for (unsigned I = 0; I < N; ++I) {
    SmallVector<Value> V(Carried.begin() + I * A, Carried.begin() + I * A + A);
    while (V.size() > 1) {
      SmallVector<Value> Half;
      for (unsigned K = 0; K + 1 < V.size(); K += 2)
        Half.push_back(Combine(V[K], V[K + 1]));
      if (V.size() % 2)
        Half.push_back(V.back());
      V = Half;
    }
    Value S = vector::ReductionOp::create(
        B, L.Loc, *combiningKind(Combiner), V[0],
        isa<FloatType>(T) ? arith::FastMathFlags::reassoc
                          : arith::FastMathFlags::none);
    Acc[I] = Combine(Carried[N * A + I], S);
  }
}
