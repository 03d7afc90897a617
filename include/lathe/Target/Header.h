//===- Header.h - The C header of a model -----------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_TARGET_HEADER_H
#define LATHE_TARGET_HEADER_H

#include "lathe/Target/ModelInfo.h"

namespace lathe::target {

/// The text of `<name>.h`: C99 and C++, self-contained but for lathe.h.
/// Programs are written against it, so that it may only ever be added to. \p
/// Options, as the user gave them, are recorded in a comment.
std::string writeHeader(const ModelInfo &Info, llvm::StringRef Name,
                        llvm::StringRef Version, llvm::StringRef Options);

} // namespace lathe::target

#endif // LATHE_TARGET_HEADER_H
