//===- EmbedDevice.cpp - target-embed-device ------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//      NAME_call (checks)        as for a processor
//        main                    begin; inputs, outputs -> device; end
//          device_main           sizes, launches, fetches: all pointers are the
//                                device's
//
// The launcher's structures are those of runtime/lathe_gpu.h.
//
//===----------------------------------------------------------------------===//

#include "CallBuilder.h"
#include "lathe/Target/Device.h"
#include "lathe/Target/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace lathe::target {
#define GEN_PASS_DEF_EMBEDDEVICE
#include "lathe/Target/Passes.h.inc"
} // namespace lathe::target

using namespace lathe::target;
using namespace mlir;

namespace {
struct EmbedDevice : lathe::target::impl::EmbedDeviceBase<EmbedDevice> {
  using EmbedDeviceBase::EmbedDeviceBase;
  EmbedDevice(const TargetSpec &Target, unsigned Level) : Explicit(Target) {
    level = Level;
  }

  void runOnOperation() override {
    FailureOr<ModelInfo> Info = ModelInfo::read(getOperation());
    auto Devices = getOperation().getOps<gpu::GPUModuleOp>();
    if (failed(Info))
      return signalPassFailure();
    auto Main = getOperation().lookupSymbol<LLVM::LLVMFuncOp>("main");
    if (Devices.empty() || !Main) {
      getOperation().emitError(
          "no gpu.module beside @main: this pass follows codegen-to-llvm");
      return signalPassFailure();
    }
    gpu::GPUModuleOp Device = *Devices.begin();
    if (failed(embed(Device, *Info)) || failed(wrap(Main, *Info)))
      signalPassFailure();
  }

private:
  LogicalResult embed(gpu::GPUModuleOp Device, const ModelInfo &Info);
  LogicalResult wrap(LLVM::LLVMFuncOp Main, const ModelInfo &Info);

  LLVM::GlobalOp makeText(OpBuilder &B, StringRef Name, StringRef Text) {
    std::string Bytes = Text.str() + '\0';
    auto T = LLVM::LLVMArrayType::get(B.getI8Type(), Bytes.size());
    return LLVM::GlobalOp::create(B, getOperation().getLoc(), T,
                                  /*isConstant=*/true, LLVM::Linkage::Internal,
                                  Name, B.getStringAttr(Bytes));
  }

  std::optional<TargetSpec> Explicit;
};
} // namespace

/// The constants of lathe_gpu_image.
LogicalResult EmbedDevice::embed(gpu::GPUModuleOp Device,
                                 const ModelInfo &Info) {
  ModuleOp Module = getOperation();
  Location Loc = Module.getLoc();
  EmissionOptions Options;
  Options.OptLevel = level;
  if (Explicit)
    Options.Target = *Explicit;
  else
    Options.Target.Device = TargetSpec::DeviceSpec{"nvptx64-nvidia-cuda", cpu};
  SmallVector<char, 0> PTX;
  llvm::raw_svector_ostream OS(PTX);
  if (failed(emitDevice(Module, Options, FileKind::Assembly, OS)))
    return failure();

  OpBuilder B(&getContext());
  B.setInsertionPointToEnd(Module.getBody());
  Type Ptr = LLVM::LLVMPointerType::get(&getContext()), I32 = B.getI32Type(),
       I64 = B.getI64Type();
  makeText(B, "device_ptx", OS.str());
  SmallVector<std::string> Names;
  for (auto Kernel : Device.getOps<LLVM::LLVMFuncOp>())
    if (!Kernel.isExternal()) {
      Names.push_back(("device_kernel_" + Twine(Names.size())).str());
      makeText(B, Names.back(), Kernel.getSymName());
    }
  auto Aggregate = [&](StringRef Name, Type T,
                       llvm::function_ref<void(OpBuilder &, Value &)> Build) {
    OpBuilder::InsertionGuard Guard(B);
    auto G = LLVM::GlobalOp::create(B, Loc, T, /*isConstant=*/true,
                                    LLVM::Linkage::Internal, Name, Attribute());
    B.createBlock(&G.getInitializerRegion());
    Value V = LLVM::UndefOp::create(B, Loc, T);
    Build(B, V);
    LLVM::ReturnOp::create(B, Loc, V);
  };
  auto Put = [&](OpBuilder &At, Value &V, Value Field, int64_t I) {
    V = LLVM::InsertValueOp::create(At, Loc, V, Field, ArrayRef<int64_t>{I});
  };
  Aggregate("device_names",
            LLVM::LLVMArrayType::get(Ptr, std::max<size_t>(Names.size(), 1)),
            [&](OpBuilder &At, Value &V) {
              if (Names.empty())
                Put(At, V, LLVM::ZeroOp::create(At, Loc, Ptr), 0);
              for (auto [I, Name] : llvm::enumerate(Names))
                Put(At, V, LLVM::AddressOfOp::create(At, Loc, Ptr, Name), I);
            });
  // Inputs and outputs of fixed shape may have to be staged.
  int64_t Staging = 0;
  for (auto *List : {&Info.Inputs, &Info.Outputs})
    for (const TensorInfo &T : *List)
      if (T.isStatic())
        Staging += llvm::alignTo(T.bytes(), 256);
  auto Image = LLVM::LLVMStructType::getLiteral(&getContext(),
                                                {I32, I32, Ptr, Ptr, I64});
  Aggregate("device_image", Image, [&](OpBuilder &At, Value &V) {
    auto Integer = [&](Type T, int64_t N) -> Value {
      return LLVM::ConstantOp::create(At, Loc, T, N);
    };
    Put(At, V, Integer(I32, 32), 0);
    Put(At, V, Integer(I32, Names.size()), 1);
    Put(At, V, LLVM::AddressOfOp::create(At, Loc, Ptr, "device_ptx"), 2);
    Put(At, V, LLVM::AddressOfOp::create(At, Loc, Ptr, "device_names"), 3);
    Put(At, V, Integer(I64, Staging), 4);
  });
  Device.erase();
  return success();
}

LogicalResult EmbedDevice::wrap(LLVM::LLVMFuncOp Inner, const ModelInfo &Info) {
  ModuleOp Module = getOperation();
  MLIRContext *Ctx = &getContext();
  Location Loc = Inner.getLoc();
  OpBuilder B(Module.getBodyRegion());
  B.setInsertionPointToEnd(Module.getBody());
  Type Ptr = LLVM::LLVMPointerType::get(Ctx), I32 = B.getI32Type(),
       I64 = B.getI64Type();
  auto Declare = [&](StringRef Name, Type Result, ArrayRef<Type> Arguments) {
    if (!Module.lookupSymbol(Name))
      LLVM::LLVMFuncOp::create(B, Loc, Name,
                               LLVM::LLVMFunctionType::get(Result, Arguments));
  };
  Declare("lathe_gpu_begin", I32, {Ptr, Ptr, Ptr, I64, Ptr, I64});
  Declare("lathe_gpu_input", Ptr, {Ptr, Ptr, I64});
  Declare("lathe_gpu_output", Ptr, {Ptr, Ptr, I64});
  Declare("lathe_gpu_end", I32, {Ptr, I32});

  SmallVector<Type> Types(Inner.getFunctionType().getParams().drop_back());
  Inner.setSymName("device_main");
  auto Main = LLVM::LLVMFuncOp::create(B, Loc, "main",
                                       LLVM::LLVMFunctionType::get(I32, Types));
  FunctionBuilder F(Main);
  OpBuilder &At = F.builder();
  auto Call = [&](Type Result, StringRef Name, ValueRange Args) {
    return LLVM::CallOp::create(At, Loc, Result, Name, Args).getResult();
  };

  // The sizes of dynamic inputs follow their pointers.
  enum { Context, Workspace, Weights, First };
  SmallVector<Value> Args(Main.getArguments()), Sizes;
  SmallVector<std::pair<unsigned, Value>> InputBytes;
  unsigned Next = First;
  for (const TensorInfo &T : Info.Inputs) {
    unsigned Here = Next++;
    uint64_t Known = 1;
    Value Count;
    for (int64_t D : T.Shape) {
      if (D >= 0) {
        Known *= D;
        continue;
      }
      Sizes.push_back(Args[Next]);
      Count = Count
                  ? LLVM::MulOp::create(At, Loc, Count, Args[Next]).getResult()
                  : Args[Next];
      ++Next;
    }
    Value Bits = F.i64(Known * T.elementBits());
    if (Count)
      Bits = LLVM::MulOp::create(At, Loc, Bits, Count);
    InputBytes.push_back(
        {Here,
         LLVM::LShrOp::create(
             At, Loc, LLVM::AddOp::create(At, Loc, Bits, F.i64(7)), F.i64(3))});
  }
  Value Bytes =
      Info.WorkspaceBytes
          ? F.i64(*Info.WorkspaceBytes)
          : LLVM::CallOp::create(At, Loc, I64, "workspace_bytes", Sizes)
                .getResult();
  constexpr int64_t RunWords = 16;
  Value Run =
      LLVM::AllocaOp::create(At, Loc, Ptr, I64, F.i64(RunWords), /*align=*/8);
  Value Begun = Call(I32, "lathe_gpu_begin",
                     {Run, F.addressOf("device_image"), Args[Context], Bytes,
                      Args[Weights], F.i64(Info.WeightsBytes)});
  F.require(F.compare(LLVM::ICmpPredicate::eq, Begun, F.i32(0)), Begun);
  for (auto [Slot, Index] : {std::pair(0, int(Workspace)), {1, int(Weights)}}) {
    Value Field = LLVM::GEPOp::create(At, Loc, Ptr, Ptr, Run,
                                      ArrayRef<LLVM::GEPArg>{Slot});
    Args[Index] = LLVM::LoadOp::create(At, Loc, Ptr, Field);
  }
  for (auto [Index, Size] : InputBytes)
    Args[Index] = Call(Ptr, "lathe_gpu_input", {Run, Args[Index], Size});
  // Memory of dynamic outputs is known later, to the inner function.
  for (const TensorInfo &T : Info.Outputs) {
    if (T.isStatic())
      Args[Next] =
          Call(Ptr, "lathe_gpu_output", {Run, Args[Next], F.i64(T.bytes())});
    ++Next;
  }
  Args.push_back(Run);
  Value Status = LLVM::CallOp::create(At, Loc, Inner, Args).getResult();
  F.finish(Call(I32, "lathe_gpu_end", {Run, Status}));
  return success();
}

std::unique_ptr<Pass>
lathe::target::createEmbedDevicePass(const TargetSpec &Target,
                                     unsigned OptLevel) {
  return std::make_unique<EmbedDevice>(Target, OptLevel);
}
