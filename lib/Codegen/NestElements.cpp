//===- NestElements.cpp - Elements of a nest's tensors --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The part of the nest emitter that computes an element of any tensor of the
// body for one point of the register tile: loads, inlined bodies, stores, and
// the memory of what is computed already.
//
//===----------------------------------------------------------------------===//

#include "NestEmitter.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe::codegen;

//===----------------------------------------------------------------------===//
// Memory of what is computed
//===----------------------------------------------------------------------===//

void NestEmitter::closeScope(size_t Mark) {
  while (Memo.size() > Mark) {
    MemoOf[Memo.back().Tensor].pop_back();
    Memo.pop_back();
  }
}

SmallVector<std::pair<unsigned, Lane>>
NestEmitter::where(Value T, const Coords &At, const Point &Pt) {
  SmallVector<std::pair<unsigned, Lane>> R;
  llvm::SmallBitVector All(G.Dims.size());
  for (AffineExpr E : At)
    All |= G.dimsOf(E);
  // A reduction may hang on fewer dimensions than index its result.
  if (auto Op = T.getDefiningOp<linalg::GenericOp>())
    if (Op.getNumReductionLoops() != 0) {
      Coords Loops =
          *loopsOfElement(Op, cast<OpResult>(T).getResultNumber(), At);
      All &= G.Reductions[G.findReduction(Op, Loops)].Parallel;
    }
  for (unsigned D : All.set_bits())
    R.push_back({D, Pt.At[D]});
  return R;
}

std::optional<Lane> NestEmitter::recall(Value T, const Coords &At,
                                        const Point &Pt) {
  auto It = MemoOf.find(T);
  if (It == MemoOf.end() || It->second.empty())
    return std::nullopt;
  SmallVector<std::pair<unsigned, Lane>> Where = where(T, At, Pt);
  for (unsigned I : It->second) {
    const Known &K = Memo[I];
    if (K.At == At && K.Where == Where &&
        (K.Width == Pt.S.Width || K.Result.isUniform()))
      return K.Result;
  }
  return std::nullopt;
}

void NestEmitter::remember(Value T, const Coords &At, const Point &Pt,
                           const Lane &Result) {
  MemoOf[T].push_back(Memo.size());
  Memo.push_back({T, At, where(T, At, Pt), Pt.S.Width, Result});
}

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

/// How far an address moves from lane to lane; nothing if that is no constant.
static std::optional<int64_t> laneStride(MemRefType Ty, ArrayRef<Lane> At) {
  SmallVector<int64_t> Strides;
  int64_t Offset, Total = 0;
  if (failed(Ty.getStridesAndOffset(Strides, Offset)))
    return std::nullopt;
  for (auto [A, S] : llvm::zip_equal(At, Strides)) {
    if (A.IsVector)
      return std::nullopt;
    if (A.Coef == 0)
      continue;
    if (ShapedType::isDynamic(S))
      return std::nullopt;
    Total += A.Coef * S;
  }
  return Total;
}

static bool lastStrideIsOne(MemRefType Ty) {
  SmallVector<int64_t> Strides;
  int64_t Offset;
  return succeeded(Ty.getStridesAndOffset(Strides, Offset)) &&
         !Strides.empty() && Strides.back() == 1;
}

/// Elements 0, 2, 4, ... from \p First on: two vectors, the second of which
/// ends with the last element wanted, and a shuffle.
Lane NestEmitter::loadEverySecond(Value MemRef, ArrayRef<Value> First,
                                  VectorType VTy, const LaneShape &S) {
  int64_t W = S.Width, Count = S.Mask ? S.StaticCount : W;
  int64_t Last = 2 * (Count - 1), Second = Last - (W - 1);
  Value A, C;
  if (Second < 0) {
    // All within one vector, which may not be read in full.
    LaneShape Part;
    L.setMask(Part, W, Last + 1, nullptr);
    Value Zero = arith::ConstantOp::create(B, L.Loc, B.getZeroAttr(VTy));
    A = C = vector::MaskedLoadOp::create(B, L.Loc, VTy, MemRef, First,
                                         Part.Mask, Zero);
    Second = 0;
  } else {
    A = vector::LoadOp::create(B, L.Loc, VTy, MemRef, First);
    SmallVector<Value> Next(First);
    Next.back() =
        B.createOrFold<arith::AddIOp>(L.Loc, Next.back(), L.index(Second));
    C = vector::LoadOp::create(B, L.Loc, VTy, MemRef, Next);
  }
  SmallVector<int64_t> From;
  for (int64_t I = 0; I < W; ++I) {
    int64_t E = std::min(2 * I, Last);
    From.push_back(E < W ? E : W + E - Second);
  }
  return Lane::vector(vector::ShuffleOp::create(B, L.Loc, A, C, From));
}

Lane NestEmitter::load(Value MemRef, ArrayRef<Lane> At, const LaneShape &S) {
  auto Ty = cast<MemRefType>(MemRef.getType());
  std::optional<int64_t> Stride = laneStride(Ty, At);
  auto First = [&] {
    SmallVector<Value> R;
    for (const Lane &A : At)
      R.push_back(L.scalar(A));
    return R;
  };
  if (S.Width == 1 || (Stride && *Stride == 0))
    return Lane::uniform(memref::LoadOp::create(B, L.Loc, MemRef, First()));
  auto VTy = VectorType::get({int64_t(S.Width)}, Ty.getElementType());
  if (Stride && *Stride == 1 && lastStrideIsOne(Ty)) {
    if (!S.Mask)
      return Lane::vector(
          vector::LoadOp::create(B, L.Loc, VTy, MemRef, First()));
    Value Zero = arith::ConstantOp::create(B, L.Loc, B.getZeroAttr(VTy));
    return Lane::vector(vector::MaskedLoadOp::create(B, L.Loc, VTy, MemRef,
                                                     First(), S.Mask, Zero));
  }
  if (Stride && *Stride == 2 && lastStrideIsOne(Ty) &&
      (!S.Mask || S.StaticCount >= 0))
    return loadEverySecond(MemRef, First(), VTy, S);
  SmallVector<Value> Scalars;
  for (unsigned I = 0; I < S.Width; ++I) {
    if (S.Mask && S.StaticCount >= 0 && I >= S.StaticCount) {
      Scalars.push_back(Scalars.back());
      continue;
    }
    SmallVector<Value> Where;
    for (const Lane &A : At)
      Where.push_back(L.scalarOfLane(A, I, S));
    Scalars.push_back(memref::LoadOp::create(B, L.Loc, MemRef, Where));
  }
  return Lane::vector(vector::FromElementsOp::create(B, L.Loc, VTy, Scalars));
}

/// Element J of row I <-> element I of row J, by exchanges of ever larger
/// blocks.
static void transpose(LaneBuilder &L, SmallVector<Value> &Rows) {
  int64_t N = Rows.size();
  for (int64_t K = 1; K < N; K *= 2)
    for (int64_t I = 0; I < N; ++I) {
      if (I & K)
        continue;
      SmallVector<int64_t> Low, High;
      for (int64_t E = 0; E < N; ++E) {
        Low.push_back(E & K ? N + E - K : E);
        High.push_back(E & K ? N + E : E + K);
      }
      Value A = Rows[I], C = Rows[I + K];
      Rows[I] = vector::ShuffleOp::create(L.B, L.Loc, A, C, Low);
      Rows[I + K] = vector::ShuffleOp::create(L.B, L.Loc, A, C, High);
    }
}

std::optional<Lane> NestEmitter::loadBlock(Value T, const Coords &At,
                                           const Point &Pt) {
  unsigned W = Pt.S.Width;
  if (BlockDim < 0 || W < 4 || Pt.At[BlockDim].Offset % W != 0 ||
      !Pt.At[BlockDim].isUniform() || !llvm::isPowerOf2_32(W))
    return std::nullopt;
  Value MemRef = Ctx.memref(T);
  auto Ty = cast<MemRefType>(MemRef.getType());
  SmallVector<Lane> Where;
  for (AffineExpr E : At)
    Where.push_back(L.affine(E, Pt.At, Pt.S));
  std::optional<int64_t> Stride = laneStride(Ty, Where);
  if ((Stride && (*Stride == 0 || *Stride == 1)) || !lastStrideIsOne(Ty) ||
      stepAlong(At, Ty, BlockDim, W) != Step::Unit ||
      llvm::any_of(Where, [](const Lane &A) { return A.IsVector; }))
    return std::nullopt;
  auto VTy = VectorType::get({int64_t(W)}, Ty.getElementType());
  SmallVector<Value> Rows;
  for (unsigned I = 0; I < W; ++I) {
    SmallVector<Value> First;
    for (const Lane &A : Where)
      First.push_back(L.scalarOfLane(A, I, Pt.S));
    Rows.push_back(vector::LoadOp::create(B, L.Loc, VTy, MemRef, First));
  }
  transpose(L, Rows);
  Point Next = Pt;
  for (unsigned I = 0; I < W; ++I) {
    remember(T, At, Next, Lane::vector(Rows[I]));
    ++Next.At[BlockDim].Offset;
  }
  return Lane::vector(Rows[0]);
}

std::optional<Lane> NestEmitter::loadRun(Value T, const Coords &At,
                                         const Point &Pt) {
  int64_t N = P.OperandLanes;
  Value MemRef = Ctx.memref(T);
  auto Ty = cast<MemRefType>(MemRef.getType());
  // Outside of a sum a scalar is used once.
  if (SumRun.Dim < 0 || N == 0 || Pt.S.Width < 2 ||
      !Ty.getElementType().isF32() || !lastStrideIsOne(Ty))
    return std::nullopt;
  SmallVector<Value> First;
  for (AffineExpr E : At) {
    Lane Here = L.affine(E, Pt.At, Pt.S);
    if (!Here.isUniform())
      return std::nullopt;
    First.push_back(L.scalar(Here));
  }
  for (const Run &R : {SumRun, TileRun}) {
    if (R.Dim < 0 || stepAlong(At, Ty, R.Dim, 1) != Step::Unit)
      continue;
    int64_t Within = Pt.At[R.Dim].Offset - R.From;
    if (Within % N != 0 || Within + N > R.Count)
      continue;
    auto VTy = VectorType::get({N}, Ty.getElementType());
    Value All = vector::LoadOp::create(B, L.Loc, VTy, MemRef, First);
    Point Next = Pt;
    SmallVector<Lane> Scalars;
    for (int64_t I = 0; I < N; ++I) {
      Scalars.push_back(
          Lane::uniform(vector::ExtractOp::create(B, L.Loc, All, I)));
      remember(T, At, Next, Scalars.back());
      ++Next.At[R.Dim].Offset;
    }
    return Scalars[0];
  }
  return std::nullopt;
}

void NestEmitter::storeElement(Value MemRef, ArrayRef<Lane> At, const Lane &V,
                               const LaneShape &S) {
  auto Ty = cast<MemRefType>(MemRef.getType());
  std::optional<int64_t> Stride = laneStride(Ty, At);
  auto First = [&] {
    SmallVector<Value> R;
    for (const Lane &A : At)
      R.push_back(L.scalar(A));
    return R;
  };
  if (S.Width == 1 || (Stride && *Stride == 0)) {
    memref::StoreOp::create(B, L.Loc, L.scalarOfLane(V, 0, S), MemRef, First());
    return;
  }
  Value Vec = L.vector(V, Ty.getElementType(), S);
  if (Stride && *Stride == 1 && lastStrideIsOne(Ty)) {
    if (S.Mask)
      vector::MaskedStoreOp::create(B, L.Loc, MemRef, First(), S.Mask, Vec);
    else
      vector::StoreOp::create(B, L.Loc, Vec, MemRef, First());
    return;
  }
  // Downwards: a lane that is off writes where the last one on writes after it.
  for (unsigned I = S.Width; I-- > 0;) {
    if (S.Mask && S.StaticCount >= 0 && I >= S.StaticCount)
      continue;
    SmallVector<Value> Where;
    for (const Lane &A : At)
      Where.push_back(L.scalarOfLane(A, I, S));
    Value X = vector::ExtractOp::create(B, L.Loc, Vec, int64_t(I));
    memref::StoreOp::create(B, L.Loc, X, MemRef, Where);
  }
}

//===----------------------------------------------------------------------===//
// Elements and bodies
//===----------------------------------------------------------------------===//

Lane NestEmitter::element(Value T, const Coords &At, const Point &Pt) {
  if (!isa<ShapedType>(T.getType()))
    return Lane::uniform(Ctx.scalar(T));
  if (std::optional<Lane> K = recall(T, At, Pt))
    return *K;

  Lane Result;
  if (isa<BlockArgument>(T)) {
    if (std::optional<Lane> First = loadBlock(T, At, Pt))
      return *First;
    if (std::optional<Lane> First = loadRun(T, At, Pt))
      return *First;
    SmallVector<Lane> Where;
    for (AffineExpr E : At)
      Where.push_back(L.affine(E, Pt.At, Pt.S));
    Result = load(Ctx.memref(T), Where, Pt.S);
    remember(T, At, Pt, Result);
    return Result;
  }

  Operation *Op = T.getDefiningOp();
  if (auto Generic = dyn_cast<linalg::GenericOp>(Op)) {
    unsigned Number = cast<OpResult>(T).getResultNumber();
    Coords Loops = *loopsOfElement(Generic, Number, At);
    if (Generic.getNumReductionLoops() != 0) {
      int R = G.findReduction(Generic, Loops);
      assert(R >= 0 && "the graph knows all reductions");
      reduce(unsigned(R), {Pt});
      return *recall(T, At, Pt);
    }
    SmallVector<Lane> Args;
    for (OpOperand &O : Generic->getOpOperands()) {
      if (!Generic.payloadUsesValueFromOperand(&O)) {
        Args.push_back(Lane());
        continue;
      }
      Args.push_back(element(
          O.get(), composeCoords(Generic.getMatchingIndexingMap(&O), Loops),
          Pt));
    }
    SmallVector<Lane> Yielded =
        body(Generic.getRegion().front(), Args, Loops, Pt);
    for (auto [I, Y] : llvm::enumerate(Yielded)) {
      AffineMap Map =
          Generic.getMatchingIndexingMap(Generic.getDpsInitOperand(I));
      remember(Generic->getResult(I), composeCoords(Map, Loops), Pt, Y);
    }
    return Yielded[Number];
  }
  if (auto C = dyn_cast<arith::ConstantOp>(Op)) {
    auto Splat = cast<SplatElementsAttr>(C.getValue());
    return Lane::uniform(arith::ConstantOp::create(
        B, L.Loc, cast<TypedAttr>(Splat.getSplatValue<Attribute>())));
  }
  if (isa<tensor::EmptyOp>(Op)) {
    Type E = cast<ShapedType>(T.getType()).getElementType();
    return Lane::uniform(
        arith::ConstantOp::create(B, L.Loc, cast<TypedAttr>(B.getZeroAttr(E))));
  }
  auto View = throughView(T, At);
  return element(View->first, View->second, Pt);
}

SmallVector<Lane> NestEmitter::body(Block &Body, ArrayRef<Lane> Args,
                                    const Coords &Loops, const Point &Pt) {
  DenseMap<Value, Lane> Env;
  for (auto [A, V] : llvm::zip_equal(Body.getArguments(), Args))
    Env[A] = V;
  for (Operation &Op : Body.without_terminator())
    bodyOp(&Op, Env, Loops, Pt);
  SmallVector<Lane> R;
  for (Value V : Body.getTerminator()->getOperands()) {
    auto It = Env.find(V);
    R.push_back(It != Env.end() ? It->second : Lane::uniform(Ctx.scalar(V)));
  }
  return R;
}

void NestEmitter::bodyOp(Operation *Op, DenseMap<Value, Lane> &Env,
                         const Coords &Loops, const Point &Pt) {
  auto Of = [&](Value V) {
    auto It = Env.find(V);
    return It != Env.end() ? It->second : Lane::uniform(Ctx.scalar(V));
  };
  if (auto I = dyn_cast<linalg::IndexOp>(Op)) {
    Env[I] = L.affine(Loops[I.getDim()], Pt.At, Pt.S);
    return;
  }
  if (auto Table = dyn_cast<kernel::LookupOp>(Op)) {
    Lane X = Of(Table.getIndex());
    Value Index = X.IsVector ? X.V : L.scalar(X),
          R = kernel::LookupOp::create(B, L.Loc, Index.getType(),
                                       Ctx.memref(Table.getTable()), Index);
    Env[Table] = X.IsVector ? Lane::vector(R) : Lane::uniform(R);
    return;
  }
  if (auto X = dyn_cast<tensor::ExtractOp>(Op)) {
    SmallVector<Lane> At;
    for (Value V : X.getIndices())
      At.push_back(Of(V));
    Env[X] = load(Ctx.memref(X.getTensor()), At, Pt.S);
    return;
  }
  if (Ctx.Target.HasFMA) {
    if (auto Mul = dyn_cast<arith::MulFOp>(Op))
      if (Mul->hasOneUse() && fusedProduct(*Mul->user_begin()) == Mul)
        return; // comes with its sum
    if (arith::MulFOp Mul = fusedProduct(Op)) {
      Value Other = Op->getOperand(Op->getOperand(0) == Mul ? 1 : 0);
      Lane A = Of(Mul.getLhs()), C = Of(Mul.getRhs()), D = Of(Other);
      Type T = Mul.getType();
      if (A.isUniform() && C.isUniform() && D.isUniform()) {
        Env[Op->getResult(0)] = Lane::uniform(math::FmaOp::create(
            B, L.Loc, L.scalar(A), L.scalar(C), L.scalar(D)));
        return;
      }
      Env[Op->getResult(0)] = Lane::vector(
          math::FmaOp::create(B, L.Loc, L.vector(A, T, Pt.S),
                              L.vector(C, T, Pt.S), L.vector(D, T, Pt.S)));
      return;
    }
  }
  if (Op->getNumRegions() == 0) {
    SmallVector<Lane> Operands;
    for (Value V : Op->getOperands())
      Operands.push_back(Of(V));
    SmallVector<Lane> Results = L.emit(Op, Operands, Pt.S);
    for (auto [V, R] : llvm::zip_equal(Op->getResults(), Results))
      Env[V] = R;
    return;
  }
  // Control flow: scalars only.
  IRMapping Map;
  for (Value V : Op->getOperands())
    Map.map(V, L.scalar(Of(V)));
  Operation *New = B.insert(Op->cloneWithoutRegions(Map));
  for (auto [From, To] : llvm::zip_equal(Op->getRegions(), New->getRegions()))
    for (Block &Old : From) {
      OpBuilder::InsertionGuard Guard(B);
      Block *Fresh = B.createBlock(&To, To.end());
      size_t Mark = openScope();
      for (BlockArgument A : Old.getArguments())
        Env[A] = Lane::uniform(Fresh->addArgument(A.getType(), A.getLoc()));
      for (Operation &X : Old)
        bodyOp(&X, Env, Loops, Pt);
      closeScope(Mark);
    }
  for (auto [V, R] : llvm::zip_equal(Op->getResults(), New->getResults()))
    Env[V] = Lane::uniform(R);
}
