//===- NarrowTypes.h - Narrow types in memory and in registers *- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Memory holds integers or f16; registers hold f32, i1 or the narrow integer
// itself. The conversions are integer arithmetic of our own, round half to
// even, because the library functions that LLVM would call do not exist
// everywhere.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_NARROWTYPES_H
#define LATHE_LIB_LOWER_NARROWTYPES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace lathe::lower {

using namespace mlir;

struct NarrowTypes {
  /// The target converts between f16 and f32 by itself.
  bool NativeHalf = true;
  /// Inside main f16 and bf16 are kept as f32: no conversions in inner loops,
  /// and no rounding from layer to layer. The boundary keeps the model's types.
  bool WidenHalf = false;

  /// The same with halves as they lie at the boundary.
  NarrowTypes boundary() const {
    NarrowTypes T = *this;
    T.WidenHalf = false;
    return T;
  }

  /// How elements of \p Elem lie in a tensor of main; \p Elem itself if plain.
  Type memoryType(Type Elem) const;
  /// The type in which a scalar \p T computes.
  Type computeType(Type T) const;
  bool isPlain(Type Elem) const {
    return memoryType(Elem) == Elem && computeType(Elem) == Elem;
  }

  /// Memory to register and back, for elements of \p Elem.
  Value decode(ImplicitLocOpBuilder &B, Value Stored, Type Elem) const;
  Value encode(ImplicitLocOpBuilder &B, Value Computed, Type Elem) const;
};

/// Bits of an element where several share a byte at the ABI (4 or 2), else 0.
unsigned packedBits(Type Elem);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_NARROWTYPES_H
