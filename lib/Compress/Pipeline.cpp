//===- Pipeline.cpp - The pipeline of the stage Compress ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Compress/Pipeline.h"
#include "lathe/Compress/Passes.h"
#include "mlir/Pass/PassManager.h"

using namespace lathe;

void compress::buildPipeline(mlir::OpPassManager &PM,
                             const PipelineOptions &Options) {}
