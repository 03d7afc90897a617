//===- BuildABI.cpp - The C entry points around @main ---------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `<name>_call` completes the caller's structure (a shorter one of an older
// header is padded with zeros), checks every pointer, type, shape and size, and
// calls @main. Nothing in @main repeats these checks. All names but the entry
// points become internal, so that any number of models link together.
//
//===----------------------------------------------------------------------===//

#include "CallBuilder.h"
#include "lathe.h"
#include "lathe/Support/Status.h"
#include "lathe/Target/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"

namespace lathe::target {
#define GEN_PASS_DEF_BUILDABI
#include "lathe/Target/Passes.h.inc"
} // namespace lathe::target

using namespace lathe::target;
using namespace mlir;
using Predicate = LLVM::ICmpPredicate;

namespace {

class ABIBuilder {
public:
  ABIBuilder(ModuleOp Module, ModelInfo Info, llvm::StringRef Name,
             unsigned PointerBytes)
      : Module(Module), Info(std::move(Info)), Name(Name.str()),
        PointerBytes(PointerBytes), C(Module.getContext()),
        B(Module.getBodyRegion()),
        Loc(NameLoc::get(StringAttr::get(C, "call"))),
        Ptr(LLVM::LLVMPointerType::get(C)), I32(IntegerType::get(C, 32)),
        I64(IntegerType::get(C, 64)) {
    B.setInsertionPointToEnd(Module.getBody());
  }

  LogicalResult build(llvm::StringRef Version, llvm::StringRef Options);

private:
  LogicalResult checkBoundary();
  void hideEverything();
  void buildWeights();
  void buildCall();
  void buildWorkspace();
  void buildError();
  void buildKeys();
  void buildModel(llvm::StringRef Version, llvm::StringRef Options);

  LLVM::LLVMFuncOp makeFunction(const Twine &Symbol, Type Result,
                                ArrayRef<Type> Arguments,
                                LLVM::Linkage Linkage);
  /// An internal constant without address identity.
  LLVM::GlobalOp makeConstant(const Twine &Symbol, Type T, Attribute Value);
  /// A pointer to the C string \p Text, in the region being built.
  Value string(OpBuilder &At, llvm::StringRef Text);
  /// An internal constant whose value \p Build makes.
  void
  makeAggregate(const Twine &Symbol, Type T,
                llvm::function_ref<Value(OpBuilder &, Value Undefined)> Build);

  /// Checks rank and sizes of tensor \p Number at \p Tensors[Index] and appends
  /// the sizes of its dynamic dimensions to \p Sizes. \p Status gives what the
  /// function returns for a reason.
  void checkShape(FunctionBuilder &F, const TensorInfo &T, Value Tensors,
                  int32_t Index, llvm::function_ref<Value(lathe_reason)> Status,
                  SmallVectorImpl<Value> &Sizes);
  /// Elements of a tensor with these dynamic sizes; leaves where it overflows.
  Value countElements(FunctionBuilder &F, const TensorInfo &T,
                      ArrayRef<Value> Sizes, Value OnOverflow);

  ModuleOp Module;
  ModelInfo Info;
  std::string Name;
  unsigned PointerBytes;
  MLIRContext *C;
  OpBuilder B;
  Location Loc;
  Type Ptr, I32, I64;
  LLVM::LLVMFuncOp Main, WorkspaceBytes;
  /// Sizes of named dimensions met in the function being built.
  llvm::StringMap<Value> Named;
  unsigned Strings = 0;
};

} // namespace

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

/// The table of the keys of outputs that are sequences of maps.
void ABIBuilder::buildKeys() {
  LLVM::LLVMStructType KeysType = mapKeysType(C);
  auto Put = [&](OpBuilder &At, Value Aggregate, Value Field, int64_t I) {
    return LLVM::InsertValueOp::create(At, Loc, Aggregate, Field,
                                       ArrayRef<int64_t>{I})
        .getResult();
  };
  for (auto [I, T] : llvm::enumerate(Info.Outputs)) {
    std::string Symbol = (Name + "_keys_" + Twine(I)).str();
    if (!T.Keys.Ints.empty())
      makeConstant(
          Symbol, LLVM::LLVMArrayType::get(I64, T.Keys.Ints.size()),
          DenseElementsAttr::get(
              RankedTensorType::get({int64_t(T.Keys.Ints.size())}, I64),
              ArrayRef<int64_t>(T.Keys.Ints)));
    if (!T.Keys.Strings.empty())
      makeAggregate(Symbol,
                    LLVM::LLVMArrayType::get(Ptr, T.Keys.Strings.size()),
                    [&](OpBuilder &At, Value A) {
                      for (auto [J, Key] : llvm::enumerate(T.Keys.Strings))
                        A = Put(At, A, string(At, Key), J);
                      return A;
                    });
  }
  makeAggregate(
      Name + "_output_keys",
      LLVM::LLVMArrayType::get(KeysType, Info.Outputs.size()),
      [&](OpBuilder &At, Value A) {
        for (auto [I, T] : llvm::enumerate(Info.Outputs)) {
          Value S = LLVM::ZeroOp::create(At, Loc, KeysType);
          if (!T.Keys.empty()) {
            size_t Count = T.Keys.Ints.size() + T.Keys.Strings.size();
            S = Put(At, S, LLVM::ConstantOp::create(At, Loc, I64, Count), 0);
            S = Put(At, S,
                    LLVM::AddressOfOp::create(
                        At, Loc, Ptr, (Name + "_keys_" + Twine(I)).str()),
                    T.Keys.Ints.empty() ? 2 : 1);
          }
          A = Put(At, A, S, I);
        }
        return A;
      });
}

void ABIBuilder::buildModel(llvm::StringRef Version, llvm::StringRef Options) {
  LLVM::LLVMStructType InfoType = tensorInfoType(C), Model = modelType(C);
  auto Put = [&](OpBuilder &At, Value Aggregate, Value Field,
                 int64_t I) -> Value {
    return LLVM::InsertValueOp::create(At, Loc, Aggregate, Field,
                                       ArrayRef<int64_t>{I});
  };
  auto Integer = [&](OpBuilder &At, Type T, int64_t V) -> Value {
    return LLVM::ConstantOp::create(At, Loc, T, V);
  };
  auto Symbol = [&](OpBuilder &At, const Twine &S) -> Value {
    return LLVM::AddressOfOp::create(At, Loc, Ptr, S.str());
  };
  auto Null = [&](OpBuilder &At) -> Value {
    return LLVM::ZeroOp::create(At, Loc, Ptr);
  };

  auto MakeTensors = [&](llvm::StringRef Kind,
                         const std::vector<TensorInfo> &List) {
    for (size_t I = 0; I < List.size(); ++I) {
      const TensorInfo &T = List[I];
      if (T.Shape.empty())
        continue;
      std::string Prefix = (Name + "_" + Kind + "_" + Twine(I)).str();
      makeConstant(Prefix + "_shape",
                   LLVM::LLVMArrayType::get(I64, T.Shape.size()),
                   DenseElementsAttr::get(
                       RankedTensorType::get({int64_t(T.Shape.size())}, I64),
                       ArrayRef<int64_t>(T.Shape)));
      makeAggregate(Prefix + "_dims",
                    LLVM::LLVMArrayType::get(Ptr, T.Shape.size()),
                    [&](OpBuilder &At, Value A) {
                      for (auto [J, D] : llvm::enumerate(T.Dims))
                        A = Put(At, A, string(At, D), J);
                      return A;
                    });
    }
    if (List.empty())
      return;
    makeAggregate(
        Name + "_" + Kind, LLVM::LLVMArrayType::get(InfoType, List.size()),
        [&](OpBuilder &At, Value A) {
          for (auto [I, T] : llvm::enumerate(List)) {
            std::string Prefix = (Name + "_" + Kind + "_" + Twine(I)).str();
            bool Scalar = T.Shape.empty();
            Value S = LLVM::UndefOp::create(At, Loc, InfoType);
            S = Put(At, S, string(At, T.Name), 0);
            S = Put(At, S, Integer(At, I32, T.Type), 1);
            S = Put(At, S, Integer(At, I32, T.Shape.size()), 2);
            S = Put(At, S, Scalar ? Null(At) : Symbol(At, Prefix + "_shape"),
                    3);
            S = Put(At, S, Scalar ? Null(At) : Symbol(At, Prefix + "_dims"), 4);
            A = Put(At, A, S, I);
          }
          return A;
        });
  };
  MakeTensors("inputs", Info.Inputs);
  MakeTensors("outputs", Info.Outputs);

  bool HasKeys = llvm::any_of(
      Info.Outputs, [](const TensorInfo &T) { return !T.Keys.empty(); });
  if (HasKeys)
    buildKeys();

  makeAggregate(Name + "_description", Model, [&](OpBuilder &At, Value A) {
    Value Fields[] = {
        Integer(At, I32,
                fieldOffset(Model, Model.getBody().size(), PointerBytes)),
        Integer(At, I32, Info.Inputs.size()),
        Integer(At, I32, Info.Outputs.size()),
        Integer(At, I32, 0),
        string(At, Name),
        Info.Inputs.empty() ? Null(At) : Symbol(At, Name + "_inputs"),
        Info.Outputs.empty() ? Null(At) : Symbol(At, Name + "_outputs"),
        Integer(At, I64, Info.WorkspaceBytes.value_or(-1)),
        Integer(At, I64, Info.WeightsBytes),
        Symbol(At, Name + "_call"),
        Symbol(At, Name + "_error"),
        Symbol(At, Name + "_workspace"),
        string(At, Version),
        string(At, Options),
        HasKeys ? Symbol(At, Name + "_output_keys") : Null(At),
    };
    for (auto [I, Field] : llvm::enumerate(Fields))
      A = Put(At, A, Field, I);
    return A;
  });
  LLVM::LLVMFuncOp Func =
      makeFunction(Name + "_model", Ptr, {}, LLVM::Linkage::External);
  OpBuilder At(C);
  Func.addEntryBlock(At);
  At.setInsertionPointToStart(&Func.getBody().front());
  LLVM::ReturnOp::create(At, Loc, Symbol(At, Name + "_description"));
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
