//===- FunctionBoundary.cpp - Memrefs as arguments of LLVM functions ------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FunctionBoundary.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

Type lathe::codegen::pointer(MLIRContext *Ctx) {
  return LLVM::LLVMPointerType::get(Ctx);
}

Value lathe::codegen::memrefFromPointer(OpBuilder &B, Location Loc,
                                        const LLVMTypeConverter &Types,
                                        MemRefType Type, Value Pointer,
                                        llvm::function_ref<Value()> Next) {
  auto Desc = MemRefDescriptor::poison(B, Loc, Types.convertType(Type));
  Desc.setAllocatedPtr(B, Loc, Pointer);
  Desc.setAlignedPtr(B, Loc, Pointer);
  Desc.setConstantOffset(B, Loc, 0);
  int64_t Offset;
  SmallVector<int64_t> Strides;
  (void)Type.getStridesAndOffset(Strides, Offset);
  bool RowMajor = Type.getLayout().isIdentity();
  SmallVector<Value> Sizes(Type.getRank());
  for (int64_t D = 0; D < Type.getRank(); ++D) {
    if (Type.isDynamicDim(D)) {
      Sizes[D] = Next();
      Desc.setSize(B, Loc, D, Sizes[D]);
    } else {
      Desc.setConstantSize(B, Loc, D, Type.getDimSize(D));
    }
  }
  // Row-major strides follow from the sizes.
  Value Running;
  int64_t Known = 1;
  for (int64_t D = Type.getRank() - 1; D >= 0; --D) {
    if (!RowMajor)
      break;
    // Behind a dimension of size 0 a stride counts as unknown.
    if (!Running)
      Desc.setConstantStride(B, Loc, D, Known);
    else
      Desc.setStride(B, Loc, D, Running);
    if (Type.isDynamicDim(D) || Running) {
      auto I64 = Types.getIndexType();
      if (!Running)
        Running =
            LLVM::ConstantOp::create(B, Loc, I64, B.getIntegerAttr(I64, Known));
      Value Size = Sizes[D];
      if (!Size)
        Size = LLVM::ConstantOp::create(
            B, Loc, I64, B.getIntegerAttr(I64, Type.getDimSize(D)));
      Running = LLVM::MulOp::create(B, Loc, Running, Size);
    } else {
      Known *= Type.getDimSize(D);
    }
  }
  if (!RowMajor)
    for (int64_t D = 0; D < Type.getRank(); ++D) {
      if (ShapedType::isDynamic(Strides[D]))
        Desc.setStride(B, Loc, D, Next());
      else
        Desc.setConstantStride(B, Loc, D, Strides[D]);
    }
  Value Struct = Desc;
  return UnrealizedConversionCastOp::create(B, Loc, Type, Struct).getResult(0);
}

/// Number of sizes and strides that go with a pointer.
static unsigned numExtra(MemRefType Type) {
  int64_t Offset;
  SmallVector<int64_t> Strides;
  (void)Type.getStridesAndOffset(Strides, Offset);
  unsigned N = Type.getNumDynamicDims();
  if (!Type.getLayout().isIdentity())
    N += llvm::count_if(Strides, ShapedType::isDynamic);
  return N;
}

void lathe::codegen::flatten(Type T, const LLVMTypeConverter &Types,
                             SmallVectorImpl<Type> &Out) {
  auto Ref = dyn_cast<MemRefType>(T);
  if (!Ref) {
    Out.push_back(Types.convertType(T));
    return;
  }
  Out.push_back(pointer(T.getContext()));
  Out.append(numExtra(Ref), Types.getIndexType());
}

void lathe::codegen::rebuildArguments(Block &Entry, unsigned First,
                                      TypeRange Old,
                                      const LLVMTypeConverter &Types,
                                      Location Loc) {
  SmallVector<BlockArgument> OldArgs(Entry.getArguments().drop_front(First));
  OpBuilder B(&Entry, Entry.begin());
  for (BlockArgument Arg : OldArgs) {
    SmallVector<Type> Flat;
    flatten(Arg.getType(), Types, Flat);
    SmallVector<Value> New;
    for (Type T : Flat)
      New.push_back(Entry.addArgument(T, Loc));
    Value Replacement;
    if (auto Ref = dyn_cast<MemRefType>(Arg.getType())) {
      unsigned N = 1;
      Replacement = memrefFromPointer(B, Loc, Types, Ref, New[0],
                                      [&] { return New[N++]; });
    } else if (New[0].getType() == Arg.getType()) {
      Replacement = New[0];
    } else {
      Replacement =
          UnrealizedConversionCastOp::create(B, Loc, Arg.getType(), New[0])
              .getResult(0);
    }
    Arg.replaceAllUsesWith(Replacement);
  }
  Entry.eraseArguments(First, OldArgs.size());
}

LLVM::LLVMFuncOp lathe::codegen::lowerKernel(kernel::FuncOp Kernel,
                                             const LLVMTypeConverter &Types) {
  OpBuilder B(Kernel);
  MLIRContext *Ctx = B.getContext();
  Location Loc = Kernel.getLoc();
  SmallVector<Type> Flat;
  SmallVector<unsigned> Pointers;
  for (Type T : Kernel.getArgumentTypes()) {
    if (isa<MemRefType>(T))
      Pointers.push_back(Flat.size());
    flatten(T, Types, Flat);
  }
  auto Func = LLVM::LLVMFuncOp::create(
      B, Loc, Kernel.getSymName(),
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(Ctx), Flat),
      LLVM::Linkage::Internal);
  // Kept apart from main: they are few, called often, and what a profile names.
  Func.setNoInline(true);
  Func.setNoUnwind(true);
  // Bufferization never passes overlapping buffers where one is written.
  for (unsigned P : Pointers)
    Func.setArgAttr(P, LLVM::LLVMDialect::getNoAliasAttrName(),
                    B.getUnitAttr());
  Func.getBody().takeBody(Kernel.getBody());
  rebuildArguments(Func.getBody().front(), 0, Kernel.getArgumentTypes(), Types,
                   Loc);
  Func.walk([&](kernel::ReturnOp Return) {
    OpBuilder Inner(Return);
    LLVM::ReturnOp::create(Inner, Return.getLoc(), ValueRange());
    Return.erase();
  });
  Kernel.erase();
  return Func;
}

void lathe::codegen::passArguments(OpBuilder &B, Location Loc,
                                   const LLVMTypeConverter &Converter,
                                   TypeRange Types, ValueRange Operands,
                                   TypeRange Params,
                                   SmallVectorImpl<Value> &Args) {
  // A processor's kernel has its range behind these.
  for (auto [Old, New, To] : llvm::zip_first(Types, Operands, Params)) {
    auto Ref = dyn_cast<MemRefType>(Old);
    if (!Ref) {
      Args.push_back(New);
      continue;
    }
    auto Param = cast<MemRefType>(To);
    MemRefDescriptor Desc(New);
    Args.push_back(Desc.bufferPtr(B, Loc, Converter, Ref));
    for (int64_t D = 0; D < Param.getRank(); ++D)
      if (Param.isDynamicDim(D))
        Args.push_back(Desc.size(B, Loc, D));
    if (Param.getLayout().isIdentity())
      continue;
    int64_t Offset;
    SmallVector<int64_t> Strides;
    (void)Param.getStridesAndOffset(Strides, Offset);
    for (int64_t D = 0; D < Param.getRank(); ++D)
      if (ShapedType::isDynamic(Strides[D]))
        Args.push_back(Desc.stride(B, Loc, D));
  }
}
