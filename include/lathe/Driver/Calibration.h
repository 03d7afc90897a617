//===- Calibration.h - Samples in a folder ----------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_CALIBRATION_H
#define LATHE_DRIVER_CALIBRATION_H

#include "lathe/Compress/Samples.h"
#include <memory>
#include <string>

namespace lathe::driver {

/// The samples of \p Folder: input_0.npy or .pb, ..., or folders with such
/// files, or for a model of one input files of any name that end in .npy or
/// .pb; in the order of their names.
std::unique_ptr<compress::SampleSource> openSamples(std::string Folder);

} // namespace lathe::driver

#endif // LATHE_DRIVER_CALIBRATION_H
