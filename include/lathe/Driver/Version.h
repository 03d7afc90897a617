//===- Version.h - Version of Lathe -----------------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_VERSION_H
#define LATHE_DRIVER_VERSION_H

#include <string>

namespace lathe::driver {

/// "0.1.0 (LLVM 22.1.8)".
std::string version();

} // namespace lathe::driver

#endif // LATHE_DRIVER_VERSION_H
