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
// of the block bring rows and columns into shared memory, producers applied on
// the way; then each adds its square of points in registers.
//
// Beyond an edge the last row, column or term is loaded again, which keeps all
// addresses within the operands; what is computed from it is not stored, and
// terms beyond the last are not added.
//
//===----------------------------------------------------------------------===//

#include "GPUEmitter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
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
  /// Rows or columns in the tile; in all; the number of the first.
  int64_t Size;
  Value Total, Start;
  Point Batch;
  ArrayRef<unsigned> Depth;
  Value Terms;
  /// [terms, rows or columns] in shared memory.
  Value Memory;
  int64_t TileDepth;
  /// The first of this thread's elements, of PerThread.
  Value Mine;
  int64_t PerThread;
};

/// Brings the terms from \p First on into shared memory.
void GPUEmitter::loadSide(const Side &S, Value First) {
  int64_t Elements = S.Size * S.TileDepth;
  auto Last = [&](Value Total) {
    return B.createOrFold<arith::SubIOp>(L.Loc, Total, L.index(1));
  };
  Value LastRow = Last(S.Total), LastTerm = Last(S.Terms);
  SmallVector<Value> Loaded, Where;
  auto Place = [&](int64_t From) {
    Value E = B.createOrFold<arith::AddIOp>(L.Loc, Thread, L.index(From));
    int64_t Fast = S.AlongDepth ? S.TileDepth : S.Size;
    Value Low = B.createOrFold<arith::RemUIOp>(L.Loc, E, L.index(Fast));
    Value High = B.createOrFold<arith::DivUIOp>(L.Loc, E, L.index(Fast));
    Value Term = S.AlongDepth ? Low : High, Row = S.AlongDepth ? High : Low;
    Value K = arith::MinUIOp::create(
        B, L.Loc, B.createOrFold<arith::AddIOp>(L.Loc, First, Term), LastTerm);
    Value R = arith::MinUIOp::create(
        B, L.Loc, B.createOrFold<arith::AddIOp>(L.Loc, S.Start, Row), LastRow);
    Point Pt = S.Batch;
    spread(R, S.Dims, Pt);
    spread(K, S.Depth, Pt);
    size_t Mark = openScope();
    Value V = L.scalar(element(S.Operand, S.At, Pt));
    closeScope(Mark);
    Loaded.push_back(V);
    Where.append({Term, Row});
  };
  auto Write = [&] {
    for (auto [I, V] : llvm::enumerate(Loaded))
      memref::StoreOp::create(B, L.Loc, V, S.Memory,
                              ValueRange{Where[2 * I], Where[2 * I + 1]});
  };
  int64_t Whole = Elements / GPUThreads * GPUThreads;
  for (int64_t From = 0; From < Whole; From += GPUThreads)
    Place(From);
  Write();
  if (Whole < Elements)
    ifThen(less(Thread, L.index(Elements - Whole)), [&] {
      Loaded.clear();
      Where.clear();
      Place(Whole);
      Write();
    });
}

/// Adds term \p K of the tile to all points of this thread.
SmallVector<Value> GPUEmitter::term(Value K, const Side &A, const Side &C,
                                    const Points &Tile, ValueRange Acc) {
  const NestGraph::Reduction &R = G.Reductions[Plan.Reduction];
  linalg::GenericOp Op = R.Op;
  auto Mine = [&](const Side &S) {
    Type E = cast<MemRefType>(S.Memory.getType()).getElementType();
    auto T = VectorType::get({S.PerThread}, E);
    int64_t Bytes = std::min<int64_t>(
        16, S.PerThread * llvm::divideCeil(E.getIntOrFloatBitWidth(), 8));
    Value V =
        vector::LoadOp::create(B, L.Loc, T, S.Memory, ValueRange{K, S.Mine},
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
    S.Size = Size;
    S.Total = Total;
    S.Depth = Plan.Depth;
    S.Terms = Terms;
    S.TileDepth = T.Depth;
    S.PerThread = N;
    S.Mine = B.createOrFold<arith::MulIOp>(L.Loc, Number, L.index(N));
    // Rows of odd quarters apart, so that a column of them lies in many banks.
    Type E = Op.getMatchingBlockArgument(&O).getType();
    int64_t Pad = Along ? 16 * 8 / std::max(8u, E.getIntOrFloatBitWidth()) : 0;
    S.Memory = makeShared(B, L.Loc, {int64_t(T.Depth), Size + Pad}, E);
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

    // Whole runs of terms, then what is left.
    auto Run = [&](Value First, ValueRange In, Value Count) {
      size_t Mark = openScope();
      loadSide(A, First);
      loadSide(C, First);
      gpu::BarrierOp::create(B, L.Loc);
      SmallVector<Value> Now(In);
      if (!Count) {
        for (int64_t K = 0; K < T.Depth; ++K)
          Now = term(L.index(K), A, C, Tile, Now);
      } else {
        Now = carryLoop(L.index(0), Count, 1, Now, [&](Value K, ValueRange In) {
          return term(K, A, C, Tile, In);
        });
      }
      gpu::BarrierOp::create(B, L.Loc);
      closeScope(Mark);
      return Now;
    };
    Value Rest = B.createOrFold<arith::RemUIOp>(L.Loc, Terms, L.index(T.Depth));
    Value Whole = B.createOrFold<arith::SubIOp>(L.Loc, Terms, Rest);
    if (std::optional<int64_t> W = getConstantIntValue(Whole); !W || *W > 0) {
      auto Loop = scf::ForOp::create(
          B, L.Loc, L.index(0), Whole, L.index(T.Depth), Acc,
          [&](OpBuilder &, Location, Value First, ValueRange In) {
            SmallVector<Value> Now = Run(First, In, nullptr);
            scf::YieldOp::create(B, L.Loc, Now);
          });
      Acc.assign(Loop.getResults().begin(), Loop.getResults().end());
    }
    if (std::optional<int64_t> Left = getConstantIntValue(Rest)) {
      if (*Left > 0)
        Acc = Run(Whole, Acc, Rest);
    } else {
      Value Some = arith::CmpIOp::create(B, L.Loc, arith::CmpIPredicate::ne,
                                         Rest, L.index(0));
      auto If = scf::IfOp::create(B, L.Loc, ValueRange(Acc).getTypes(), Some,
                                  /*withElseRegion=*/true);
      OpBuilder::InsertionGuard Guard(B);
      B.setInsertionPointToStart(If.thenBlock());
      SmallVector<Value> Now = Run(Whole, Acc, Rest);
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
