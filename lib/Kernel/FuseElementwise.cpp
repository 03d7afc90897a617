//===- FuseElementwise.cpp - Elementwise ops into their consumers --------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// MLIR's elementwise fusion under a policy: nothing expensive is computed
// twice. A producer moves into a consumer if that is its only user, or if it
// costs next to nothing and need not be stored for another; a consumer with
// reductions takes it only where each element is read once. Roots never become
// producers, so an epilogue stays a separate op until `kernel-form` groups it.
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELFUSEELEMENTWISEPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

namespace {

/// Bodies beyond this many ops gain nothing from growing: their values no
/// longer fit the registers.
constexpr unsigned MaxBodyOps = 96;
/// Operands of one fused op; each is a stream of its own through the caches.
constexpr unsigned MaxOperands = 12;
/// A body of at most so many cheap ops is rather repeated than stored.
constexpr unsigned MaxRepeatedOps = 4;

unsigned bodySize(linalg::GenericOp Op) {
  return Op.getBody()->getOperations().size() - 1;
}

/// An operand read or written along every loop of more than one iteration.
bool isFullSize(linalg::GenericOp Op, OpOperand *Operand) {
  AffineMap Map = Op.getMatchingIndexingMap(Operand);
  for (auto [I, Range] : llvm::enumerate(Op.getStaticLoopRanges()))
    if (Range != 1 && !Map.isFunctionOfDim(I))
      return false;
  return true;
}

/// Cheap to repeat: a few adds, selects, conversions on at most one full-size
/// operand.
bool isCheap(linalg::GenericOp Op) {
  if (bodySize(Op) > MaxRepeatedOps)
    return false;
  for (Operation &Inner : Op.getBody()->without_terminator())
    if (isa<math::MathDialect>(Inner.getDialect()) ||
        isa<arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemFOp,
            arith::RemSIOp, arith::RemUIOp>(Inner) ||
        Inner.getNumRegions() != 0)
      return false;
  unsigned FullSize =
      llvm::count_if(Op.getDpsInputOperands(),
                     [&](OpOperand *O) { return isFullSize(Op, O); });
  return FullSize <= 1;
}

/// The result of \p Op is stored whatever is fused, for who cannot take \p Op
/// reads it, and reading it costs no more than what it is made of.
bool isStoredAnyway(linalg::GenericOp Op) {
  auto Bits = [](Value V) {
    Type T = getElementTypeOrSelf(V);
    return T.isIntOrFloat() ? T.getIntOrFloatBitWidth() : 64;
  };
  unsigned Stored = Bits(Op->getResult(0));
  bool Reads = llvm::any_of(Op.getDpsInputOperands(), [&](OpOperand *O) {
    return isFullSize(Op, O) && Bits(O->get()) >= Stored;
  });
  return Reads && llvm::any_of(Op->getUsers(), [](Operation *User) {
           auto Generic = dyn_cast<linalg::GenericOp>(User);
           return !Generic || isRoot(Generic);
         });
}

/// The consumer reads each element of \p Operand once.
bool readsOnce(linalg::GenericOp Consumer, OpOperand *Operand) {
  AffineMap Map = Consumer.getMatchingIndexingMap(Operand);
  return Map.isPermutation();
}

/// The body gathers from a captured tensor; repeated or moved under a reduction
/// it would be as slow as its memory.
bool gathers(linalg::GenericOp Op) {
  return llvm::any_of(Op.getBody()->without_terminator(), [](Operation &Inner) {
    return isa<tensor::ExtractOp>(Inner) || Inner.getNumRegions() != 0;
  });
}

/// \p Op can be computed on the result of a sum of products before that is
/// stored: it alone reads it, as it comes.
bool isEpilogue(linalg::GenericOp Op) {
  AffineMap Out = Op.getMatchingIndexingMap(Op.getDpsInitOperand(0));
  return llvm::any_of(Op.getDpsInputOperands(), [&](OpOperand *Operand) {
    auto Root = Operand->get().getDefiningOp<linalg::GenericOp>();
    return Root && isRoot(Root) && kindOf(Root) != "reduction" &&
           Root->hasOneUse() && isFullSize(Op, Operand) &&
           innermostLoop(Op, Op.getMatchingIndexingMap(Operand)) ==
               innermostLoop(Op, Out);
  });
}

bool shouldFuse(OpOperand *Operand) {
  auto Producer = Operand->get().getDefiningOp<linalg::GenericOp>();
  auto Consumer = dyn_cast<linalg::GenericOp>(Operand->getOwner());
  if (!Producer || !Consumer || !isElementwiseOp(Producer))
    return false;
  if (Producer->getBlock() != Consumer->getBlock())
    return false;
  if (bodySize(Producer) + bodySize(Consumer) > MaxBodyOps)
    return false;
  if (Producer->getNumOperands() + Consumer->getNumOperands() > MaxOperands + 2)
    return false;
  if (Producer.getNumResults() != 1)
    return false;
  bool Once = readsOnce(Consumer, Operand);
  if (isRoot(Consumer)) {
    // Contractions and windows read their operands many times; only plain row
    // reductions take a producer.
    if (!Once || gathers(Producer) || Consumer.getNumDpsInputs() != 1)
      return false;
    return Producer->hasOneUse();
  }
  bool OneUser = llvm::all_of(
      Producer->getUsers(), [&](Operation *User) { return User == Consumer; });
  // An epilogue stays with its root, unless its consumer is one too.
  AffineMap In = Consumer.getMatchingIndexingMap(Operand);
  if (isEpilogue(Producer) &&
      (!OneUser ||
       innermostLoop(Consumer, In) !=
           innermostLoop(Consumer, Consumer.getMatchingIndexingMap(
                                       Consumer.getDpsInitOperand(0)))))
    return false;
  // A broadcast producer is small; computing it once per element of its
  // consumer pays only if it is cheap.
  if (Once && OneUser)
    return true;
  return isCheap(Producer) && !gathers(Producer) && !isStoredAnyway(Producer);
}

struct FuseElementwisePass
    : lathe::kernel::impl::KernelFuseElementwisePassBase<FuseElementwisePass> {
  void runOnOperation() override {
    MLIRContext *Ctx = &getContext();
    RewritePatternSet Patterns(Ctx);
    linalg::populateElementwiseOpsFusionPatterns(Patterns, shouldFuse);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(Patterns);
    linalg::GenericOp::getCanonicalizationPatterns(Patterns, Ctx);
    GreedyRewriteConfig Config;
    Config.setUseTopDownTraversal();
    // Loop kernels are opaque.
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(Patterns), Config)))
      getOperation().emitWarning("elementwise fusion did not converge");
  }
};

} // namespace
