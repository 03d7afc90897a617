//===- BufferizationModels.cpp - How kernel ops bufferize ----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// kernel.call writes its outs and only reads its ins; kernel.weight is memory
// that nobody may write.
//
//===----------------------------------------------------------------------===//

#include "lathe/Codegen/Registration.h"
#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace lathe;

namespace {

struct CallModel
    : DstBufferizableOpInterfaceExternalModel<CallModel, kernel::CallOp> {
  bool bufferizesToMemoryRead(Operation *Op, OpOperand &Operand,
                              const AnalysisState &State) const {
    auto Call = cast<kernel::CallOp>(Op);
    if (!Call.isDpsInit(&Operand))
      return true;
    // An empty tensor has nothing to read; of any other destination the kernel
    // keeps what it does not overwrite.
    return !Operand.get().getDefiningOp<tensor::EmptyOp>();
  }

  LogicalResult bufferize(Operation *Op, RewriterBase &Rewriter,
                          const BufferizationOptions &Options,
                          BufferizationState &State) const {
    auto Call = cast<kernel::CallOp>(Op);
    SmallVector<Value> Ins, Outs;
    auto ToBuffer = [&](Value V) -> FailureOr<Value> {
      if (!isa<TensorType>(V.getType()))
        return V;
      return getBuffer(Rewriter, V, Options, State);
    };
    for (Value V : Call.getIns()) {
      FailureOr<Value> Buffer = ToBuffer(V);
      if (failed(Buffer))
        return failure();
      Ins.push_back(*Buffer);
    }
    for (Value V : Call.getOuts()) {
      FailureOr<Value> Buffer = ToBuffer(V);
      if (failed(Buffer))
        return failure();
      Outs.push_back(*Buffer);
    }
    Rewriter.setInsertionPoint(Op);
    kernel::CallOp::create(Rewriter, Op->getLoc(), TypeRange(),
                           Call.getCallee(), Ins, Outs);
    replaceOpWithBufferizedValues(Rewriter, Op, Outs);
    return success();
  }
};

struct WeightModel
    : BufferizableOpInterface::ExternalModel<WeightModel, kernel::WeightOp> {
  bool isWritable(Operation *, Value, const AnalysisState &) const {
    return false;
  }

  LogicalResult bufferize(Operation *Op, RewriterBase &Rewriter,
                          const BufferizationOptions &,
                          BufferizationState &) const {
    auto Weight = cast<kernel::WeightOp>(Op);
    auto Type = cast<RankedTensorType>(Weight.getType());
    replaceOpWithNewBufferizedOp<kernel::WeightOp>(
        Rewriter, Op, MemRefType::get(Type.getShape(), Type.getElementType()),
        Weight.getValue(), Weight.getPackingAttr(), Weight.getOffsetAttr());
    return success();
  }
};

} // namespace

void codegen::registerBufferizationModels(DialectRegistry &Registry) {
  Registry.addExtension(+[](MLIRContext *Context, kernel::KernelDialect *) {
    kernel::CallOp::attachInterface<CallModel>(*Context);
    kernel::WeightOp::attachInterface<WeightModel>(*Context);
  });
}
