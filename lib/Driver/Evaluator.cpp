//===- Evaluator.cpp - The compiler, at hand while compiling --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A module to evaluate goes through the stages after Compress in a context of
// its own: the caller is in the middle of a pass, whose context may be in use
// by other threads and whose diagnostics are none of ours; and all that is made
// on the way is freed at the end. The module crosses as bytecode without the
// data of its large constants, which are read where they lie.
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Evaluator.h"
#include "lathe/Driver/Compiler.h"
#include "lathe/Driver/LoadedModel.h"
#include "lathe/Driver/Session.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/Facts.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Parser/Parser.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace lathe;
using namespace lathe::driver;
using namespace mlir;

/// The same for every machine of an architecture: what folding gives must not
/// depend on where it ran.
static std::string baseline() {
  llvm::Triple Host(llvm::sys::getProcessTriple());
  return Host.getArch() == llvm::Triple::x86_64 ? "x86-64-v2" : Host.str();
}

//===----------------------------------------------------------------------===//
// From one context to another
//===----------------------------------------------------------------------===//

/// Lets the resources of \p Copy, named in \p Module too, point to the bytes of
/// those.
static void shareResources(ModuleOp Module, MLIRContext *Copy) {
  llvm::StringMap<ArrayRef<char>> Found;
  auto Note = [&](DenseResourceElementsAttr Attr) {
    if (AsmResourceBlob *Blob = Attr.getRawHandle().getBlob())
      Found.try_emplace(Attr.getRawHandle().getKey(), Blob->getData());
  };
  Module->walk([&](Operation *Op) { Op->getAttrDictionary().walk(Note); });
  auto &Manager = DenseResourceElementsHandle::getManagerInterface(Copy);
  for (auto &Entry : Found)
    Manager.update(Entry.getKey(), UnmanagedAsmResourceBlob::allocateWithAlign(
                                       Entry.getValue(), /*align=*/1));
}

static OwningOpRef<ModuleOp> copyInto(ModuleOp Module, MLIRContext *Context) {
  std::string Bytes;
  {
    llvm::raw_string_ostream OS(Bytes);
    BytecodeWriterConfig Config;
    Config.setElideResourceDataFlag();
    if (failed(writeBytecodeToFile(Module, OS, Config)))
      return nullptr;
  }
  OwningOpRef<ModuleOp> Copy =
      parseSourceString<ModuleOp>(Bytes, ParserConfig(Context));
  if (Copy)
    shareResources(Module, Context);
  return Copy;
}

/// Gives every argument and result of @main a name.
static LogicalResult nameInterface(ModuleOp Module) {
  auto Main = Module.lookupSymbol<func::FuncOp>("main");
  if (!Main || Main.isExternal())
    return Module.emitError("it has no @main");
  OpBuilder B(Main);
  auto Name = [&](char Kind, unsigned I) {
    return B.getStringAttr(llvm::Twine(Kind) + llvm::Twine(I));
  };
  for (unsigned I = 0; I < Main.getNumArguments(); ++I)
    if (!Main.getArgAttr(I, "onnx.name"))
      Main.setArgAttr(I, "onnx.name", Name('x', I));
  for (unsigned I = 0; I < Main.getNumResults(); ++I)
    if (!Main.getResultAttr(I, "onnx.name"))
      Main.setResultAttr(I, "onnx.name", Name('y', I));
  return success();
}

//===----------------------------------------------------------------------===//
// The interfaces
//===----------------------------------------------------------------------===//

namespace {
class HostEvaluation : public onnx::Evaluation {
public:
  HostEvaluation(LoadedModel Model, MLIRContext *Context)
      : Model(std::move(Model)), Context(Context) {}

  llvm::Expected<std::vector<onnx::EvaluatedTensor>>
  run(ArrayRef<onnx::TensorView> Inputs) override;

private:
  LoadedModel Model;
  /// The caller's.
  MLIRContext *Context;
};

class HostEvaluator : public onnx::Evaluator {
public:
  llvm::Expected<std::unique_ptr<onnx::Evaluation>>
  compile(ModuleOp Module, const onnx::EvaluationOptions &Options) override;
};
} // namespace

llvm::Expected<std::vector<onnx::EvaluatedTensor>>
HostEvaluation::run(ArrayRef<onnx::TensorView> Inputs) {
  std::vector<lathe_tensor> In;
  std::vector<SmallVector<int64_t>> Shapes;
  Shapes.reserve(Inputs.size());
  for (const onnx::TensorView &T : Inputs) {
    Shapes.emplace_back(T.Type.getShape());
    // The C interface has no tensors that are only read.
    In.push_back({const_cast<char *>(T.Bytes.data()),
                  int32_t(onnx::getDataType(T.Type.getElementType())),
                  int32_t(T.Type.getRank()), Shapes.back().data(),
                  T.Bytes.size()});
    if (!elementBits(In.back().type) || T.Bytes.size() < tensorBytes(In.back()))
      return llvm::createStringError("input " + llvm::Twine(In.size() - 1) +
                                     " has fewer bytes than its type needs");
  }
  Session S(Model.model());
  if (llvm::Error E = S.prepare(In))
    return E;
  if (int Status = S.run())
    return llvm::createStringError(Model.model().error(Status));
  std::vector<onnx::EvaluatedTensor> Results;
  for (const lathe_tensor &T : S.outputs()) {
    auto *Data = static_cast<const char *>(T.data);
    Results.push_back(
        {RankedTensorType::get(ArrayRef(T.shape, T.rank),
                               onnx::getElementType(Context, T.type)),
         std::vector<char>(Data, Data + (Data ? tensorBytes(T) : 0))});
  }
  return Results;
}

llvm::Expected<std::unique_ptr<onnx::Evaluation>>
HostEvaluator::compile(ModuleOp Module,
                       const onnx::EvaluationOptions &Options) {
  CompilerOptions Given;
  Given.Target.Target = baseline();
  Given.Name = "evaluated";
  Given.OptLevel = Options.StrictFloats ? 1 : 2;
  Given.StrictFloats = Options.StrictFloats;
  Given.Emitters = !Options.StrictFloats;
  std::string Reason;
  llvm::raw_string_ostream Errors(Reason);
  auto Fail = [&] {
    return llvm::createStringError(Reason.empty()
                                       ? "it does not compile"
                                       : llvm::StringRef(Reason).rtrim('\n'));
  };
  std::unique_ptr<Compiler> C = Compiler::create(std::move(Given), Errors);
  if (!C)
    return Fail();
  // The first error tells why; what follows from it does not interest.
  std::string First;
  ScopedDiagnosticHandler Handler(&C->context(), [&](Diagnostic &D) {
    if (D.getSeverity() == DiagnosticSeverity::Error && First.empty()) {
      llvm::StringRef Node = onnx::getNodeName(D.getLocation());
      First = (Node.empty() ? "" : "node '" + Node + "': ").str() + D.str();
    }
    return success();
  });
  auto Because = [&] {
    return First.empty() ? Fail() : llvm::createStringError(First);
  };

  OwningOpRef<ModuleOp> Copy = copyInto(Module, &C->context());
  if (!Copy || failed(nameInterface(*Copy)) || failed(C->inferShapes(*Copy)))
    return Because();
  // The graph is taken as it is: no stage before Lower changes it.
  std::unique_ptr<llvm::MemoryBuffer> Object =
      C->compileToMemory(*Copy, Stage::Compress);
  if (!Object)
    return Because();
  llvm::Expected<LoadedModel> Model =
      LoadedModel::fromObject(std::move(Object), C->options().Name);
  if (!Model)
    return Model.takeError();
  return std::make_unique<HostEvaluation>(std::move(*Model),
                                          Module.getContext());
}

onnx::Evaluator &driver::hostEvaluator() {
  static HostEvaluator Instance;
  return Instance;
}
