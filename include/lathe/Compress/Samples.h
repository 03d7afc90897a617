//===- Samples.h - Samples to calibrate with --------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The stage asks for inputs of the model; where they come from is the driver's
// business.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_COMPRESS_SAMPLES_H
#define LATHE_COMPRESS_SAMPLES_H

#include "lathe/ONNX/Evaluator.h"
#include "llvm/Support/Error.h"

namespace lathe::compress {

class SampleSource {
public:
  virtual ~SampleSource() = default;
  /// How many there are; at least one, or an error.
  virtual llvm::Expected<size_t> count() = 0;
  /// One tensor for each input of the model, of the element types \p Wanted; an
  /// error names the file.
  virtual llvm::Expected<std::vector<onnx::EvaluatedTensor>>
  read(size_t Sample, llvm::ArrayRef<mlir::Type> Wanted) = 0;
  /// Every file that was read or will be, once count() is known.
  virtual std::vector<std::string> files() const = 0;
  /// For messages.
  virtual std::string name(size_t Sample) const = 0;
};

} // namespace lathe::compress

#endif // LATHE_COMPRESS_SAMPLES_H
