//===- HostTensor.h - Tensors of a run --------------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_RUN_HOSTTENSOR_H
#define LATHE_RUN_HOSTTENSOR_H

#include "lathe/Driver/Session.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace lathe::run {

/// A dense tensor in the form of the C interface.
struct HostTensor {
  int32_t Type = 0; // lathe_type; 0: raw bytes of ElementBits, from an .npy
  unsigned RawBits = 0;
  std::vector<int64_t> Shape;
  std::vector<char> Data;

  int64_t elements() const;
};

using driver::elementBits;
/// "float", "int64" ...
std::string typeName(int32_t Type);
/// "[1, 3]"
std::string shapeText(llvm::ArrayRef<int64_t> Shape);

/// Element \p Index of \p T as a number; complex ones have two.
long double numberAt(const HostTensor &T, int64_t Index);
unsigned numbersPerElement(int32_t Type);

/// Reads an .npy file, or a .pb with a TensorProto. \p Wanted, a lathe_type,
/// decides what raw bytes of numpy are. Strings become their positions in
/// \p Names, -1 for those that it lacks.
llvm::Expected<HostTensor> readTensor(llvm::StringRef Path, int32_t Wanted,
                                      const lathe_map_keys *Names = nullptr);

/// As numpy's allclose: null, or what differs first and most.
std::string compare(const HostTensor &Got, const HostTensor &Expected,
                    double RTol, double ATol);

/// The same for a matrix that is a sequence of maps with these \p Keys, and a
/// .json file; an error if that cannot be read.
llvm::Expected<std::string> compareMaps(const HostTensor &Got,
                                        const lathe_map_keys *Keys,
                                        llvm::StringRef Path, double RTol,
                                        double ATol);

/// Floats N(0,1), integers and booleans 0 or 1.
HostTensor randomTensor(int32_t Type, llvm::ArrayRef<int64_t> Shape,
                        uint64_t &State);

} // namespace lathe::run

#endif // LATHE_RUN_HOSTTENSOR_H
