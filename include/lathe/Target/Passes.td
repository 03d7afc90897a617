//===- Passes.td - Passes of the stage Target ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_TARGET_PASSES_TD
#define LATHE_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def RecordInterface : Pass<"target-record-interface", "mlir::ModuleOp"> {
  let summary = "Moves names and types of the model's inputs and outputs to the module";
  let description = [{
    Sets `lathe.inputs` and `lathe.outputs` from the signature of @main and the
    attributes `onnx.name`, `onnx.type` and `onnx.dims` of its arguments and results.
    Runs before bufferization, which changes the signature.
  }];
}

def EmbedDevice : Pass<"target-embed-device", "mlir::ModuleOp"> {
  let summary = "Makes the device module a constant, and a main that runs it";
  let description = [{
    The device module becomes PTX, a constant of the host's module beside the names of
    its kernels. @main is renamed; a new one, with the signature that
    `codegen-to-llvm` promises, begins a run of the launcher, finds out where inputs
    and outputs lie on the device, calls the old one and ends the run.
  }];
  let options = [
    Option<"cpu", "cpu", "std::string", "\"sm_80\"", "Chip, LLVM's name">,
    Option<"level", "O", "unsigned", "3", "0 to 3">
  ];
  let dependentDialects = ["mlir::LLVM::LLVMDialect"];
}

def BuildABI : Pass<"target-build-abi", "mlir::ModuleOp"> {
  let summary = "Adds the C entry points around @main";
  let description = [{
    Builds `<name>_call`, `<name>_model` and `<name>_error` of `include/lathe.h`
    and makes everything else internal. `<name>_call` checks every argument, so
    that @main may rely on them, and calls @main. The weights become the hidden
    constant `<name>_weights`, whose bytes are written into the object later.
  }];
  let options = [
    Option<"name", "name", "std::string", "\"model\"", "Prefix of the symbols, a C identifier">,
    Option<"version", "version", "std::string", "\"\"", "Version of the compiler to record">,
    Option<"recorded", "options", "std::string", "\"\"", "Options of the compilation to record">,
    Option<"pointerBits", "pointer-bits", "unsigned", "64", "Bits of a pointer of the target">
  ];
  let dependentDialects = ["mlir::LLVM::LLVMDialect"];
}

#endif // LATHE_TARGET_PASSES_TD
