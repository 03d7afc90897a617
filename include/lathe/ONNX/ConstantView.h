//===- ConstantView.h - Typed reading of constants -----------*- C++ -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one way to read the elements of a constant, however it is held: dense,
// splat, or a resource whose blob may lie unaligned in the mapped model file. A
// resource's bytes are laid out as ONNX's raw_data: row-major little-endian, a
// bool is a byte, 4- and 2-bit elements are packed, low bits first.
//
// Integers come as int64 (unsigned 64-bit ones as the same bits), floats as
// double, exactly. A resource without data (read back from text that elided it)
// is recognised: isElided() holds and no element may be read.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_CONSTANTVIEW_H
#define LATHE_ONNX_CONSTANTVIEW_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"
#include <complex>
#include <optional>
#include <vector>

namespace lathe::onnx {

class ConstantView {
public:
  /// The constant that \p Attr is; nullopt if it is no tensor constant.
  static std::optional<ConstantView> get(mlir::Attribute Attr);
  /// The constant that defines \p V (any ConstantLike op); nullopt if none
  /// does. A null value (an absent operand) is none.
  static std::optional<ConstantView> get(mlir::Value V);

  mlir::ElementsAttr getAttr() const { return Attr; }
  mlir::ShapedType getType() const { return Attr.getShapedType(); }
  mlir::Type getElementType() const { return Attr.getElementType(); }
  llvm::ArrayRef<int64_t> getShape() const { return getType().getShape(); }
  int64_t size() const { return Count; }

  /// The bytes are not there: elided in a text that was read back.
  bool isElided() const { return Elided; }
  /// One value stands for all elements.
  bool isSplat() const { return Splat; }

  bool isInteger() const {
    return llvm::isa<mlir::IntegerType>(getElementType());
  }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(getElementType()); }

  /// Element \p Index in row-major order. Precondition: of that kind, not
  /// elided.
  int64_t getInt(int64_t Index) const;
  double getFloat(int64_t Index) const;
  std::complex<double> getComplex(int64_t Index) const;
  llvm::StringRef getString(int64_t Index) const;
  /// An integer or a float as a double.
  double getNumber(int64_t Index) const {
    return isInteger() ? double(getInt(Index)) : getFloat(Index);
  }

  /// All elements; nullopt if not integers, or elided.
  std::optional<llvm::SmallVector<int64_t>> getInts() const;

  /// The elements' bytes in the layout of a resource where the constant is one,
  /// else of DenseElementsAttr; for a splat those of one element.
  llvm::ArrayRef<char> getRawData() const { return Raw; }

  /// All elements in the layout of a resource: in place where the constant is
  /// one, else written to \p Storage. Precondition: no strings, not elided.
  llvm::ArrayRef<char> getBytes(std::vector<char> &Storage) const;

private:
  /// Bits of element \p Index, \p Width of them.
  uint64_t getBits(int64_t Index, unsigned Width) const;

  mlir::ElementsAttr Attr;
  llvm::ArrayRef<char> Raw;
  int64_t Count = 0;
  bool Splat = false, Elided = false, Resource = false;
};

/// A dense constant of an integer type (i1 too) with \p Values in row-major
/// order.
mlir::DenseElementsAttr makeInts(mlir::RankedTensorType Type,
                                 llvm::ArrayRef<int64_t> Values);

/// A dense constant of a float type; values are rounded to it.
mlir::DenseElementsAttr makeFloats(mlir::RankedTensorType Type,
                                   llvm::ArrayRef<double> Values);

/// A constant of \p Bytes in the layout of a resource: dense up to 64 elements,
/// above that a resource \p Name (made unique) that keeps them.
mlir::ElementsAttr makeTensor(mlir::RankedTensorType Type,
                              std::vector<char> Bytes,
                              llvm::StringRef Name = "folded");

} // namespace lathe::onnx

#endif // LATHE_ONNX_CONSTANTVIEW_H
