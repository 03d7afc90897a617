//===- Emission.h - LLVM dialect to objects and text ------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From a module in the LLVM dialect (after `target-build-abi`) to bytes: LLVM
// IR, optimisation, code generation, weights. All in process; nothing is
// written but to the stream that the caller gives.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_TARGET_EMISSION_H
#define LATHE_TARGET_EMISSION_H

#include "lathe/Target/TargetSelection.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

namespace lathe::target {

enum class FileKind { Object, Assembly, LLVMText, LLVMBitcode };

struct EmissionOptions {
  TargetSpec Target;
  /// The model's name: prefix of the symbols.
  std::string Name;
  /// 0 to 3. 0 still generates sound code, only nothing that takes long.
  unsigned OptLevel = 3;
  /// Who made it and how: a line in the object's `.comment`.
  std::string Origin;
};

/// Weights above which code cannot reach them relative to itself.
constexpr int64_t LargeWeights = int64_t(1) << 30;

/// LLVM IR of \p Module, with target and function attributes set and optimised
/// for \p Options. Null after a diagnostic.
std::unique_ptr<llvm::Module> translateToLLVMIR(mlir::ModuleOp Module,
                                                llvm::LLVMContext &Context,
                                                const EmissionOptions &Options);

/// Writes \p IR as \p Kind, without the bytes of the weights: an object holds
/// zeros in their place (see streamWeights), the text forms include
/// \p WeightsFile.
mlir::LogicalResult emitModule(llvm::Module &IR, mlir::ModuleOp Module,
                               const EmissionOptions &Options, FileKind Kind,
                               llvm::raw_pwrite_stream &Stream,
                               llvm::StringRef WeightsFile);

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Hands out the bytes of the weights of \p Module ('lathe.weights'), constant
/// by constant, large ones in pieces, packed now: offset in the blob and bytes.
/// Gaps between constants are left out.
mlir::LogicalResult streamWeights(
    mlir::ModuleOp Module,
    llvm::function_ref<mlir::LogicalResult(uint64_t, llvm::ArrayRef<char>)>
        Write);

/// The place of the section `.lathe_weights` in an object file: offset and
/// size.
llvm::Expected<std::pair<uint64_t, uint64_t>>
findWeights(llvm::MemoryBufferRef Object);

/// The names that an object leaves to the C library.
llvm::ArrayRef<llvm::StringRef> allowedUndefinedSymbols();

/// Fails, naming them, if \p Object leaves anything else undefined.
llvm::Error checkUndefinedSymbols(llvm::MemoryBufferRef Object);

} // namespace lathe::target

#endif // LATHE_TARGET_EMISSION_H
