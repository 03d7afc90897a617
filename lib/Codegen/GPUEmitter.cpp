//===- GPUEmitter.cpp - Blocks and threads for one nest -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What all forms share, and the form Points.
//
//===----------------------------------------------------------------------===//

#include "GPUEmitter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

Value lathe::codegen::makeShared(OpBuilder &B, Location Loc,
                                 ArrayRef<int64_t> Shape, Type Element) {
  auto T = MemRefType::get(Shape, Element, MemRefLayoutAttrInterface(),
                           B.getI64IntegerAttr(SharedSpace));
  return memref::AllocaOp::create(B, Loc, T, B.getI64IntegerAttr(16));
}

Value lathe::codegen::threadNumber(OpBuilder &B, Location Loc,
                                   int64_t Threads) {
  return gpu::ThreadIdOp::create(B, Loc, gpu::Dimension::x,
                                 B.getIndexAttr(Threads));
}

Value lathe::codegen::blockNumber(OpBuilder &B, Location Loc) {
  return gpu::BlockIdOp::create(B, Loc, gpu::Dimension::x,
                                B.getIndexAttr(GPUMaxBlocks));
}

Value lathe::codegen::numBlocks(OpBuilder &B, Location Loc) {
  return gpu::GridDimOp::create(B, Loc, gpu::Dimension::x,
                                B.getIndexAttr(GPUMaxBlocks));
}

//===----------------------------------------------------------------------===//
// Arithmetic on numbers
//===----------------------------------------------------------------------===//

Value GPUEmitter::less(Value X, Value Y) {
  return arith::CmpIOp::create(B, L.Loc, arith::CmpIPredicate::ult, X, Y);
}

Value GPUEmitter::ceilDiv(Value X, int64_t Y) {
  if (Y == 1)
    return X;
  Value Up = B.createOrFold<arith::AddIOp>(L.Loc, X, L.index(Y - 1));
  return B.createOrFold<arith::DivUIOp>(L.Loc, Up, L.index(Y));
}

Value GPUEmitter::product(ArrayRef<unsigned> Dims) {
  int64_t Known = 1;
  Value Product;
  for (unsigned D : Dims) {
    if (!ShapedType::isDynamic(G.Dims[D].Extent)) {
      Known *= G.Dims[D].Extent;
      continue;
    }
    Value E = extent(D);
    Product = Product ? B.createOrFold<arith::MulIOp>(L.Loc, Product, E) : E;
  }
  if (!Product)
    return L.index(Known);
  return B.createOrFold<arith::MulIOp>(L.Loc, Product, L.index(Known));
}

void GPUEmitter::spread(Value Number, ArrayRef<unsigned> Dims, Point &Pt) {
  for (unsigned I = Dims.size(); I-- > 0;) {
    unsigned D = Dims[I];
    if (I == 0) {
      Pt.At[D] = Lane::uniform(Number);
      return;
    }
    Value E = extent(D);
    Pt.At[D] = Lane::uniform(B.createOrFold<arith::RemUIOp>(L.Loc, Number, E));
    Number = B.createOrFold<arith::DivUIOp>(L.Loc, Number, E);
  }
}

Point GPUEmitter::origin() const {
  Point Pt;
  Pt.At.assign(G.Dims.size(), Lane::index(0));
  return Pt;
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void GPUEmitter::ifThen(Value Condition, llvm::function_ref<void()> Body) {
  auto If = scf::IfOp::create(B, L.Loc, Condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard Guard(B);
  B.setInsertionPointToStart(If.thenBlock());
  size_t Mark = openScope();
  Body();
  closeScope(Mark);
}

void GPUEmitter::overBlocks(Value Count, llvm::function_ref<void(Value)> Body) {
  Value First = blockNumber(B, L.Loc);
  Value Step = numBlocks(B, L.Loc);
  scf::ForOp::create(B, L.Loc, First, Count, Step, ValueRange(),
                     [&](OpBuilder &, Location, Value Iv, ValueRange) {
                       size_t Mark = openScope();
                       Body(Iv);
                       closeScope(Mark);
                       scf::YieldOp::create(B, L.Loc);
                     });
}

//===----------------------------------------------------------------------===//
// Points
//===----------------------------------------------------------------------===//

void GPUEmitter::emitElements(unsigned Width) {
  // In units of Width elements of the dimension on the lanes.
  SmallVector<unsigned> Dims(P.Order);
  if (Width > 1) {
    llvm::erase(Dims, unsigned(Plan.VectorDim));
    Dims.push_back(Plan.VectorDim);
  }
  Value Total = product(Dims);
  if (Width > 1)
    Total = B.createOrFold<arith::DivUIOp>(L.Loc, Total, L.index(Width));
  overBlocks(ceilDiv(Total, GPUThreads), [&](Value Block) {
    Value Number = B.createOrFold<arith::AddIOp>(
        L.Loc, B.createOrFold<arith::MulIOp>(L.Loc, Block, L.index(GPUThreads)),
        Thread);
    ifThen(less(Number, Total), [&] {
      Point Pt = origin();
      if (Width == 1) {
        spread(Number, Dims, Pt);
      } else {
        unsigned D = Plan.VectorDim;
        int64_t Units = G.Dims[D].Extent / Width;
        Value Unit = Number;
        ArrayRef<unsigned> Outer = ArrayRef(Dims).drop_back();
        if (!Outer.empty()) {
          Unit = B.createOrFold<arith::RemUIOp>(L.Loc, Number, L.index(Units));
          spread(B.createOrFold<arith::DivUIOp>(L.Loc, Number, L.index(Units)),
                 Outer, Pt);
        }
        Pt.S.Width = Width;
        Pt.At[D] = {B.createOrFold<arith::MulIOp>(L.Loc, Unit, L.index(Width)),
                    false, 0, 1, Width};
      }
      storePoints({Pt});
    });
  });
}

void GPUEmitter::emitPoints() {
  if (Plan.Width == 1) {
    emitElements(1);
    return;
  }
  // Vectors where all of the memory is aligned to them.
  constexpr int64_t MostBytes = 16;
  int64_t Bytes = 1;
  SmallVector<Value> Memory;
  auto Add = [&](Value M) {
    Bytes = std::max<int64_t>(
        Bytes, Plan.Width *
                   cast<MemRefType>(M.getType()).getElementTypeBitWidth() / 8);
    if (!llvm::is_contained(Memory, M))
      Memory.push_back(M);
  };
  for (const NestGraph::Access &A : G.Accesses)
    Add(Ctx.memref(A.Tensor));
  for (const NestGraph::Store &S : G.Stores)
    Add(Ctx.Outs[S.Result]);
  Bytes = std::min(Bytes, MostBytes);
  Value Low;
  for (Value M : Memory) {
    Value Address = memref::ExtractAlignedPointerAsIndexOp::create(B, L.Loc, M);
    Low = Low ? arith::OrIOp::create(B, L.Loc, Low, Address).getResult()
              : Address;
  }
  Low = arith::AndIOp::create(B, L.Loc, Low, L.index(Bytes - 1));
  Value Aligned = arith::CmpIOp::create(B, L.Loc, arith::CmpIPredicate::eq, Low,
                                        L.index(0));
  auto If = scf::IfOp::create(B, L.Loc, Aligned, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard Guard(B);
  B.setInsertionPointToStart(If.thenBlock());
  emitElements(Plan.Width);
  auto Align = [&](auto Op) {
    int64_t Own = Plan.Width * Op.getMemRefType().getElementTypeBitWidth() / 8;
    Op.setAlignment(std::min(Own, MostBytes));
  };
  If.thenBlock()->walk([&](vector::LoadOp Op) { Align(Op); });
  If.thenBlock()->walk([&](vector::StoreOp Op) { Align(Op); });
  B.setInsertionPointToStart(If.elseBlock());
  emitElements(1);
}

void GPUEmitter::emit() {
  Thread = threadNumber(B, L.Loc, GPUThreads);
  switch (Plan.Kind) {
  case GPUPlan::Form::Points:
    return emitPoints();
  case GPUPlan::Form::Rows:
    return emitRows();
  case GPUPlan::Form::Tiles:
    return emitTiles();
  }
}

SmallVector<kernel::BlocksAttr> GPUEmitter::blocks() const {
  auto Group = [&](ArrayRef<unsigned> Dims, int64_t Step) {
    int64_t Known = 1;
    SmallVector<int64_t> Dynamic;
    for (unsigned D : Dims) {
      if (ShapedType::isDynamic(G.Dims[D].Extent))
        Dynamic.push_back(D); // the anchor's own: never a merged one
      else
        Known *= G.Dims[D].Extent;
    }
    return kernel::BlocksAttr::get(B.getContext(), Known, Step, Dynamic);
  };
  switch (Plan.Kind) {
  case GPUPlan::Form::Points:
    return {Group(P.Order, int64_t(GPUThreads) * Plan.Width)};
  case GPUPlan::Form::Rows:
    return {Group(Plan.Outer, GPUThreads / Plan.ThreadsPerRow)};
  case GPUPlan::Form::Tiles: {
    SmallVector<kernel::BlocksAttr> R;
    if (!Plan.Batch.empty())
      R.push_back(Group(Plan.Batch, 1));
    R.push_back(Group(Plan.Rows, Plan.Tile.rows()));
    R.push_back(Group(Plan.Columns, Plan.Tile.columns()));
    return R;
  }
  }
  llvm_unreachable("covered switch");
}

//===----------------------------------------------------------------------===//
// Halos
//===----------------------------------------------------------------------===//

void lathe::codegen::fillByAll(KernelContext &Ctx, const Halo &H) {
  OpBuilder &B = Ctx.B;
  Location Loc = Ctx.Loc;
  auto Index = [&](int64_t V) -> Value {
    return arith::ConstantIndexOp::create(B, Loc, V);
  };
  auto Ty = cast<MemRefType>(H.Out.getType());
  Value Threads = Index(GPUThreads);
  Value First = B.createOrFold<arith::AddIOp>(
      Loc, B.createOrFold<arith::MulIOp>(Loc, blockNumber(B, Loc), Threads),
      threadNumber(B, Loc, GPUThreads));
  Value Step = B.createOrFold<arith::MulIOp>(Loc, numBlocks(B, Loc), Threads);
  Value Count = Index(1);
  for (Value Size : H.Whole)
    Count = B.createOrFold<arith::MulIOp>(Loc, Count, Size);
  auto Loop = scf::ForOp::create(B, Loc, First, Count, Step);
  OpBuilder::InsertionGuard Guard(B);
  B.setInsertionPointToStart(Loop.getBody());
  Value Rest = Loop.getInductionVar(), Outside;
  SmallVector<Value> At(Ty.getRank());
  for (int64_t D = Ty.getRank(); D-- > 0;) {
    At[D] =
        D == 0 ? Rest : B.createOrFold<arith::RemUIOp>(Loc, Rest, H.Whole[D]);
    if (D > 0)
      Rest = B.createOrFold<arith::DivUIOp>(Loc, Rest, H.Whole[D]);
    if (!H.mayBeBelow(D) && !H.mayBeAbove(D))
      continue;
    // Below it wraps around to something large.
    Value Beyond = arith::CmpIOp::create(
        B, Loc, arith::CmpIPredicate::uge,
        B.createOrFold<arith::SubIOp>(Loc, At[D], H.Begin[D]),
        B.createOrFold<arith::SubIOp>(Loc, H.End[D], H.Begin[D]));
    Outside = Outside
                  ? arith::OrIOp::create(B, Loc, Outside, Beyond).getResult()
                  : Beyond;
  }
  if (!Outside)
    return;
  auto If = scf::IfOp::create(B, Loc, Outside, /*withElseRegion=*/false);
  B.setInsertionPointToStart(If.thenBlock());
  memref::StoreOp::create(B, Loc, H.Scalar, H.Out, At);
}
