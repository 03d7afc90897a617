//===- Fallback.cpp - Scalar loops for any body ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fallback.h"
#include "ParallelLoops.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/Bufferize.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

/// Largest temporary that may lie on the stack.
static constexpr int64_t MaxStackBytes = 256 * 1024;

LogicalResult lathe::codegen::emitFallback(KernelContext &Ctx, Block &Body,
                                           Operation *Function, bool Heap) {
  OpBuilder &B = Ctx.B;
  Location Loc = Ctx.Loc;

  // One iteration, the first of the grid, does everything.
  if (Ctx.Lo) {
    Value Zero = arith::ConstantIndexOp::create(B, Loc, 0);
    Value One = arith::ConstantIndexOp::create(B, Loc, 1);
    auto Once =
        scf::ForOp::create(B, Loc, arith::MaxSIOp::create(B, Loc, Ctx.Lo, Zero),
                           arith::MinSIOp::create(B, Loc, Ctx.Hi, One), One);
    B.setInsertionPointToStart(Once.getBody());
  }

  IRMapping Map;
  for (BlockArgument A : Body.getArguments()) {
    Value New = Ctx.Arguments.lookup(A);
    auto Ty = dyn_cast<RankedTensorType>(A.getType());
    bool IsOut = llvm::is_contained(Ctx.Outs, New);
    Map.map(A, Ty ? bufferization::ToTensorOp::create(B, Loc, Ty, New,
                                                      /*restrict=*/true,
                                                      /*writable=*/IsOut)
                        .getResult()
                  : New);
  }
  for (Operation &Op : Body.without_terminator())
    B.clone(Op, Map);
  for (auto [R, Out] : llvm::zip_equal(Ctx.Results, Ctx.Outs)) {
    auto M = bufferization::MaterializeInDestinationOp::create(
        B, Loc, Type(), Map.lookupOrDefault(R), Out);
    M.setRestrict(true);
    M.setWritable(true);
  }

  // tensor ops that have no buffer form of their own.
  IRRewriter Rewriter(B.getContext());
  SmallVector<tensor::PadOp> Pads;
  SmallVector<tensor::GenerateOp> Generates;
  Function->walk([&](tensor::PadOp P) { Pads.push_back(P); });
  for (tensor::PadOp P : Pads) {
    Rewriter.setInsertionPoint(P);
    if (failed(linalg::rewriteInDestinationPassingStyle(Rewriter, P)))
      return P.emitError("cannot be computed inside of a kernel");
  }
  Function->walk([&](tensor::GenerateOp G) { Generates.push_back(G); });
  for (tensor::GenerateOp G : Generates) {
    Rewriter.setInsertionPoint(G);
    if (failed(linalg::rewriteInDestinationPassingStyle(Rewriter, G)))
      return G.emitError("cannot be computed inside of a kernel");
  }

  SmallVector<kernel::LookupOp> Lookups;
  Function->walk([&](kernel::LookupOp L) { Lookups.push_back(L); });
  for (kernel::LookupOp L : Lookups) {
    Rewriter.setInsertionPoint(L);
    Value At = arith::IndexCastUIOp::create(
        Rewriter, L.getLoc(), Rewriter.getIndexType(), L.getIndex());
    Rewriter.replaceOpWithNewOp<tensor::ExtractOp>(L, L.getTable(), At);
  }

  bufferization::OneShotBufferizationOptions Options;
  Block *Entry = &Function->getRegion(0).front();
  Options.allocationFn = [Entry, Heap](OpBuilder &B, Location Loc,
                                       MemRefType Ty, ValueRange Sizes,
                                       unsigned Align) -> FailureOr<Value> {
    if (Heap)
      return memref::AllocOp::create(B, Loc, Ty, Sizes, B.getI64IntegerAttr(64))
          .getResult();
    if (!Sizes.empty() ||
        Ty.getNumElements() * int64_t(Ty.getElementTypeBitWidth() / 8 + 1) >
            MaxStackBytes)
      return emitError(Loc)
             << "needs a temporary buffer of type " << Ty
             << " inside of a kernel, which must be one of its outs instead";
    int64_t Within = 0;
    for (Operation *Op = B.getInsertionBlock()->getParentOp(); Op;
         Op = Op->getParentOp())
      Within += isa<LoopLikeOpInterface>(Op);
    OpBuilder::InsertionGuard Guard(B);
    B.setInsertionPointToStart(Entry);
    auto Scratch =
        memref::AllocaOp::create(B, Loc, Ty, B.getI64IntegerAttr(64));
    if (Within != 0)
      Scratch->setAttr(ScratchDepthAttr, B.getI64IntegerAttr(Within));
    return Scratch.getResult();
  };
  Options.memCpyFn = [](OpBuilder &B, Location Loc, Value From, Value To) {
    linalg::makeMemRefCopyOp(B, Loc, From, To);
    return success();
  };
  // The middle of a padded tensor is computed where it goes.
  bufferization::OneShotAnalysisState Analysis(Function, Options);
  if (failed(bufferization::analyzeOp(Function, Analysis)) ||
      failed(
          bufferization::eliminateEmptyTensors(Rewriter, Function, Analysis)))
    return failure();
  bufferization::BufferizationState State;
  if (failed(bufferization::runOneShotBufferize(Function, Options, State)))
    return failure();

  untieMemory(Function);
  SmallVector<linalg::LinalgOp> Ops;
  Function->walk([&](linalg::LinalgOp Op) { Ops.push_back(Op); });
  for (linalg::LinalgOp Op : Ops) {
    // A buffer copied onto itself, where the body worked in place.
    if (Op->getNumOperands() == 2 && Op->getOperand(0) == Op->getOperand(1) &&
        isa<linalg::GenericOp>(Op)) {
      Op->erase();
      continue;
    }
    Rewriter.setInsertionPoint(Op);
    if (failed(linalg::linalgOpToLoops(Rewriter, Op)))
      return Op.emitError("has no form as loops");
    Op->erase();
  }
  return success();
}
