//===- Registration.cpp - Everything Lathe registers with MLIR ------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Registration.h"
#include "lathe/Codegen/Passes.h"
#include "lathe/Codegen/Registration.h"
#include "lathe/Codegen/Tabulate.h"
#include "lathe/Compress/Passes.h"
#include "lathe/Driver/Compiler.h"
#include "lathe/Driver/Evaluator.h"
#include "lathe/Graph/Passes.h"
#include "lathe/Import/Passes.h"
#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"
#include "lathe/Lower/Passes.h"
#include "lathe/ONNX/ONNX.h"
#include "lathe/ONNX/Passes.h"
#include "lathe/Target/Passes.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"

void lathe::registerAllDialects(mlir::DialectRegistry &Registry) {
  mlir::registerAllDialects(Registry);
  Registry.insert<onnx::ONNXDialect>();
  mlir::registerAllExtensions(Registry);
  Registry.insert<lathe::kernel::KernelDialect>();
  codegen::registerBufferizationModels(Registry);
}

void lathe::registerAllPasses() {
  mlir::registerAllPasses();
  // Before the generated registration, which would leave it without.
  mlir::registerPass(
      [] { return graph::createFoldConstants({}, &driver::hostEvaluator()); });
  mlir::registerPass([] {
    return kernel::createKernelTabulatePass(codegen::tabulate, nullptr);
  });
  graph::registerGraphPasses();
  compress::registerCompressPasses();
  lower::registerLowerPasses();
  lower::registerLowerPipelines();
  target::registerTargetPasses();
  codegen::registerCodegenPasses();
  kernel::registerKernelPasses();
  onnx::registerONNXPasses();
  driver::registerPipelines();
}
