//===- GPUTiles.cpp - Contractions in tiles through shared memory ---------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Any reduction of two operands, each of which lacks dimensions of the other: a
// product of matrices, a convolution (whose window makes the rows of one side
// overlap), with or without a batch. Rows, columns and terms are numbers that
// are spread over the dimensions of their side. For a run of terms, all threads
// of the block bring rows and columns into shared memory, producers applied
// the way; then each adds its square of points in registers.
//
// Beyond an edge the last row, column or term is loaded again, which keeps all
// addresses within the operands; what is computed from it is not stored, and
// terms beyond the last are not added.
//
//===----------------------------------------------------------------------===//

#include "GPUEmitter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/NVGPU/IR/NVGPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

/// One operand's share of a tile.
struct GPUEmitter::Side {
  Value Operand;
  Coords At;
  ArrayRef<unsigned> Dims;
  bool AlongDepth;
  /// A term is a word of four bytes, neighbours along the depth.
  bool Words;
  GPUPlan::Bytes Bytes;
  /// Rows or columns in the tile; in all; the number of the first.
  int64_t Size;
  Value Total, Start;
  Point Batch;
  ArrayRef<unsigned> Depth;
  Value Terms;
  /// [buffer, terms, rows or columns] in shared memory.
  Value Memory;
  int64_t TileDepth;
  /// The first of this thread's elements, of PerThread.
  Value Mine;
  int64_t PerThread;

  /// Where it is an argument as it stands: that, and where. It is copied past
  /// the registers then, in quads where all begin at multiples of 16 bytes,
  /// which Aligned tells at run time (null: they do not).
  Value Argument;
  Coords ArgumentAt;
  Value Aligned;

  /// What a thread brings in each time: an element (or the first of four).
  struct Piece {
    Value Term, Row;
    Point Pt; // but for the term
  };
  SmallVector<Piece> Pieces;
  std::optional<Piece> Quad;
  /// Numbers of quads: not every thread may have one.
  int64_t Quads = 0;
};

/// Whether \p S is copied past the registers, and how.
void GPUEmitter::planCopies(Side &S) {
  if (!Ctx.Target.HasAsyncCopy && !S.Words)
    return;
  Value T = S.Operand;
  Coords At = S.At;
  while (!isa<BlockArgument>(T)) {
    auto View = throughView(T, At);
    if (failed(View))
      return;
    std::tie(T, At) = *View;
  }
  auto Type = cast<MemRefType>(Ctx.memref(T).getType());
  mlir::Type E = Type.getElementType();
  auto IsAligned = [&](int64_t Bytes) -> Value {
    Value Address =
        memref::ExtractAlignedPointerAsIndexOp::create(B, L.Loc, Ctx.memref(T));
    return arith::CmpIOp::create(
        B, L.Loc, arith::CmpIPredicate::eq,
        arith::AndIOp::create(B, L.Loc, Address, L.index(Bytes - 1)),
        L.index(0));
  };
  if (S.Words) {
    if (movesInVectors(At, Type, S.Depth.back(), 4) &&
        stepAlong(At, Type, S.Depth.back(), 4) == Step::Unit)
      S.Aligned = IsAligned(4);
    return;
  }
  if (E != cast<MemRefType>(S.Memory.getType()).getElementType() ||
      !(E.isF32() || E.isInteger(32)))
    return;
  S.Argument = T;
  S.ArgumentAt = At;
  unsigned Fast = S.Dims.back();
  int64_t Extent = G.Dims[Fast].Extent;
  if (S.AlongDepth || ShapedType::isDynamic(Extent) || Extent % 4 != 0 ||
      !movesInVectors(At, Type, Fast, 4) ||
      stepAlong(At, Type, Fast, 4) != Step::Unit)
    return;
  S.Aligned = IsAligned(16);
  S.Quads = S.Size * S.TileDepth / 4;
}

/// Which elements of \p S this thread brings in, whatever the first term is.
void GPUEmitter::setPieces(Side &S) {
  auto Piece = [&](int64_t From, int64_t Width) {
    Value E = B.createOrFold<arith::AddIOp>(L.Loc, Thread, L.index(From));
    int64_t Fast = (S.AlongDepth ? S.TileDepth : S.Size) / Width;
    Value Low = B.createOrFold<arith::RemUIOp>(L.Loc, E, L.index(Fast));
    Value High = B.createOrFold<arith::DivUIOp>(L.Loc, E, L.index(Fast));
    Low = B.createOrFold<arith::MulIOp>(L.Loc, Low, L.index(Width));
    Value Term = S.AlongDepth ? Low : High, Row = S.AlongDepth ? High : Low;
    // (A multiple of the width stays one at the edge.)
    Value Last = B.createOrFold<arith::SubIOp>(L.Loc, S.Total, L.index(Width));
    Value R = arith::MinUIOp::create(
        B, L.Loc, B.createOrFold<arith::AddIOp>(L.Loc, S.Start, Row), Last);
    Point Pt = S.Batch;
    spread(R, S.Dims, Pt);
    return Side::Piece{Term, Row, Pt};
  };
  S.Pieces.clear();
  int64_t Elements = S.Size * S.TileDepth;
  assert(Elements % GPUThreads == 0 && "all threads bring in equally much");
  for (int64_t From = 0; From < Elements; From += GPUThreads)
    S.Pieces.push_back(Piece(From, 1));
  if (S.Quads != 0)
    S.Quad = Piece(0, 4);
}

/// The point of \p P when the first term of the tile is \p First.
Point GPUEmitter::pointOf(const Side &S, Value First, Value Term, Point Pt) {
  Value Last = B.createOrFold<arith::SubIOp>(L.Loc, S.Terms, L.index(1));
  Value K = arith::MinUIOp::create(
      B, L.Loc, B.createOrFold<arith::AddIOp>(L.Loc, First, Term), Last);
  if (!S.Words) {
    spread(K, S.Depth, Pt);
    return Pt;
  }
  unsigned Fast = S.Depth.back();
  Value Unit = K;
  if (S.Depth.size() > 1) {
    Value Units = L.index(G.Dims[Fast].Extent / 4);
    Unit = B.createOrFold<arith::RemUIOp>(L.Loc, K, Units);
    spread(B.createOrFold<arith::DivUIOp>(L.Loc, K, Units), S.Depth.drop_back(),
           Pt);
  }
  Pt.S.Width = 4;
  Pt.At[Fast] = {B.createOrFold<arith::MulIOp>(L.Loc, Unit, L.index(4)), false,
                 0, 1, 4};
  return Pt;
}

/// Starts to bring the terms from \p First on into \p Buffer: copies that go on
/// by themselves, or loads, whose values are returned.
SmallVector<Value> GPUEmitter::startSide(const Side &S, Value First,
                                         Value Buffer) {
  auto Load = [&] {
    SmallVector<Value> Loaded;
    for (const Side::Piece &P : S.Pieces) {
      size_t Mark = openScope();
      Point Pt = pointOf(S, First, P.Term, P.Pt);
      Lane V = element(S.Operand, S.At, Pt);
      Value Word;
      if (S.Words && getElementTypeOrSelf(S.Operand).isInteger(8))
        Word = LLVM::BitcastOp::create(B, L.Loc, B.getI32Type(),
                                       L.vector(V, B.getI8Type(), Pt.S));
      else
        Word = L.scalar(V);
      if (S.Bytes.Flipped)
        Word = arith::XOrIOp::create(
            B, L.Loc, Word,
            arith::ConstantOp::create(
                B, L.Loc, B.getI32IntegerAttr(int32_t(0x80808080))));
      Loaded.push_back(Word);
      closeScope(Mark);
    }
    return Loaded;
  };
  if (!S.Argument && !S.Aligned)
    return Load();
  if (S.Words) {
    // One load a word where words are aligned.
    SmallVector<Type> Types(S.Pieces.size(), B.getI32Type());
    auto If = scf::IfOp::create(B, L.Loc, Types, S.Aligned,
                                /*withElseRegion=*/true);
    OpBuilder::InsertionGuard Guard(B);
    B.setInsertionPointToEnd(If.thenBlock());
    scf::YieldOp::create(B, L.Loc, Load());
    If.thenBlock()->walk([](vector::LoadOp Op) { Op.setAlignment(4); });
    B.setInsertionPointToEnd(If.elseBlock());
    scf::YieldOp::create(B, L.Loc, Load());
    return If.getResults();
  }
  auto Copy = [&](const Side::Piece &P, int64_t Width) {
    Point Pt = pointOf(S, First, P.Term, P.Pt);
    SmallVector<Value> From;
    for (AffineExpr E : S.ArgumentAt)
      From.push_back(L.scalar(L.affine(E, Pt.At, Pt.S)));
    nvgpu::DeviceAsyncCopyOp::create(
        B, L.Loc, nvgpu::DeviceAsyncTokenType::get(B.getContext()), S.Memory,
        ValueRange{Buffer, P.Term, P.Row}, Ctx.memref(S.Argument), From,
        B.getIndexAttr(Width), Value(),
        Width == 4 ? B.getUnitAttr() : UnitAttr());
  };
  auto Singly = [&] {
    for (const Side::Piece &P : S.Pieces)
      Copy(P, 1);
  };
  if (!S.Aligned) {
    Singly();
    return {};
  }
  auto Quads = [&] {
    if (S.Quads >= GPUThreads)
      Copy(*S.Quad, 4);
    else
      ifThen(less(Thread, L.index(S.Quads)), [&] { Copy(*S.Quad, 4); });
  };
  auto If = scf::IfOp::create(B, L.Loc, S.Aligned, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard Guard(B);
  B.setInsertionPointToStart(If.thenBlock());
  Quads();
  B.setInsertionPointToStart(If.elseBlock());
  Singly();
  return {};
}

/// Puts what startSide loaded where it belongs.
void GPUEmitter::finishSide(const Side &S, ValueRange Loaded, Value Buffer) {
  for (auto [P, V] : llvm::zip(S.Pieces, Loaded))
    memref::StoreOp::create(B, L.Loc, V, S.Memory,
                            ValueRange{Buffer, P.Term, P.Row});
}

/// Adds term \p K of the tile in \p Buffer to all points of this thread.
SmallVector<Value> GPUEmitter::term(Value Buffer, Value K, const Side &A,
                                    const Side &C, const Points &Tile,
                                    ValueRange Acc) {
  const NestGraph::Reduction &R = G.Reductions[Plan.Reduction];
  linalg::GenericOp Op = R.Op;
  auto Mine = [&](const Side &S) {
    Type E = cast<MemRefType>(S.Memory.getType()).getElementType();
    auto T = VectorType::get({S.PerThread}, E);
    int64_t Bytes = std::min<int64_t>(
        16, S.PerThread * llvm::divideCeil(E.getIntOrFloatBitWidth(), 8));
    Value V = vector::LoadOp::create(
        B, L.Loc, T, S.Memory, ValueRange{Buffer, K, S.Mine},
        /*nontemporal=*/false, llvm::MaybeAlign(Bytes));
    SmallVector<Value> Each;
    for (int64_t I = 0; I < S.PerThread; ++I)
      Each.push_back(vector::ExtractOp::create(B, L.Loc, V, I));
    return Each;
  };
  SmallVector<Value> Rows = Mine(A), Columns = Mine(C), Next;
  for (int64_t I = 0; I < A.PerThread; ++I)
    for (int64_t J = 0; J < C.PerThread; ++J) {
      unsigned N = I * C.PerThread + J;
      if (A.Words) {
        auto Bytes = VectorType::get({4}, B.getI8Type());
        auto Kind = [](bool Signed) {
          return Signed ? NVVM::DotAccumulateType::SIGNED
                        : NVVM::DotAccumulateType::UNSIGNED;
        };
        Next.push_back(NVVM::DotAccumulate4WayOp::create(
            B, L.Loc, B.getI32Type(),
            LLVM::BitcastOp::create(B, L.Loc, Bytes, Rows[I]),
            Kind(A.Bytes.Signed),
            LLVM::BitcastOp::create(B, L.Loc, Bytes, Columns[J]),
            Kind(C.Bytes.Signed), Acc[N]));
        continue;
      }
      SmallVector<Lane> Args;
      for (OpOperand *O : Op.getDpsInputOperands()) {
        if (O->getOperandNumber() == Plan.RowOperand)
          Args.push_back(Lane::uniform(Rows[I]));
        else if (O->getOperandNumber() == Plan.ColumnOperand)
          Args.push_back(Lane::uniform(Columns[J]));
        else if (Op.payloadUsesValueFromOperand(O))
          Args.push_back(element(
              O->get(), composeCoords(Op.getMatchingIndexingMap(O), R.Loops),
              Tile[N]));
        else
          Args.push_back(Lane());
      }
      Args.push_back(Lane::uniform(Acc[N]));
      Next.push_back(
          L.scalar(body(Op.getRegion().front(), Args, R.Loops, Tile[N])[0]));
    }
  return Next;
}

void GPUEmitter::emitTiles() {
  const NestGraph::Reduction &R = G.Reductions[Plan.Reduction];
  linalg::GenericOp Op = R.Op;
  const GPUTile &T = Plan.Tile;
  int64_t N = T.PerThread;
  Value Rows = product(Plan.Rows), Columns = product(Plan.Columns),
        Terms = product(Plan.Depth);
  if (Plan.Dots)
    Terms = B.createOrFold<arith::DivUIOp>(L.Loc, Terms, L.index(4));
  Value ColumnTiles = ceilDiv(Columns, T.columns()),
        RowTiles = ceilDiv(Rows, T.rows());
  Value Tiles = B.createOrFold<arith::MulIOp>(L.Loc, RowTiles, ColumnTiles);
  Value Count =
      Plan.Batch.empty()
          ? Tiles
          : B.createOrFold<arith::MulIOp>(L.Loc, product(Plan.Batch), Tiles);
  auto MakeSide = [&](unsigned Operand, ArrayRef<unsigned> Dims, bool Along,
                      int64_t Size, Value Total, Value Number) {
    Side S;
    OpOperand &O = Op->getOpOperand(Operand);
    S.Operand = O.get();
    S.At = composeCoords(Op.getMatchingIndexingMap(&O), R.Loops);
    S.Dims = Dims;
    S.AlongDepth = Along;
    S.Words = Plan.Dots;
    S.Bytes = Operand == Plan.RowOperand ? Plan.RowBytes : Plan.ColumnBytes;
    S.Size = Size;
    S.Total = Total;
    S.Depth = Plan.Depth;
    S.Terms = Terms;
    S.TileDepth = T.Depth;
    S.PerThread = N;
    S.Mine = B.createOrFold<arith::MulIOp>(L.Loc, Number, L.index(N));
    // Rows of odd quarters apart, so that a column of them lies in many banks.
    Type E =
        Plan.Dots ? B.getI32Type() : Op.getMatchingBlockArgument(&O).getType();
    int64_t Pad = Along ? 16 * 8 / std::max(8u, E.getIntOrFloatBitWidth()) : 0;
    S.Memory = makeShared(B, L.Loc, {2, int64_t(T.Depth), Size + Pad}, E);
    planCopies(S);
    return S;
  };
  Value Across =
      arith::RemUIOp::create(B, L.Loc, Thread, L.index(T.ThreadColumns));
  Value Down =
      arith::DivUIOp::create(B, L.Loc, Thread, L.index(T.ThreadColumns));
  Side A = MakeSide(Plan.RowOperand, Plan.Rows, Plan.RowsAlongDepth, T.rows(),
                    Rows, Down);
  Side C = MakeSide(Plan.ColumnOperand, Plan.Columns, Plan.ColumnsAlongDepth,
                    T.columns(), Columns, Across);

  overBlocks(Count, [&](Value Block) {
    Point Base = origin();
    if (!Plan.Batch.empty()) {
      spread(B.createOrFold<arith::DivUIOp>(L.Loc, Block, Tiles), Plan.Batch,
             Base);
      Block = B.createOrFold<arith::RemUIOp>(L.Loc, Block, Tiles);
    }
    auto StartOf = [&](Value Tile, int64_t Size) {
      return B.createOrFold<arith::MulIOp>(L.Loc, Tile, L.index(Size));
    };
    A.Start = StartOf(B.createOrFold<arith::DivUIOp>(L.Loc, Block, ColumnTiles),
                      A.Size);
    C.Start = StartOf(B.createOrFold<arith::RemUIOp>(L.Loc, Block, ColumnTiles),
                      C.Size);
    A.Batch = C.Batch = Base;
    setPieces(A);
    setPieces(C);

    // This thread's points, and whether they exist.
    Points Tile;
    SmallVector<Value> Exists;
    auto Numbers = [&](const Side &S) {
      SmallVector<std::pair<Point, Value>> R;
      for (int64_t I = 0; I < N; ++I) {
        Value Number = B.createOrFold<arith::AddIOp>(
            L.Loc, B.createOrFold<arith::AddIOp>(L.Loc, S.Start, S.Mine),
            L.index(I));
        Value In = less(Number, S.Total);
        Point Pt = Base;
        spread(arith::MinUIOp::create(
                   B, L.Loc, Number,
                   B.createOrFold<arith::SubIOp>(L.Loc, S.Total, L.index(1))),
               S.Dims, Pt);
        R.push_back({Pt, In});
      }
      return R;
    };
    SmallVector<std::pair<Point, Value>> RowPoints = Numbers(A),
                                         ColumnPoints = Numbers(C);
    for (auto &[Row, InRow] : RowPoints)
      for (auto &[Column, InColumn] : ColumnPoints) {
        Point Pt = Row;
        for (unsigned D : Plan.Columns)
          Pt.At[D] = Column.At[D];
        for (unsigned D : R.Own)
          Pt.At[D] = Lane::index(0);
        Tile.push_back(Pt);
        Exists.push_back(arith::AndIOp::create(B, L.Loc, InRow, InColumn));
      }
    OpOperand &Init = *Op.getDpsInitOperand(0);
    Coords InitAt = composeCoords(Op.getMatchingIndexingMap(&Init), R.Loops);
    SmallVector<Value> Acc;
    for (const Point &Pt : Tile)
      Acc.push_back(L.scalar(element(Init.get(), InitAt, Pt)));
    // What all terms share is computed ahead of them.
    for (OpOperand *O : Op.getDpsInputOperands())
      if (Op.payloadUsesValueFromOperand(O) &&
          O->getOperandNumber() != Plan.RowOperand &&
          O->getOperandNumber() != Plan.ColumnOperand)
        for (const Point &Pt : Tile)
          (void)element(O->get(),
                        composeCoords(Op.getMatchingIndexingMap(O), R.Loops),
                        Pt);

    // Two buffers: while one is worked on, the next terms come into the other.
    // At the one barrier of each turn the first is filled by all, and the other
    // no longer read by any.
    bool Copies = A.Argument || C.Argument;
    auto Start = [&](Value First, Value Buffer) {
      SmallVector<Value> Loaded = startSide(A, First, Buffer);
      llvm::append_range(Loaded, startSide(C, First, Buffer));
      return Loaded;
    };
    size_t FromA = A.Argument ? 0 : A.Pieces.size();
    auto Finish = [&](ValueRange Loaded, Value Buffer) {
      finishSide(A, Loaded.take_front(FromA), Buffer);
      finishSide(C, Loaded.drop_front(FromA), Buffer);
    };
    auto Arrive = [&] {
      if (Copies) {
        auto Token = nvgpu::DeviceAsyncTokenType::get(B.getContext());
        Value All = nvgpu::DeviceAsyncCreateGroupOp::create(B, L.Loc, Token,
                                                            ValueRange());
        nvgpu::DeviceAsyncWaitOp::create(B, L.Loc, All, IntegerAttr());
      }
      gpu::BarrierOp::create(B, L.Loc);
    };
    Value Zero = L.index(0), One = L.index(1);
    // The last piece of work is done with by all.
    gpu::BarrierOp::create(B, L.Loc);
    Finish(Start(Zero, Zero), Zero);

    Value Rest = B.createOrFold<arith::RemUIOp>(L.Loc, Terms, L.index(T.Depth));
    Value Whole = B.createOrFold<arith::SubIOp>(L.Loc, Terms, Rest);
    Value Buffer = Zero;
    if (std::optional<int64_t> W = getConstantIntValue(Whole); !W || *W > 0) {
      SmallVector<Value> Carried(Acc);
      Carried.push_back(Zero);
      auto Loop = scf::ForOp::create(
          B, L.Loc, Zero, Whole, L.index(T.Depth), Carried,
          [&](OpBuilder &, Location, Value First, ValueRange In) {
            size_t Mark = openScope();
            Value Here = In.back();
            Value Other = arith::SubIOp::create(B, L.Loc, One, Here);
            Arrive();
            Value Next =
                arith::AddIOp::create(B, L.Loc, First, L.index(T.Depth));
            Value More = less(Next, Terms);
            SmallVector<Type> Types;
            for (const Side *S : {&A, &C})
              if (!S->Argument)
                Types.append(
                    S->Pieces.size(),
                    cast<MemRefType>(S->Memory.getType()).getElementType());
            ValueRange Coming;
            if (Types.empty()) {
              ifThen(More, [&] { (void)Start(Next, Other); });
            } else {
              auto If = scf::IfOp::create(B, L.Loc, Types, More,
                                          /*withElseRegion=*/true);
              OpBuilder::InsertionGuard Guard(B);
              B.setInsertionPointToEnd(If.thenBlock());
              size_t Inner = openScope();
              SmallVector<Value> Loaded = Start(Next, Other);
              closeScope(Inner);
              scf::YieldOp::create(B, L.Loc, Loaded);
              B.setInsertionPointToEnd(If.elseBlock());
              SmallVector<Value> Nothing;
              for (Type E : Types)
                Nothing.push_back(
                    arith::ConstantOp::create(B, L.Loc, B.getZeroAttr(E)));
              scf::YieldOp::create(B, L.Loc, Nothing);
              Coming = If.getResults();
            }
            SmallVector<Value> Now(In.drop_back());
            for (int64_t K = 0; K < T.Depth; ++K)
              Now = term(Here, L.index(K), A, C, Tile, Now);
            Finish(Coming, Other);
            closeScope(Mark);
            Now.push_back(Other);
            scf::YieldOp::create(B, L.Loc, Now);
          });
      Acc.assign(Loop.getResults().begin(), Loop.getResults().end());
      Buffer = Acc.pop_back_val();
    }
    // What is left of the terms.
    auto Left = [&](ValueRange In) {
      size_t Mark = openScope();
      Arrive();
      SmallVector<Value> Now =
          carryLoop(Zero, Rest, 1, In, [&](Value K, ValueRange In) {
            return term(Buffer, K, A, C, Tile, In);
          });
      closeScope(Mark);
      return Now;
    };
    if (std::optional<int64_t> Known = getConstantIntValue(Rest)) {
      if (*Known > 0)
        Acc = Left(Acc);
    } else {
      Value Some =
          arith::CmpIOp::create(B, L.Loc, arith::CmpIPredicate::ne, Rest, Zero);
      auto If = scf::IfOp::create(B, L.Loc, ValueRange(Acc).getTypes(), Some,
                                  /*withElseRegion=*/true);
      OpBuilder::InsertionGuard Guard(B);
      B.setInsertionPointToStart(If.thenBlock());
      SmallVector<Value> Now = Left(Acc);
      scf::YieldOp::create(B, L.Loc, Now);
      B.setInsertionPointToStart(If.elseBlock());
      scf::YieldOp::create(B, L.Loc, Acc);
      Acc.assign(If.getResults().begin(), If.getResults().end());
    }

    for (auto [Pt, In, Sum] : llvm::zip_equal(Tile, Exists, Acc)) {
      size_t Mark = openScope();
      remember(Op->getResult(0), InitAt, Pt, Lane::uniform(Sum));
      const Point &Here = Pt;
      ifThen(In, [&] { storePoints({Here}); });
      closeScope(Mark);
    }
  });
}
