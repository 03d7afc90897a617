//===- BuildABI.cpp - The C entry points around @main ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `<name>_call` (ABICall.cpp), `<name>_error` (ABIErrors.cpp) and
// `<name>_model` (ABIDescription.cpp) are added to a module in the LLVM
// dialect. All names but the entry points become internal, so that any number
// of models link together.
//
//===----------------------------------------------------------------------===//

#include "ABIBuilder.h"
#include "lathe/Target/Passes.h"

namespace lathe::target {
#define GEN_PASS_DEF_BUILDABI
#include "lathe/Target/Passes.h.inc"
} // namespace lathe::target

using namespace lathe::target;
using namespace mlir;

LLVM::LLVMFuncOp ABIBuilder::makeFunction(const Twine &Symbol, Type Result,
                                          ArrayRef<Type> Arguments,
                                          LLVM::Linkage Linkage) {
  auto F = LLVM::LLVMFuncOp::create(
      B, Loc, Symbol.str(), LLVM::LLVMFunctionType::get(Result, Arguments),
      Linkage);
  F.setDsoLocal(true);
  return F;
}

LLVM::GlobalOp ABIBuilder::makeConstant(const Twine &Symbol, Type T,
                                        Attribute Value) {
  auto G = LLVM::GlobalOp::create(B, Loc, T, /*isConstant=*/true,
                                  LLVM::Linkage::Internal, Symbol.str(), Value);
  G.setDsoLocal(true);
  return G;
}

void ABIBuilder::makeAggregate(
    const Twine &Symbol, Type T,
    llvm::function_ref<Value(OpBuilder &, Value)> Build) {
  LLVM::GlobalOp G = makeConstant(Symbol, T, Attribute());
  OpBuilder At(C);
  At.createBlock(&G.getInitializerRegion());
  Value Undefined = LLVM::UndefOp::create(At, Loc, T);
  LLVM::ReturnOp::create(At, Loc, Build(At, Undefined));
}

Value ABIBuilder::string(OpBuilder &At, llvm::StringRef Text) {
  std::string Symbol = Name + "_text_" + std::to_string(Strings++);
  std::string Bytes = Text.str() + '\0';
  auto Type = LLVM::LLVMArrayType::get(IntegerType::get(C, 8), Bytes.size());
  LLVM::GlobalOp G = makeConstant(Symbol, Type, StringAttr::get(C, Bytes));
  G.setUnnamedAddr(LLVM::UnnamedAddr::Global);
  return LLVM::AddressOfOp::create(At, Loc, Ptr, Symbol);
}

LogicalResult ABIBuilder::checkBoundary() {
  Main = Module.lookupSymbol<LLVM::LLVMFuncOp>("main");
  if (!Main)
    return Module.emitError(
        "no llvm.func @main: this pass follows codegen-to-llvm");
  SmallVector<Type> Expected(3, Ptr), Sizes;
  for (const TensorInfo &T : Info.Inputs) {
    Expected.push_back(Ptr);
    SmallVector<Type> Dynamic(llvm::count(T.Shape, -1), I64);
    llvm::append_range(Expected, Dynamic);
    llvm::append_range(Sizes, Dynamic);
  }
  Expected.append(Info.Outputs.size(), Ptr);
  if (Main.getFunctionType() != LLVM::LLVMFunctionType::get(I32, Expected))
    return Main.emitError("the type of @main does not fit 'lathe.inputs' and "
                          "'lathe.outputs': "
                          "expected ")
           << LLVM::LLVMFunctionType::get(I32, Expected);
  WorkspaceBytes = Module.lookupSymbol<LLVM::LLVMFuncOp>("workspace_bytes");
  if (!Info.WorkspaceBytes && !WorkspaceBytes)
    return Module.emitError(
        "neither 'lathe.workspace_bytes' nor @workspace_bytes");
  if (WorkspaceBytes && WorkspaceBytes.getFunctionType() !=
                            LLVM::LLVMFunctionType::get(I64, Sizes))
    return WorkspaceBytes.emitError(
        "the type of @workspace_bytes does not fit 'lathe.inputs'");
  return success();
}

void ABIBuilder::hideEverything() {
  for (Operation &Op : *Module.getBody()) {
    if (auto F = dyn_cast<LLVM::LLVMFuncOp>(Op)) {
      if (F.isExternal())
        continue;
      F.setLinkage(LLVM::Linkage::Internal);
      F.setDsoLocal(true);
    } else if (auto G = dyn_cast<LLVM::GlobalOp>(Op)) {
      G.setLinkage(LLVM::Linkage::Internal);
      G.setDsoLocal(true);
    }
  }
}

void ABIBuilder::buildWeights() {
  if (!Info.WeightsBytes)
    return;
  auto Type =
      LLVM::LLVMArrayType::get(IntegerType::get(C, 8), Info.WeightsBytes);
  LLVM::GlobalOp G = LLVM::GlobalOp::create(
      B, Loc, Type, /*isConstant=*/true, LLVM::Linkage::External,
      Name + "_weights", Attribute(), /*alignment=*/64);
  G.setVisibility_(LLVM::Visibility::Hidden);
  G.setDsoLocal(true);
  G.setSection(".lathe_weights");
  OpBuilder At(C);
  At.createBlock(&G.getInitializerRegion());
  LLVM::ReturnOp::create(At, Loc,
                         LLVM::ZeroOp::create(At, Loc, Type).getResult());
}

LogicalResult ABIBuilder::build(llvm::StringRef Version,
                                llvm::StringRef Options) {
  if (failed(checkBoundary()))
    return failure();
  hideEverything();
  buildWeights();
  buildCall();
  buildWorkspace();
  buildError();
  buildModel(Version, Options);
  return success();
}

namespace {
struct BuildABI : lathe::target::impl::BuildABIBase<BuildABI> {
  using BuildABIBase::BuildABIBase;

  void runOnOperation() override {
    FailureOr<ModelInfo> Info = ModelInfo::read(getOperation());
    if (failed(Info) || failed(ABIBuilder(getOperation(), std::move(*Info),
                                          name, pointerBits / 8)
                                   .build(version, recorded)))
      signalPassFailure();
  }
};
} // namespace
