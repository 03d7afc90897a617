//===- Device.h - The kernels of a device as text ---------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From the device module, in the LLVM and NVVM dialects, to PTX. What comes out
// needs nothing else: no library, and no toolkit but the driver's own.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_TARGET_DEVICE_H
#define LATHE_TARGET_DEVICE_H

#include "lathe/Target/Emission.h"
#include "mlir/Pass/Pass.h"

namespace lathe::target {

/// Writes the device module within \p Module: PTX, or its LLVM IR as text or
/// bitcode. A located diagnostic if there is none, or if it would need a
/// library.
mlir::LogicalResult emitDevice(mlir::ModuleOp Module,
                               const EmissionOptions &Options, FileKind Kind,
                               llvm::raw_pwrite_stream &Stream);

/// target-embed-device for a target that is known as data.
std::unique_ptr<mlir::Pass> createEmbedDevicePass(const TargetSpec &Target,
                                                  unsigned OptLevel);

} // namespace lathe::target

#endif // LATHE_TARGET_DEVICE_H
