//===- ABICall.cpp - The entry point that runs a model --------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `<name>_call` completes the caller's structure (a shorter one of an older
// header is padded with zeros), checks every pointer, type, shape and size, and
// calls @main. Nothing in @main repeats these checks. `<name>_workspace`
// answers how much memory a call with given shapes takes.
//
//===----------------------------------------------------------------------===//

#include "ABIBuilder.h"

using namespace lathe::target;
using namespace mlir;
using Predicate = LLVM::ICmpPredicate;

void ABIBuilder::checkShape(FunctionBuilder &F, const TensorInfo &T,
                            Value Tensors, int32_t Index,
                            llvm::function_ref<Value(lathe_reason)> Status,
                            SmallVectorImpl<Value> &Sizes) {
  LLVM::LLVMStructType Tensor = tensorType(C);
  Value Rank = F.load(Tensors, Tensor, 2, Index);
  F.require(F.compare(Predicate::eq, Rank, F.i32(T.Shape.size())),
            Status(LATHE_WRONG_SHAPE));
  if (T.Shape.empty())
    return;
  Value Shape = F.load(Tensors, Tensor, 3, Index);
  auto CheckFixed = [&] {
    for (auto [I, D] : llvm::enumerate(T.Shape))
      if (D >= 0)
        F.require(F.compare(Predicate::eq, F.loadI64(Shape, I), F.i64(D)),
                  Status(LATHE_WRONG_SHAPE));
  };
  if (T.isStatic()) {
    // No shape given: the model's is meant.
    F.onlyIf(F.compare(Predicate::ne, Shape, F.null()), CheckFixed);
    return;
  }
  F.refuse(F.isNull(Shape), Status(LATHE_WRONG_SHAPE));
  CheckFixed();
  for (auto [I, D, DimName] : llvm::enumerate(T.Shape, T.Dims)) {
    if (D >= 0)
      continue;
    Value Size = F.loadI64(Shape, I);
    F.require(F.compare(Predicate::sge, Size, F.i64(0)),
              Status(LATHE_WRONG_SHAPE));
    if (!DimName.empty()) {
      auto [It, New] = Named.try_emplace(DimName, Size);
      if (!New)
        F.require(F.compare(Predicate::eq, Size, It->second),
                  Status(LATHE_WRONG_SHAPE));
    }
    Sizes.push_back(Size);
  }
}

Value ABIBuilder::countElements(FunctionBuilder &F, const TensorInfo &T,
                                ArrayRef<Value> Sizes, Value OnOverflow) {
  int64_t Fixed = 1;
  for (int64_t D : T.Shape)
    Fixed *= D < 0 ? 1 : D;
  OpBuilder &At = F.builder();
  Value Count = F.i64(Fixed);
  auto Pair =
      LLVM::LLVMStructType::getLiteral(C, {I64, IntegerType::get(C, 1)});
  for (Value Size : Sizes) {
    Value Both = LLVM::UMulWithOverflowOp::create(At, Loc, Pair, Count, Size);
    Count = LLVM::ExtractValueOp::create(At, Loc, Both, 0);
    F.refuse(LLVM::ExtractValueOp::create(At, Loc, Both, 1), OnOverflow);
  }
  // The widest element has 16 bytes.
  if (!Sizes.empty())
    F.require(F.compare(Predicate::ult, Count, F.i64(int64_t(1) << 56)),
              OnOverflow);
  return Count;
}

void ABIBuilder::buildCall() {
  FunctionBuilder F(
      makeFunction(Name + "_call", I32, {Ptr}, LLVM::Linkage::External));
  OpBuilder &At = F.builder();
  LLVM::LLVMStructType Call = callType(C), Tensor = tensorType(C);
  Named.clear();
  auto Fail = [&](lathe_reason Reason, int64_t Number = 0) {
    return F.i32(int64_t(Reason) | Number << 8);
  };

  // A complete structure of our own, what the caller's header lacked being
  // zero. Field by field: a call of memcpy would be the one thing that a small
  // model needs of a C library.
  Value Given = F.arg(0);
  F.refuse(F.isNull(Given), Fail(LATHE_BAD_CALL));
  Value Size = F.load(Given, Call, 0);
  constexpr size_t FirstOptional = 8; // weights
  F.require(F.compare(Predicate::uge, Size,
                      F.i32(fieldOffset(Call, FirstOptional, PointerBytes))),
            Fail(LATHE_BAD_CALL));
  Value Context =
      LLVM::AllocaOp::create(At, Loc, Ptr, Call, F.i32(1), /*alignment=*/8);
  for (auto [I, Type] : llvm::enumerate(Call.getBody())) {
    auto Put = [&, I = I](Value V) {
      LLVM::StoreOp::create(At, Loc, V, F.address(Context, Call, I));
    };
    if (I < FirstOptional) {
      Put(F.load(Given, Call, I));
      continue;
    }
    Put(LLVM::ZeroOp::create(At, Loc, Type));
    int64_t End = fieldOffset(Call, I, PointerBytes) +
                  (Type.isInteger() ? 8 : PointerBytes);
    F.onlyIf(F.compare(Predicate::uge, Size, F.i32(End)),
             [&, I = I] { Put(F.load(Given, Call, I)); });
  }

  F.require(F.compare(Predicate::eq, F.load(Context, Call, 1),
                      F.i32(Info.Inputs.size())),
            Fail(LATHE_BAD_COUNT));
  F.require(F.compare(Predicate::eq, F.load(Context, Call, 2),
                      F.i32(Info.Outputs.size())),
            Fail(LATHE_BAD_COUNT));
  Value Inputs = F.load(Context, Call, 4), Outputs = F.load(Context, Call, 5);
  if (!Info.Inputs.empty())
    F.refuse(F.isNull(Inputs), Fail(LATHE_BAD_CALL));
  if (!Info.Outputs.empty())
    F.refuse(F.isNull(Outputs), Fail(LATHE_BAD_CALL));

  // What @main takes: context, workspace, weights, inputs, outputs.
  SmallVector<Value> Arguments(3), AllSizes;
  int64_t Number = 0;
  auto CheckTensor = [&](const TensorInfo &T, Value Tensors, int32_t Index,
                         bool Output) {
    auto Status = [&](lathe_reason Reason) { return Fail(Reason, Number); };
    F.require(F.compare(Predicate::eq, F.load(Tensors, Tensor, 1, Index),
                        F.i32(T.Type)),
              Status(LATHE_WRONG_TYPE));
    Value Data = F.load(Tensors, Tensor, 0, Index);
    if (T.alignment() > 1)
      F.refuse(F.isMisaligned(Data, T.alignment()), Status(LATHE_MISALIGNED));
    if (Output && !T.isStatic()) {
      // Its shape is @main's to write, its memory may come from the allocator.
      F.require(F.compare(Predicate::eq, F.load(Tensors, Tensor, 2, Index),
                          F.i32(T.Shape.size())),
                Status(LATHE_WRONG_SHAPE));
      F.refuse(F.isNull(F.load(Tensors, Tensor, 3, Index)),
               Status(LATHE_WRONG_SHAPE));
      Arguments.push_back(LLVM::GEPOp::create(At, Loc, Ptr, Tensor, Tensors,
                                              ArrayRef<LLVM::GEPArg>{Index}));
      ++Number;
      return;
    }
    SmallVector<Value> Sizes;
    checkShape(F, T, Tensors, Index, Status, Sizes);
    Value Capacity = F.load(Tensors, Tensor, 4, Index);
    Value Bytes;
    if (T.isStatic()) {
      Bytes = F.i64(T.bytes());
    } else {
      Value Count = countElements(F, T, Sizes, Status(LATHE_WRONG_SHAPE));
      Value Bits = LLVM::MulOp::create(At, Loc, Count, F.i64(T.elementBits()));
      Bytes = LLVM::LShrOp::create(
          At, Loc, LLVM::AddOp::create(At, Loc, Bits, F.i64(7)), F.i64(3));
    }
    // An empty tensor needs no memory.
    if (!T.isStatic() || T.bytes())
      F.refuse(
          F.bitAnd(F.isNull(Data), F.compare(Predicate::ne, Bytes, F.i64(0))),
          Status(LATHE_NULL_DATA));
    F.require(F.compare(Predicate::uge, Capacity, Bytes),
              Status(LATHE_TOO_SMALL));
    Arguments.push_back(Data);
    llvm::append_range(Arguments, Sizes);
    if (!Output)
      llvm::append_range(AllSizes, Sizes);
    ++Number;
  };
  for (auto [I, T] : llvm::enumerate(Info.Inputs))
    CheckTensor(T, Inputs, I, /*Output=*/false);
  for (auto [I, T] : llvm::enumerate(Info.Outputs))
    CheckTensor(T, Outputs, I, /*Output=*/true);

  Value Workspace = F.load(Context, Call, 6);
  // Of a device, the launcher finds one where the caller's is not fit.
  if (!Info.OnDevice && (!Info.WorkspaceBytes || *Info.WorkspaceBytes)) {
    Value Needed = Info.WorkspaceBytes
                       ? F.i64(*Info.WorkspaceBytes)
                       : LLVM::CallOp::create(At, Loc, WorkspaceBytes, AllSizes)
                             .getResult();
    Value Bad = F.bitOr(F.isNull(Workspace), F.isMisaligned(Workspace, 64));
    if (!Info.WorkspaceBytes)
      Bad = F.bitAnd(Bad, F.compare(Predicate::ne, Needed, F.i64(0)));
    F.refuse(F.bitOr(Bad, F.compare(Predicate::ult, F.load(Context, Call, 7),
                                    Needed)),
             Fail(LATHE_BAD_WORKSPACE));
  }

  Value Weights = F.load(Context, Call, 8);
  if (Info.WeightsBytes) {
    Value Own = F.isNull(Weights);
    Value Short = F.compare(Predicate::ult, F.load(Context, Call, 9),
                            F.i64(Info.WeightsBytes));
    Value Bad = F.bitOr(F.isMisaligned(Weights, 64), Short);
    F.require(F.bitOr(Own, F.compare(Predicate::eq, Bad, F.integer(1, 0))),
              Fail(LATHE_BAD_WEIGHTS));
    Weights = LLVM::SelectOp::create(At, Loc, Own,
                                     F.addressOf(Name + "_weights"), Weights);
  }
  Arguments[0] = Context;
  Arguments[1] = Workspace;
  Arguments[2] = Weights;
  F.finish(LLVM::CallOp::create(At, Loc, Main, Arguments).getResult());
}

void ABIBuilder::buildWorkspace() {
  FunctionBuilder F(makeFunction(Name + "_workspace", I64, {Ptr, I32},
                                 LLVM::Linkage::Internal));
  Named.clear();
  F.require(F.compare(Predicate::eq, F.arg(1), F.i32(Info.Inputs.size())),
            F.i64(-1));
  if (!Info.Inputs.empty() && !Info.WorkspaceBytes)
    F.refuse(F.isNull(F.arg(0)), F.i64(-1));
  if (Info.WorkspaceBytes)
    return F.finish(F.i64(*Info.WorkspaceBytes));
  SmallVector<Value> Sizes;
  for (auto [I, T] : llvm::enumerate(Info.Inputs)) {
    size_t First = Sizes.size();
    checkShape(
        F, T, F.arg(0), I, [&](lathe_reason) { return F.i64(-1); }, Sizes);
    countElements(F, T, ArrayRef<Value>(Sizes).drop_front(First), F.i64(-1));
  }
  F.finish(LLVM::CallOp::create(F.builder(), Loc, WorkspaceBytes, Sizes)
               .getResult());
}
