//===- PlanArena.cpp - Every buffer of main in the workspace -------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lifetimes are counted over main's ops in program order; a buffer lives from
// its first to its last use through any view of it, and through the whole of a
// loop that uses it from outside. Buffers of static size are placed by
// `planArena`; those of dynamic size share slots behind them, each as large as
// the largest of its tenants. Their sizes are computed at the entry of main
// from the dimensions of the inputs, or bounded by them where they depend on
// data, and the function @workspace_bytes is made of the same expressions. What
// nothing bounds is left to the allocator of the call (kernel.allocate).
//
//===----------------------------------------------------------------------===//

#include "Bytes.h"
#include "Main.h"
#include "lathe/Codegen/ArenaPlan.h"
#include "lathe/Codegen/Passes.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/MathExtras.h"

namespace lathe::codegen {
#define GEN_PASS_DEF_CODEGENPLANARENAPASS
#include "lathe/Codegen/Passes.h.inc"
} // namespace lathe::codegen

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

namespace {

//===----------------------------------------------------------------------===//
// Lifetimes
//===----------------------------------------------------------------------===//

/// Numbers main's ops; an op with regions spans those inside it.
class Positions {
public:
  explicit Positions(func::FuncOp Main) { number(Main.getBody()); }

  unsigned first(Operation *Op) const { return Spans.lookup(Op).first; }
  unsigned last(Operation *Op) const { return Spans.lookup(Op).second; }

private:
  void number(Region &R) {
    for (Block &B : R)
      for (Operation &Op : B) {
        unsigned Begin = Next++;
        for (Region &Inner : Op.getRegions())
          number(Inner);
        Spans[&Op] = {Begin, Op.getNumRegions() ? Next++ : Begin};
      }
  }

  unsigned Next = 0;
  llvm::DenseMap<Operation *, std::pair<unsigned, unsigned>> Spans;
};

Lifetime lifetimeOf(memref::AllocOp Alloc, const BufferViewFlowAnalysis &Views,
                    const Positions &Where) {
  Lifetime Life;
  Life.Begin = ~0u;
  auto Include = [&](Operation *User) {
    // In a loop that the buffer outlives, a use happens all through the loop.
    Operation *Span = User;
    for (Operation *Op = User; Op && Op->getBlock() != Alloc->getBlock();
         Op = Op->getParentOp())
      if (isa_and_nonnull<LoopLikeOpInterface>(Op->getParentOp()) &&
          !Op->getParentOp()->isAncestor(Alloc))
        Span = Op->getParentOp();
    Life.Begin = std::min(Life.Begin, Where.first(Span));
    Life.End = std::max(Life.End, Where.last(Span));
  };
  for (Value Alias : Views.resolve(Alloc))
    for (Operation *User : Alias.getUsers())
      // A view has no effect of its own; what uses it counts.
      if (!isa<ViewLikeOpInterface, memref::DimOp>(User))
        Include(User);
  if (Life.Begin == ~0u)
    Life.Begin = Life.End = Where.first(Alloc);
  return Life;
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// Rebuilds sizes from the dimensions of main's inputs: exactly where possible,
/// otherwise as an upper bound of them.
class SizeBuilder {
public:
  /// \p Dim gives the size of a dimension of an argument of main.
  SizeBuilder(OpBuilder &B,
              llvm::function_ref<Value(BlockArgument, int64_t)> Dim)
      : B(B), Dim(Dim) {}

  /// \p V, or null if it depends on anything but inputs' dimensions.
  Value exact(Value V, unsigned Depth = 0);
  /// Something at least as large as \p V, which is not negative, or null.
  Value bound(Value V, unsigned Depth = 0);

private:
  Value boundByUse(Value V, unsigned Depth);

  OpBuilder &B;
  llvm::function_ref<Value(BlockArgument, int64_t)> Dim;
  llvm::DenseMap<Value, Value> Exact, Bounds;
  static constexpr unsigned MaxDepth = 256;
};

Value SizeBuilder::exact(Value V, unsigned Depth) {
  auto It = Exact.find(V);
  if (It != Exact.end())
    return It->second;
  Operation *Def = V.getDefiningOp();
  Value Result;
  if (!Def || Depth > MaxDepth) {
    Result = nullptr;
  } else if (auto DimOp = dyn_cast<memref::DimOp>(Def)) {
    auto Arg = dyn_cast<BlockArgument>(DimOp.getSource());
    std::optional<int64_t> Index = DimOp.getConstantIndex();
    if (Arg && Index && isa<func::FuncOp>(Arg.getOwner()->getParentOp()))
      Result = Dim(Arg, *Index);
  } else if (isa<arith::ArithDialect>(Def->getDialect()) &&
             Def->getNumRegions() == 0) {
    IRMapping Map;
    bool Known = true;
    for (Value Operand : Def->getOperands()) {
      Value New = exact(Operand, Depth + 1);
      Known &= bool(New);
      if (!New)
        break;
      Map.map(Operand, New);
    }
    if (Known)
      Result =
          B.clone(*Def, Map)->getResult(cast<OpResult>(V).getResultNumber());
  }
  return Exact[V] = Result;
}

/// A size that cuts a part off a buffer, from its beginning, is at most the
/// buffer's: the form in which data-dependent counts appear.
Value SizeBuilder::boundByUse(Value V, unsigned Depth) {
  for (OpOperand &Use : V.getUses()) {
    auto Cut = dyn_cast<memref::SubViewOp>(Use.getOwner());
    if (!Cut)
      continue;
    for (auto [D, Size] : llvm::enumerate(Cut.getMixedSizes())) {
      if (llvm::dyn_cast_if_present<Value>(Size) != V)
        continue;
      auto Source = cast<MemRefType>(Cut.getSource().getType());
      Location Loc = Cut.getLoc();
      if (!Source.isDynamicDim(D))
        return arith::ConstantIndexOp::create(B, Loc, Source.getDimSize(D));
      Operation *Def = Cut.getSource().getDefiningOp();
      ValueRange Sizes;
      if (auto Alloc = dyn_cast_or_null<memref::AllocOp>(Def))
        Sizes = Alloc.getDynamicSizes();
      else if (auto Slot = dyn_cast_or_null<kernel::SlotOp>(Def))
        Sizes = Slot.getSizes();
      else
        continue;
      if (Value Found = bound(Sizes[Source.getDynamicDimIndex(D)], Depth + 1))
        return Found;
    }
  }
  return nullptr;
}

Value SizeBuilder::bound(Value V, unsigned Depth) {
  if (Value Known = exact(V))
    return Known;
  auto It = Bounds.find(V);
  if (It != Bounds.end())
    return It->second;
  Bounds[V] = nullptr; // cut cycles
  Operation *Def = V.getDefiningOp();
  Location Loc = V.getLoc();
  Value Result;
  auto Both = [&](auto Combine) -> Value {
    Value L = bound(Def->getOperand(0), Depth + 1),
          R = bound(Def->getOperand(1), Depth + 1);
    return L && R ? Combine(L, R) : nullptr;
  };
  auto Max = [&](Value L, Value R) -> Value {
    return arith::MaxSIOp::create(B, Loc, L, R);
  };
  if (Depth > MaxDepth)
    return nullptr;
  if (!Def) {
    // An induction variable stays below its loop's upper bound.
    auto Arg = cast<BlockArgument>(V);
    if (auto For = dyn_cast<scf::ForOp>(Arg.getOwner()->getParentOp());
        For && For.getInductionVar() == V)
      Result = bound(For.getUpperBound(), Depth + 1);
  } else if (isa<arith::AddIOp, arith::MulIOp>(Def)) {
    Result = Both([&](Value L, Value R) -> Value {
      IRMapping Map;
      Map.map(Def->getOperand(0), L);
      Map.map(Def->getOperand(1), R);
      return B.clone(*Def, Map)->getResult(0);
    });
  } else if (isa<arith::MaxSIOp, arith::MaxUIOp>(Def)) {
    Result = Both(Max);
  } else if (isa<arith::MinSIOp, arith::MinUIOp>(Def)) {
    Value L = bound(Def->getOperand(0), Depth + 1),
          R = bound(Def->getOperand(1), Depth + 1);
    Result = L && R ? Value(arith::MinSIOp::create(B, Loc, L, R)) : L ? L : R;
  } else if (auto Select = dyn_cast<arith::SelectOp>(Def)) {
    Value L = bound(Select.getTrueValue(), Depth + 1),
          R = bound(Select.getFalseValue(), Depth + 1);
    if (L && R)
      Result = Max(L, R);
  } else if (isa<arith::SubIOp>(Def)) {
    // What is subtracted only makes it smaller, unless it is negative: a
    // constant tells.
    IntegerAttr Minus;
    if (!matchPattern(Def->getOperand(1), m_Constant(&Minus)) ||
        !Minus.getValue().isNegative())
      Result = bound(Def->getOperand(0), Depth + 1);
  } else if (isa<arith::DivSIOp, arith::DivUIOp, arith::CeilDivSIOp,
                 arith::CeilDivUIOp, arith::FloorDivSIOp>(Def)) {
    Value L = bound(Def->getOperand(0), Depth + 1),
          R = exact(Def->getOperand(1));
    if (L && R) {
      IRMapping Map;
      Map.map(Def->getOperand(0), L);
      Map.map(Def->getOperand(1), R);
      Result = B.clone(*Def, Map)->getResult(0);
    }
  } else if (isa<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp,
                 arith::ExtUIOp, arith::TruncIOp>(Def)) {
    if (Value In = bound(Def->getOperand(0), Depth + 1)) {
      IRMapping Map;
      Map.map(Def->getOperand(0), In);
      Result = B.clone(*Def, Map)->getResult(0);
    }
  }
  if (!Result)
    Result = boundByUse(V, Depth);
  return Bounds[V] = Result;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

struct PlanArenaPass : codegen::impl::CodegenPlanArenaPassBase<PlanArenaPass> {
  void runOnOperation() override {
    ModuleOp Module = getOperation();
    func::FuncOp Main = codegen::findMain(Module);
    if (!Main)
      return signalPassFailure();
    // Sizes as plain arithmetic, dimensions of views folded to those of
    // buffers.
    OpPassManager Clean(func::FuncOp::getOperationName());
    Clean.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
    Clean.addPass(createLowerAffinePass());
    Clean.addPass(createCanonicalizerPass());
    Clean.addPass(createCSEPass());
    if (failed(runPipeline(Clean, Main)))
      return signalPassFailure();

    leaveUnbounded(Main);
    SmallVector<memref::AllocOp> Static, Dynamic;
    Main.walk([&](memref::AllocOp Alloc) {
      (Alloc.getType().hasStaticShape() ? Static : Dynamic).push_back(Alloc);
    });
    BufferViewFlowAnalysis Views(Main);
    Positions Where(Main);
    SmallVector<Lifetime> Lives;
    for (memref::AllocOp Alloc : Static) {
      Lives.push_back(lifetimeOf(Alloc, Views, Where));
      Lives.back().Bytes = knownBytes(Alloc.getType());
    }
    ArenaPlan Plan = planArena(Lives);
    SmallVector<Lifetime> DynamicLives;
    for (memref::AllocOp Alloc : Dynamic)
      DynamicLives.push_back(lifetimeOf(Alloc, Views, Where));

    OpBuilder B(&getContext());
    for (auto [Alloc, Offset] : llvm::zip_equal(Static, Plan.Offsets)) {
      B.setInsertionPoint(Alloc);
      Value At = arith::ConstantIndexOp::create(B, Alloc.getLoc(), Offset);
      replace(B, Alloc, At);
    }
    if (Dynamic.empty())
      Module->setAttr("lathe.workspace_bytes", B.getI64IntegerAttr(Plan.Bytes));
    if (failed(placeDynamic(Main, Dynamic, DynamicLives, Plan.Bytes)))
      return signalPassFailure();
  }

  static void replace(OpBuilder &B, memref::AllocOp Alloc, Value Offset) {
    auto Type = MemRefType::get(Alloc.getType().getShape(),
                                Alloc.getType().getElementType());
    Value Slot = kernel::SlotOp::create(B, Alloc.getLoc(), Type, Offset,
                                        Alloc.getDynamicSizes());
    Alloc.replaceAllUsesWith(Slot);
    Alloc.erase();
  }

  /// Bytes of \p Alloc, rounded up to the alignment, by \p Sizes; null if they
  /// cannot be told.
  static Value bytesOf(OpBuilder &B, memref::AllocOp Alloc,
                       SizeBuilder &Sizes) {
    MemRefType Type = Alloc.getType();
    Location Loc = Alloc.getLoc();
    int64_t Known = knownBytes(Type);
    Value Bytes = arith::ConstantIndexOp::create(B, Loc, Known);
    for (Value Size : Alloc.getDynamicSizes()) {
      Value Bound = Sizes.bound(Size);
      if (!Bound)
        return nullptr;
      Bytes = arith::MulIOp::create(B, Loc, Bytes, Bound);
    }
    Value Align = arith::ConstantIndexOp::create(B, Loc, ArenaAlignment);
    Value Blocks = arith::CeilDivUIOp::create(B, Loc, Bytes, Align);
    return arith::MulIOp::create(B, Loc, Blocks, Align);
  }

  /// Allocations that neither an expression of the inputs' dimensions gives nor
  /// one bounds get their memory while the model runs.
  static void leaveUnbounded(func::FuncOp Main) {
    OpBuilder B(Main);
    Location Loc = Main.getLoc();
    // A trial: what it builds goes again.
    auto Trial = func::FuncOp::create(B, Loc, "trial",
                                      B.getFunctionType({}, B.getIndexType()));
    B.setInsertionPointToStart(Trial.addEntryBlock());
    auto Dim = [&](BlockArgument, int64_t) -> Value {
      return arith::ConstantIndexOp::create(B, Loc, 0);
    };
    SizeBuilder Sizes(B, Dim);
    SmallVector<memref::AllocOp> Unbounded;
    Main.walk([&](memref::AllocOp Alloc) {
      if (!Alloc.getType().hasStaticShape() && !bytesOf(B, Alloc, Sizes))
        Unbounded.push_back(Alloc);
    });
    for (memref::AllocOp Alloc : Unbounded) {
      B.setInsertionPoint(Alloc);
      auto Type = MemRefType::get(Alloc.getType().getShape(),
                                  Alloc.getType().getElementType());
      Value Memory = kernel::AllocateOp::create(B, Alloc.getLoc(), Type,
                                                Alloc.getDynamicSizes());
      Alloc.replaceAllUsesWith(Memory);
      Alloc.erase();
    }
    Trial.erase();
  }

  /// The largest of each slot's tenants, in bytes, at \p B's position.
  static FailureOr<SmallVector<Value>>
  slotBytes(OpBuilder &B, SizeBuilder &Sizes, ArrayRef<memref::AllocOp> Allocs,
            ArrayRef<unsigned> Slots, unsigned NumSlots) {
    SmallVector<Value> Bytes(NumSlots);
    for (auto [Const, Slot] : llvm::zip_equal(Allocs, Slots)) {
      memref::AllocOp Alloc = Const;
      Value Needed = bytesOf(B, Alloc, Sizes);
      if (!Needed)
        return Alloc.emitError("a buffer without a bound");
      Bytes[Slot] = Bytes[Slot] ? Value(arith::MaxUIOp::create(
                                      B, Alloc.getLoc(), Bytes[Slot], Needed))
                                : Needed;
    }
    return Bytes;
  }

  LogicalResult placeDynamic(func::FuncOp Main,
                             ArrayRef<memref::AllocOp> Allocs,
                             ArrayRef<Lifetime> Lives, int64_t StaticBytes) {
    ModuleOp Module = getOperation();
    OpBuilder B(&getContext());
    Location Loc = Main.getLoc();

    // Buffers with the same operands have the same size.
    SmallVector<unsigned> Keys, Slots;
    SmallVector<std::pair<int64_t, SmallVector<Value>>> Seen;
    for (memref::AllocOp Alloc : Allocs) {
      int64_t Known = knownBytes(Alloc.getType());
      std::pair<int64_t, SmallVector<Value>> Key{
          Known, llvm::to_vector(ValueRange(Alloc.getDynamicSizes()))};
      auto *It = llvm::find(Seen, Key);
      Keys.push_back(It - Seen.begin());
      if (It == Seen.end())
        Seen.push_back(Key);
    }
    unsigned NumSlots = assignSlots(Lives, Keys, Slots);

    // The size function, of every dynamic dimension of every input.
    SmallVector<std::pair<unsigned, int64_t>> Dims;
    for (BlockArgument Arg : Main.getArguments())
      if (auto Type = dyn_cast<MemRefType>(Arg.getType());
          Type && !Main.getArgAttr(Arg.getArgNumber(), "lathe.output"))
        for (int64_t D = 0; D < Type.getRank(); ++D)
          if (Type.isDynamicDim(D))
            Dims.push_back({Arg.getArgNumber(), D});
    B.setInsertionPointAfter(Main);
    SmallVector<Type> Indices(Dims.size(), B.getIndexType());
    auto SizeFunc =
        func::FuncOp::create(B, Loc, "workspace_bytes",
                             B.getFunctionType(Indices, B.getIndexType()));
    Block *Entry = SizeFunc.addEntryBlock();
    B.setInsertionPointToStart(Entry);
    {
      auto Dim = [&](BlockArgument Arg, int64_t D) -> Value {
        auto Type = cast<MemRefType>(Arg.getType());
        if (!Type.isDynamicDim(D))
          return arith::ConstantIndexOp::create(B, Loc, Type.getDimSize(D));
        auto *It = llvm::find(
            Dims, std::pair<unsigned, int64_t>(Arg.getArgNumber(), D));
        return Entry->getArgument(It - Dims.begin());
      };
      SizeBuilder Sizes(B, Dim);
      FailureOr<SmallVector<Value>> Bytes =
          slotBytes(B, Sizes, Allocs, Slots, NumSlots);
      if (failed(Bytes))
        return failure();
      Value Total = arith::ConstantIndexOp::create(B, Loc, StaticBytes);
      for (Value Slot : *Bytes)
        Total = arith::AddIOp::create(B, Loc, Total, Slot);
      func::ReturnOp::create(B, Loc, Total);
    }
    if (Allocs.empty())
      return success();

    // The same sums at main's entry are the offsets.
    B.setInsertionPointToStart(&Main.getBody().front());
    auto Dim = [&](BlockArgument Arg, int64_t D) -> Value {
      return memref::DimOp::create(B, Loc, Arg, D);
    };
    SizeBuilder Sizes(B, Dim);
    FailureOr<SmallVector<Value>> Bytes =
        slotBytes(B, Sizes, Allocs, Slots, NumSlots);
    if (failed(Bytes))
      return failure();
    SmallVector<Value> Offsets;
    Value Offset = arith::ConstantIndexOp::create(B, Loc, StaticBytes);
    for (Value Slot : *Bytes) {
      Offsets.push_back(Offset);
      Offset = arith::AddIOp::create(B, Loc, Offset, Slot);
    }
    for (auto [Const, Slot] : llvm::zip_equal(Allocs, Slots)) {
      memref::AllocOp Alloc = Const;
      B.setInsertionPoint(Alloc);
      replace(B, Alloc, Offsets[Slot]);
    }
    OpPassManager Clean(ModuleOp::getOperationName());
    Clean.addNestedPass<func::FuncOp>(createCanonicalizerPass());
    Clean.addNestedPass<func::FuncOp>(createCSEPass());
    return runPipeline(Clean, Module);
  }
};

} // namespace
