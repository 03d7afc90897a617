//===- RecordInterface.cpp - What the model takes and gives, kept ---------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Bufferization rewrites the signature of @main. Names, element types as ONNX
// has them, symbolic dimensions and keys of maps move to the module before it
// does.
//
//===----------------------------------------------------------------------===//

#include "lathe/Target/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe::target {
#define GEN_PASS_DEF_RECORDINTERFACE
#include "lathe/Target/Passes.h.inc"
} // namespace lathe::target

using namespace mlir;

/// The declared type with what later stages found out of its sizes.
static Type merge(Type Declared, Type Now) {
  auto D = dyn_cast<RankedTensorType>(Declared);
  auto N = dyn_cast<RankedTensorType>(Now);
  if (!D || !N || D.getRank() != N.getRank())
    return Declared;
  SmallVector<int64_t> Shape(D.getShape());
  for (auto [Size, Known] : llvm::zip_equal(Shape, N.getShape()))
    if (ShapedType::isDynamic(Size))
      Size = Known;
  return RankedTensorType::get(Shape, D.getElementType());
}

static ArrayAttr
record(Builder &B, TypeRange Types,
       llvm::function_ref<Attribute(unsigned, StringRef)> Get) {
  SmallVector<Attribute> List;
  for (auto [I, T] : llvm::enumerate(Types)) {
    auto Name = dyn_cast_or_null<StringAttr>(Get(I, "onnx.name"));
    auto Declared = dyn_cast_or_null<TypeAttr>(Get(I, "onnx.type"));
    auto Dims = dyn_cast_or_null<ArrayAttr>(Get(I, "onnx.dims"));
    NamedAttrList Entry;
    Entry.set("name", Name ? Name : B.getStringAttr(""));
    Entry.set("type",
              TypeAttr::get(Declared ? merge(Declared.getValue(), T) : T));
    Entry.set("dims", Dims ? Dims : B.getArrayAttr({}));
    if (Attribute Keys = Get(I, "onnx.keys"))
      Entry.set("keys", Keys);
    List.push_back(Entry.getDictionary(B.getContext()));
  }
  return B.getArrayAttr(List);
}

namespace {
struct RecordInterface
    : lathe::target::impl::RecordInterfaceBase<RecordInterface> {
  void runOnOperation() override {
    auto Main = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!Main) {
      getOperation().emitError("no func.func @main");
      return signalPassFailure();
    }
    Builder B(&getContext());
    getOperation()->setAttr(
        "lathe.inputs",
        record(B, Main.getArgumentTypes(), [&](unsigned I, StringRef Name) {
          return Main.getArgAttr(I, Name);
        }));
    getOperation()->setAttr(
        "lathe.outputs",
        record(B, Main.getResultTypes(), [&](unsigned I, StringRef Name) {
          return Main.getResultAttr(I, Name);
        }));
  }
};
} // namespace
