//===- ABIErrors.cpp - Texts of statuses ----------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `<name>_error`: one string of all texts and a table of statuses, so that no
// pointer needs to be relocated.
//
//===----------------------------------------------------------------------===//

#include "ABIBuilder.h"
#include "lathe/Support/Status.h"

using namespace lathe::target;
using namespace mlir;
using Predicate = LLVM::ICmpPredicate;

/// What the launcher (runtime/lathe_gpu.h) reports; the commonest of the
/// driver's numbers, and some text for every other.
static void addDeviceErrors(
    llvm::function_ref<void(lathe_reason, int64_t, const Twine &)> Add) {
  Add(LATHE_NO_DEVICE, 0,
      "no CUDA driver (libcuda.so.1) could be opened, or it finds no GPU");
  static constexpr struct {
    int Result;
    const char *Text;
  } Results[] = {{1, "invalid value"},
                 {2, "out of memory"},
                 {3, "not initialized"},
                 {4, "the driver shuts down"},
                 {100, "no device"},
                 {101, "invalid device"},
                 {200, "invalid kernel image"},
                 {201, "invalid context"},
                 {209, "the kernels are for another GPU"},
                 {218, "the driver does not take this PTX"},
                 {221, "the driver's compiler was not found"},
                 {222, "the driver is too old for this PTX"},
                 {400, "invalid handle"},
                 {500, "a kernel was not found"},
                 {700, "a kernel accessed memory that is not there"},
                 {701, "a kernel needs more resources than there are"},
                 {702, "a kernel took too long"},
                 {715, "a kernel had an illegal instruction"},
                 {716, "a kernel accessed misaligned memory"},
                 {719, "a kernel failed"},
                 {801, "not supported"},
                 {900, "the stream is being captured"},
                 {999, "unknown error"}};
  for (const auto &R : Results)
    Add(LATHE_DEVICE_ERROR, R.Result,
        "the CUDA driver reports error " + Twine(R.Result) + ": " + R.Text);
}

void ABIBuilder::buildError() {
  // All texts in one string and a table of (status, offset): no pointers to
  // relocate. Statuses are few: a linear search will do.
  std::string Texts;
  SmallVector<int32_t> Table;
  auto Add = [&](lathe_reason Reason, int64_t Number, const Twine &Text) {
    Table.push_back(int32_t(Reason) | int32_t(Number << 8));
    Table.push_back(Texts.size());
    Texts += Text.str();
    Texts += '\0';
  };
  Add(LATHE_OK, 0, "ok");
  Add(LATHE_BAD_CALL, 0,
      "the lathe_call, its inputs or outputs are NULL, or its struct_size is "
      "too small");
  Add(LATHE_BAD_COUNT, 0,
      "expected " + Twine(Info.Inputs.size()) + " inputs and " +
          Twine(Info.Outputs.size()) + " outputs");
  Add(LATHE_BAD_WORKSPACE, 0,
      Info.WorkspaceBytes
          ? "the workspace is NULL, not 64-byte aligned, or has less than " +
                Twine(*Info.WorkspaceBytes) + " bytes"
          : Twine("the workspace is NULL, not 64-byte aligned, or smaller than "
                  "these shapes need"));
  Add(LATHE_BAD_WEIGHTS, 0,
      "the weights are not 64-byte aligned or have less than " +
          Twine(Info.WeightsBytes) + " bytes");
  if (Info.OnDevice)
    addDeviceErrors(Add);
  int64_t Number = 0;
  for (auto *List : {&Info.Inputs, &Info.Outputs})
    for (const TensorInfo &T : *List) {
      std::string Who =
          (List == &Info.Inputs ? "input '" : "output '") + T.Name + "'";
      Add(LATHE_NULL_DATA, Number, Who + ": data is NULL");
      Add(LATHE_MISALIGNED, Number,
          Who + ": data is not aligned to " + Twine(T.alignment()) + " bytes");
      Add(LATHE_WRONG_TYPE, Number,
          Who + ": its type is not " + T.enumerator());
      Add(LATHE_WRONG_SHAPE, Number,
          Who + ": its shape does not fit " + T.shapeText());
      Add(LATHE_TOO_SMALL, Number, Who + ": its capacity is too small");
      if (List == &Info.Outputs)
        Add(LATHE_NO_MEMORY, Number, Who + ": the allocator gave no memory");
      ++Number;
    }
  for (auto [I, Node] : llvm::enumerate(Info.Nodes)) {
    std::string Who = "node '" + Node + "'";
    using lathe::NodeReason;
    for (NodeReason R : {NodeReason::OutOfRange, NodeReason::ShapeConflict,
                         NodeReason::BadValue, NodeReason::NodeMemory})
      Add(lathe_reason(R), I, Who + ": " + textOf(R));
  }

  int64_t Rows = Table.size() / 2;
  makeConstant(Name + "_error_texts",
               LLVM::LLVMArrayType::get(IntegerType::get(C, 8), Texts.size()),
               StringAttr::get(C, Texts));
  makeConstant(Name + "_error_table",
               LLVM::LLVMArrayType::get(I32, Table.size()),
               DenseElementsAttr::get(
                   RankedTensorType::get({int64_t(Table.size())}, I32),
                   ArrayRef<int32_t>(Table)));

  LLVM::LLVMFuncOp Func =
      makeFunction(Name + "_error", Ptr, {I32}, LLVM::Linkage::External);
  OpBuilder At(C);
  Block *Entry = Func.addEntryBlock(At);
  Region &Body = Func.getBody();
  Block *Loop = At.createBlock(&Body, Body.end(), {I32}, {Loc});
  Block *Next = At.createBlock(&Body, Body.end());
  Block *Found = At.createBlock(&Body, Body.end());
  Block *Unknown = At.createBlock(&Body, Body.end());
  auto Constant = [&](int64_t V) {
    return LLVM::ConstantOp::create(At, Loc, I32, V);
  };
  auto Row = [&](int64_t Column) -> Value {
    Value TableAt =
        LLVM::AddressOfOp::create(At, Loc, Ptr, Name + "_error_table");
    auto RowType = LLVM::LLVMArrayType::get(I32, 2);
    Value Cell = LLVM::GEPOp::create(
        At, Loc, Ptr, RowType, TableAt,
        ArrayRef<LLVM::GEPArg>{Loop->getArgument(0), int32_t(Column)});
    return LLVM::LoadOp::create(At, Loc, I32, Cell);
  };
  At.setInsertionPointToStart(Entry);
  LLVM::BrOp::create(At, Loc, ValueRange{Constant(0)}, Loop);
  At.setInsertionPointToStart(Loop);
  Value Same =
      LLVM::ICmpOp::create(At, Loc, Predicate::eq, Row(0), Func.getArgument(0));
  LLVM::CondBrOp::create(At, Loc, Same, Found, ValueRange(), Next,
                         ValueRange());
  At.setInsertionPointToStart(Next);
  Value Following =
      LLVM::AddOp::create(At, Loc, Loop->getArgument(0), Constant(1));
  Value More =
      LLVM::ICmpOp::create(At, Loc, Predicate::ult, Following, Constant(Rows));
  LLVM::CondBrOp::create(At, Loc, More, Loop, ValueRange(Following), Unknown,
                         ValueRange());
  At.setInsertionPointToStart(Found);
  Value TextsAt =
      LLVM::AddressOfOp::create(At, Loc, Ptr, Name + "_error_texts");
  Value Text = LLVM::GEPOp::create(At, Loc, Ptr, IntegerType::get(C, 8),
                                   TextsAt, ArrayRef<LLVM::GEPArg>{Row(1)});
  LLVM::ReturnOp::create(At, Loc, Text);
  At.setInsertionPointToStart(Unknown);
  LLVM::ReturnOp::create(At, Loc, string(At, "unknown status"));
}
