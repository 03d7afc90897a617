//===- ElementTypes.cpp - ONNX's numbers of element types -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/ElementTypes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

Type lathe::elementTypeOf(MLIRContext *Context, int64_t Number) {
  Builder B(Context);
  auto Unsigned = [&](unsigned Width) {
    return IntegerType::get(Context, Width, IntegerType::Unsigned);
  };
  switch (Number) {
  case 1:
    return B.getF32Type();
  case 2:
    return Unsigned(8);
  case 3:
    return B.getI8Type();
  case 4:
    return Unsigned(16);
  case 5:
    return B.getI16Type();
  case 6:
    return B.getI32Type();
  case 7:
    return B.getI64Type();
  case 9:
    return B.getI1Type();
  case 10:
    return B.getF16Type();
  case 11:
    return B.getF64Type();
  case 12:
    return Unsigned(32);
  case 13:
    return Unsigned(64);
  case 14:
    return ComplexType::get(B.getF32Type());
  case 15:
    return ComplexType::get(B.getF64Type());
  case 16:
    return B.getBF16Type();
  case 17:
    return Float8E4M3FNType::get(Context);
  case 18:
    return Float8E4M3FNUZType::get(Context);
  case 19:
    return Float8E5M2Type::get(Context);
  case 20:
    return Float8E5M2FNUZType::get(Context);
  case 21:
    return Unsigned(4);
  case 22:
    return B.getIntegerType(4);
  case 23:
    return Float4E2M1FNType::get(Context);
  case 24:
    return Float8E8M0FNUType::get(Context);
  case 25:
    return Unsigned(2);
  case 26:
    return B.getIntegerType(2);
  case 27:
    return Float6E2M3FNType::get(Context);
  case 28:
    return Float6E3M2FNType::get(Context);
  default:
    return {};
  }
}

int32_t lathe::elementNumberOf(Type Ty) {
  if (auto Int = dyn_cast<IntegerType>(Ty)) {
    if (Int.isSigned())
      return 0;
    bool U = Int.isUnsigned();
    switch (Int.getWidth()) {
    case 1:
      return U ? 0 : 9;
    case 2:
      return U ? 25 : 26;
    case 4:
      return U ? 21 : 22;
    case 8:
      return U ? 2 : 3;
    case 16:
      return U ? 4 : 5;
    case 32:
      return U ? 12 : 6;
    case 64:
      return U ? 13 : 7;
    default:
      return 0;
    }
  }
  if (auto Complex = dyn_cast<ComplexType>(Ty))
    return Complex.getElementType().isF32()   ? 14
           : Complex.getElementType().isF64() ? 15
                                              : 0;
  return llvm::TypeSwitch<Type, int32_t>(Ty)
      .Case<Float32Type>([](auto) { return 1; })
      .Case<Float16Type>([](auto) { return 10; })
      .Case<Float64Type>([](auto) { return 11; })
      .Case<BFloat16Type>([](auto) { return 16; })
      .Case<Float8E4M3FNType>([](auto) { return 17; })
      .Case<Float8E4M3FNUZType>([](auto) { return 18; })
      .Case<Float8E5M2Type>([](auto) { return 19; })
      .Case<Float8E5M2FNUZType>([](auto) { return 20; })
      .Case<Float4E2M1FNType>([](auto) { return 23; })
      .Case<Float8E8M0FNUType>([](auto) { return 24; })
      .Case<Float6E2M3FNType>([](auto) { return 27; })
      .Case<Float6E3M2FNType>([](auto) { return 28; })
      .Default([](Type) { return 0; });
}

llvm::StringRef lathe::elementName(int64_t Number) {
  static constexpr StringLiteral Names[] = {
      "undefined",      "float",        "uint8",          "int8",
      "uint16",         "int16",        "int32",          "int64",
      "string",         "bool",         "float16",        "double",
      "uint32",         "uint64",       "complex64",      "complex128",
      "bfloat16",       "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
      "float8e5m2fnuz", "uint4",        "int4",           "float4e2m1",
      "float8e8m0",     "uint2",        "int2",           "float6e2m3",
      "float6e3m2"};
  return Number >= 0 && Number < int64_t(std::size(Names)) ? Names[Number]
                                                           : Names[0];
}
