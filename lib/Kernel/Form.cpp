//===- Form.cpp - Outline kernels and call them --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// First the groups are found, without touching the IR (Groups.cpp). Then each
// moves into a kernel.func, in program order, to where its last op stands.
//
// Padded tensors: their insertion into a filled one joins the kernel of what is
// inserted, which then writes the padding too.
//
// Scalar constants, empty tensors and fills are cloned into the kernel; every
// other value it uses from outside becomes one of its ins. The destination of a
// result is found by following the init operands up to an empty tensor (a new
// one is passed) or to a value that the kernel updates (that value is passed).
//
//===----------------------------------------------------------------------===//

#include "Groups.h"
#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELFORMPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

//===----------------------------------------------------------------------===//
// Halos
//===----------------------------------------------------------------------===//

/// The padded tensor holds all of what \p Halo inserts: other users of the
/// inside read a slice of it, so that the inside is stored once. False if some
/// user wants it dense.
bool readThroughHalo(IRRewriter &B, tensor::InsertSliceOp Halo) {
  Value Inside = Halo.getSource();
  Operation *Producer = Inside.getDefiningOp();
  SmallVector<OpOperand *> Others;
  for (OpOperand &Use : Inside.getUses()) {
    if (Use.getOwner() == Halo)
      continue;
    if (!isa<linalg::LinalgOp, tensor::ExtractSliceOp, tensor::InsertSliceOp>(
            Use.getOwner()))
      return false;
    Others.push_back(&Use);
  }
  if (Others.empty())
    return true;
  // All that the insertion needs are constants: it may follow the producer.
  auto Fill = Halo.getDest().getDefiningOp<linalg::FillOp>();
  auto Constant = Fill.getInputs()[0].getDefiningOp<arith::ConstantOp>();
  if (!Constant || !Halo.getType().hasStaticShape() ||
      !Halo.getSourceType().hasStaticShape())
    return false;
  B.setInsertionPointAfter(Producer);
  Value Start = B.clone(*Constant)->getResult(0);
  Value Empty = B.clone(*Fill.getOutputs()[0].getDefiningOp())->getResult(0);
  Value Filled =
      linalg::FillOp::create(B, Fill.getLoc(), Start, Empty).getResult(0);
  auto New = tensor::InsertSliceOp::create(
      B, Halo.getLoc(), Inside, Filled, Halo.getMixedOffsets(),
      Halo.getMixedSizes(), Halo.getMixedStrides());
  Value Slice = tensor::ExtractSliceOp::create(
      B, Halo.getLoc(), Halo.getSourceType(), New, Halo.getMixedOffsets(),
      Halo.getMixedSizes(), Halo.getMixedStrides());
  for (OpOperand *Use : Others)
    Use->set(Slice);
  B.replaceOp(Halo, New);
  B.eraseOp(Fill);
  return true;
}

/// Lets the producers of padded tensors write the padding: a tensor that is
/// padded twice, or comes from no kernel, is copied by one that does.
void prepareHalos(Block &Block) {
  IRRewriter B(Block.getParentOp()->getContext());
  for (auto Halo : llvm::to_vector(Block.getOps<tensor::InsertSliceOp>())) {
    if (!isHalo(Halo))
      continue;
    Value Inside = Halo.getSource();
    Operation *Producer = Inside.getDefiningOp();
    if (Producer && Producer->getBlock() == &Block &&
        isa<linalg::GenericOp>(Producer) && Producer->getNumResults() == 1 &&
        readThroughHalo(B, Halo))
      continue;
    // Insertions and loops write into the middle by themselves.
    if (Producer &&
        !isa<linalg::GenericOp, tensor::ExtractSliceOp, tensor::ExpandShapeOp,
             tensor::CollapseShapeOp>(Producer))
      continue;
    B.setInsertionPoint(Halo);
    Location Loc = Halo.getLoc();
    RankedTensorType Type = Halo.getSourceType();
    AffineMap Id = B.getMultiDimIdentityMap(Type.getRank());
    Value Empty = tensor::EmptyOp::create(B, Loc, Halo.getMixedSizes(),
                                          Type.getElementType());
    if (Empty.getType() != Type)
      continue;
    auto Copy = linalg::GenericOp::create(
        B, Loc, Type, Inside, Empty, {Id, Id},
        SmallVector<utils::IteratorType>(Type.getRank(),
                                         utils::IteratorType::parallel),
        [](OpBuilder &B, Location Loc, ValueRange Args) {
          linalg::YieldOp::create(B, Loc, Args[0]);
        });
    Halo.getSourceMutable().assign(Copy.getResult(0));
  }
}

//===----------------------------------------------------------------------===//
// Outlining
//===----------------------------------------------------------------------===//

class Outliner {
public:
  Outliner(ModuleOp Module)
      : Module(Module), Symbols(Module), Builder(Module.getContext()) {}

  void outline(const Group &G);

private:
  /// One result of the kernel: a value of the group that is used outside it, or
  /// a scalar of a loop, which travels in a tensor of rank 0.
  struct Out {
    OpResult Result;
    /// The operand, of an op of the group, whose value the destination
    /// replaces; null for a scalar.
    OpOperand *Init = nullptr;
    /// The value that the kernel updates; null if a new empty tensor will do.
    Value Updated;
    RankedTensorType Type;
  };

  bool inGroup(Operation *Op) const { return Op && Members.contains(Op); }
  Out findOut(OpResult Result);
  void capture(Value V, bool ThroughInit);
  Value importInit(Value V, Value Destination);
  Value import(Value V);
  Value emptyLike(const Out &O, Location Loc);

  ModuleOp Module;
  SymbolTable Symbols;
  OpBuilder Builder;
  llvm::StringMap<unsigned> Counters;

  llvm::SmallPtrSet<Operation *, 8> Members;
  llvm::SetVector<Value> Ins;
  IRMapping Map;
};

/// The operand that gives \p Result its destination, or null.
OpOperand *initOf(OpResult Result) {
  Operation *Op = Result.getOwner();
  if (auto Linalg = dyn_cast<linalg::LinalgOp>(Op))
    return Linalg.getDpsInitOperand(Result.getResultNumber());
  if (auto Insert = dyn_cast<tensor::InsertSliceOp>(Op))
    return &Insert.getDestMutable();
  if (!isa<TensorType>(Result.getType()))
    return nullptr;
  auto Loop = cast<LoopLikeOpInterface>(Op);
  MutableArrayRef<OpOperand> Inits = Loop.getInitsMutable();
  if (Result.getResultNumber() >= Inits.size())
    return nullptr;
  OpOperand &Init = Inits[Result.getResultNumber()];
  return Init.get().getType() == Result.getType() ? &Init : nullptr;
}

/// The op's value depends on what its init holds.
bool readsInit(OpOperand *Init) {
  auto Linalg = dyn_cast<linalg::LinalgOp>(Init->getOwner());
  return !Linalg || Linalg.payloadUsesValueFromOperand(Init);
}

/// A tensor that a loop writes for itself alone (the values of a TopK of which
/// only the positions are wanted): a kernel has no memory but its outs.
bool isWorkspace(OpResult Result) {
  auto T = dyn_cast<RankedTensorType>(Result.getType());
  return T && !T.hasStaticShape() && Result.use_empty() &&
         isa<LoopLikeOpInterface>(Result.getOwner()) && initOf(Result);
}

Outliner::Out Outliner::findOut(OpResult Result) {
  Out O;
  O.Result = Result;
  O.Type = dyn_cast<RankedTensorType>(Result.getType());
  if (!O.Type) {
    O.Type = RankedTensorType::get({}, Result.getType());
    return O;
  }
  OpOperand *Init = initOf(Result);
  while (Init && inGroup(Init->get().getDefiningOp()))
    Init = initOf(cast<OpResult>(Init->get()));
  O.Init = Init;
  if (!Init)
    return O;
  Value V = Init->get();
  bool Filled = false;
  while (auto Fill = V.getDefiningOp<linalg::FillOp>()) {
    V = Fill.getOutputs()[0];
    Filled = true;
  }
  if (!V.getDefiningOp<tensor::EmptyOp>() && !Filled && readsInit(Init))
    O.Updated = V;
  return O;
}

/// Collects what \p V needs from outside the kernel. \p ThroughInit: V is a
/// destination, whose shape the out argument gives.
void Outliner::capture(Value V, bool ThroughInit) {
  if (isScalarConstant(V) || inGroup(V.getDefiningOp()))
    return;
  if (auto Fill = V.getDefiningOp<linalg::FillOp>()) {
    capture(Fill.getInputs()[0], false);
    capture(Fill.getOutputs()[0], ThroughInit);
    return;
  }
  if (ThroughInit)
    return;
  if (auto Empty = V.getDefiningOp<tensor::EmptyOp>()) {
    for (Value Size : Empty.getDynamicSizes())
      capture(Size, false);
    return;
  }
  Ins.insert(V);
}

/// A copy of \p V, a destination, whose buffer is \p Destination.
Value Outliner::importInit(Value V, Value Destination) {
  if (auto Fill = V.getDefiningOp<linalg::FillOp>()) {
    Value Start = import(Fill.getInputs()[0]);
    Value To = importInit(Fill.getOutputs()[0], Destination);
    return linalg::FillOp::create(Builder, Fill.getLoc(), Start, To)
        .getResult(0);
  }
  return Destination;
}

Value Outliner::import(Value V) {
  if (Value Known = Map.lookupOrNull(V))
    return Known;
  if (isScalarConstant(V)) {
    Value Copy = Builder.clone(*V.getDefiningOp())->getResult(0);
    Map.map(V, Copy);
    return Copy;
  }
  if (auto Fill = V.getDefiningOp<linalg::FillOp>()) {
    Value Start = import(Fill.getInputs()[0]);
    Value To = import(Fill.getOutputs()[0]);
    return linalg::FillOp::create(Builder, Fill.getLoc(), Start, To)
        .getResult(0);
  }
  auto Empty = V.getDefiningOp<tensor::EmptyOp>();
  assert(Empty && "everything else was captured");
  SmallVector<Value> Sizes;
  for (Value Size : Empty.getDynamicSizes())
    Sizes.push_back(import(Size));
  return tensor::EmptyOp::create(Builder, Empty.getLoc(), Empty.getType(),
                                 Sizes);
}

/// A new destination for \p O in main, at the builder's position.
Value Outliner::emptyLike(const Out &O, Location Loc) {
  if (!O.Init)
    return tensor::EmptyOp::create(Builder, Loc, O.Type.getShape(),
                                   O.Type.getElementType());
  Value V = O.Init->get();
  while (auto Fill = V.getDefiningOp<linalg::FillOp>())
    V = Fill.getOutputs()[0];
  if (auto Empty = V.getDefiningOp<tensor::EmptyOp>())
    return Builder.clone(*Empty)->getResult(0);
  return tensor::EmptyOp::create(Builder, Loc,
                                 tensor::getMixedSizes(Builder, Loc, V),
                                 O.Type.getElementType());
}

void Outliner::outline(const Group &G) {
  Members.clear();
  Members.insert(G.Ops.begin(), G.Ops.end());
  Ins.clear();
  Map.clear();

  SmallVector<Out> Outs;
  llvm::DenseMap<OpOperand *, unsigned> Destinations;
  for (Operation *Op : G.Ops)
    for (OpResult Result : Op->getResults())
      if (isWorkspace(Result) ||
          llvm::any_of(Result.getUsers(), [&](Operation *User) {
            return !inGroup(
                Result.getOwner()->getBlock()->findAncestorOpInBlock(*User));
          })) {
        Outs.push_back(findOut(Result));
        if (Outs.back().Init)
          Destinations[Outs.back().Init] = Outs.size() - 1;
      }

  // What the group uses from outside.
  for (Operation *Op : G.Ops) {
    for (OpOperand &Operand : Op->getOpOperands())
      capture(Operand.get(), Destinations.contains(&Operand));
    llvm::SetVector<Value> Above;
    getUsedValuesDefinedAbove(Op->getRegions(), Above);
    for (Value V : Above)
      capture(V, false);
  }

  // The kernel.
  SmallVector<Type> Inputs =
      llvm::to_vector(ValueRange(Ins.getArrayRef()).getTypes());
  SmallVector<Type> Results;
  for (const Out &O : Outs)
    Results.push_back(O.Type);
  llvm::append_range(Inputs, Results);
  SmallVector<Location> Locs;
  for (Operation *Op : G.Ops)
    Locs.push_back(Op->getLoc());
  Location Loc = FusedLoc::get(Module.getContext(), Locs);

  Builder.setInsertionPointToEnd(Module.getBody());
  std::string Name = (G.Kind + "_" + Twine(Counters[G.Kind]++)).str();
  auto Kernel = FuncOp::create(
      Builder, Loc, Name, Builder.getFunctionType(Inputs, Results), G.Kind);
  Symbols.insert(Kernel);
  Block &Body = Kernel.getBody().front();
  for (auto [V, Arg] : llvm::zip(Ins, Body.getArguments()))
    Map.map(V, Arg);
  auto OutArgs = Body.getArguments().drop_front(Ins.size());
  Builder.setInsertionPointToStart(&Body);
  for (Operation *Op : G.Ops) {
    llvm::SetVector<Value> Above;
    getUsedValuesDefinedAbove(Op->getRegions(), Above);
    for (Value V : Above)
      if (!Map.contains(V))
        Map.map(V, import(V));
    IRMapping Local = Map;
    SmallVector<Value> Operands;
    for (OpOperand &Operand : Op->getOpOperands()) {
      auto It = Destinations.find(&Operand);
      Operands.push_back(It != Destinations.end()
                             ? importInit(Operand.get(), OutArgs[It->second])
                             : import(Operand.get()));
    }
    Operation *Copy = Builder.clone(*Op, Local);
    Copy->setOperands(Operands);
    Copy->removeAttr(LoopKernelAttr);
    for (auto [Old, New] : llvm::zip(Op->getResults(), Copy->getResults()))
      Map.map(Old, New);
  }
  SmallVector<Value> Returned;
  for (auto [O, Arg] : llvm::zip(Outs, OutArgs)) {
    Value V = Map.lookup(O.Result);
    if (!isa<TensorType>(V.getType()))
      V = tensor::InsertOp::create(Builder, Loc, V, Arg, ValueRange());
    Returned.push_back(V);
  }
  ReturnOp::create(Builder, Loc, Returned);

  // Its call.
  Operation *Last = G.Ops.back();
  Builder.setInsertionPoint(Last);
  SmallVector<Value> OutOperands;
  for (const Out &O : Outs)
    OutOperands.push_back(O.Updated ? O.Updated : emptyLike(O, Loc));
  auto Call = CallOp::create(Builder, Loc, Results, Name, Ins.getArrayRef(),
                             OutOperands);
  for (auto [O, New] : llvm::zip(Outs, Call.getResults())) {
    Value V = New;
    if (!isa<TensorType>(O.Result.getType()))
      V = tensor::ExtractOp::create(Builder, Loc, New, ValueRange());
    O.Result.replaceAllUsesWith(V);
  }
  for (Operation *Op : llvm::reverse(G.Ops))
    Op->erase();
}

struct FormPass : lathe::kernel::impl::KernelFormPassBase<FormPass> {
  using KernelFormPassBase::KernelFormPassBase;

  void runOnOperation() override {
    ModuleOp Module = getOperation();
    Outliner Outline(Module);
    for (auto Main : llvm::to_vector(Module.getOps<func::FuncOp>())) {
      // Blocks of structured control flow hold kernels too; bodies do not.
      SmallVector<Block *> Blocks;
      auto Collect = [&](auto &&Self, Region &R) -> void {
        for (Block &B : R) {
          Blocks.push_back(&B);
          for (Operation &Op : B)
            if (!isLoopKernel(&Op) && !isa<linalg::LinalgOp>(Op))
              for (Region &Inner : Op.getRegions())
                Self(Self, Inner);
        }
      };
      Collect(Collect, Main.getBody());
      for (Block *B : Blocks) {
        if (Epilogues)
          prepareHalos(*B);
        for (const Group &G : findGroups(*B, Epilogues))
          Outline.outline(G);
      }
      // Fills and empty tensors went into the kernels that use them; a fill
      // that something else needs is a kernel of its own.
      for (Block *B : llvm::reverse(Blocks)) {
        for (Operation &Op : llvm::make_early_inc_range(llvm::reverse(*B)))
          if (isa<linalg::FillOp, tensor::EmptyOp, arith::ConstantOp>(Op) &&
              Op.use_empty())
            Op.erase();
        for (Operation &Op : llvm::make_early_inc_range(*B))
          if (isa<linalg::FillOp>(Op))
            Outline.outline({{&Op}, "fill"});
      }
    }
  }
};

} // namespace
