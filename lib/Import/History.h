//===- History.h - Every version of every schema --------------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The generated table of all schema versions: what a node of an old opset must
// look like. The onnx dialect itself knows the newest versions only.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_IMPORT_HISTORY_H
#define LATHE_LIB_IMPORT_HISTORY_H

#include "lathe/ONNX/Facts.h"

namespace lathe::import {

/// All versions of all schemas, by domain, name and version.
llvm::ArrayRef<onnx::OpFacts> getHistory();

/// The versions of one op, oldest first; empty if no schema has this name.
llvm::ArrayRef<onnx::OpFacts> getVersions(llvm::StringRef Domain,
                                          llvm::StringRef Name);

/// True if this version only says that the op is no more. It has no signature.
bool isDeprecated(const onnx::OpFacts &Schema);

/// The newest opset of \p Domain that has schemas; 0 for a domain without any.
unsigned getNewestOpset(llvm::StringRef Domain);

} // namespace lathe::import

#endif // LATHE_LIB_IMPORT_HISTORY_H
