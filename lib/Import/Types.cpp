//===- Types.cpp - TypeProto to MLIR types --------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Annotated types. A dimension that a model gives as negative or not at all is
// dynamic.
//
//===----------------------------------------------------------------------===//

#include "Tensors.h"
#include "lathe/Import/Import.h"
#include "lathe/ONNX/ONNX.h"

using namespace lathe::import;
using namespace mlir;
using llvm::createStringError;
using llvm::Expected;

Expected<Type> lathe::import::readElementType(MLIRContext *Context,
                                              int64_t DataType) {
  if (Type Element = onnx::getElementType(Context, DataType))
    return Element;
  if (DataType == 0)
    return createStringError(
        "its element type is undefined; every tensor needs a data type");
  return createStringError("unknown element type number " + Twine(DataType));
}

Expected<RankedTensorType> lathe::import::makeTensorType(ArrayRef<int64_t> Dims,
                                                         Type Element) {
  if (Dims.size() > 64)
    return createStringError("a tensor of rank " + Twine(Dims.size()) +
                             "; 64 is the most");
  int64_t Size = 128; // Bits of the widest element; a zero anywhere does not
                      // excuse the others.
  for (int64_t Dim : Dims) {
    if (ShapedType::isDynamic(Dim))
      continue;
    if (Dim < 0)
      return createStringError("a dimension of " + Twine(Dim) +
                               "; dimensions are not negative");
    if (Dim && llvm::MulOverflow(Size, Dim, Size))
      return createStringError("dimensions whose product overflows 64 bits");
  }
  return RankedTensorType::get(Dims, Element);
}

static Expected<Type> readTensorType(MLIRContext *Context,
                                     const pb::TypeProto_Tensor &Tensor,
                                     const ImportOptions &Options,
                                     SmallVectorImpl<std::string> *DimNames) {
  Expected<Type> Element = readElementType(Context, Tensor.elem_type());
  if (!Element)
    return Element.takeError();
  if (!Tensor.has_shape())
    return UnrankedTensorType::get(*Element);
  SmallVector<int64_t> Dims;
  for (const pb::TensorShapeProto_Dimension &Dim : Tensor.shape().dim()) {
    int64_t Size = Dim.has_dim_value() && Dim.dim_value() >= 0
                       ? Dim.dim_value()
                       : ShapedType::kDynamic;
    if (Dim.has_dim_param())
      for (const auto &[Name, Value] : Options.Dims)
        if (Name == Dim.dim_param())
          Size = Value;
    if (DimNames)
      DimNames->push_back(ShapedType::isDynamic(Size) ? Dim.dim_param() : "");
    Dims.push_back(Size);
  }
  return makeTensorType(Dims, *Element);
}

Expected<Type> lathe::import::readType(MLIRContext *Context,
                                       const pb::TypeProto &Type,
                                       const ImportOptions &Options,
                                       SmallVectorImpl<std::string> *DimNames) {
  switch (Type.value_case()) {
  case pb::TypeProto::kTensorType:
    return readTensorType(Context, Type.tensor_type(), Options, DimNames);
  case pb::TypeProto::kSequenceType: {
    auto Element = readType(Context, Type.sequence_type().elem_type(), Options);
    if (!Element)
      return Element;
    return onnx::SeqType::get(*Element);
  }
  case pb::TypeProto::kOptionalType: {
    auto Element = readType(Context, Type.optional_type().elem_type(), Options);
    if (!Element)
      return Element;
    return onnx::OptType::get(*Element);
  }
  case pb::TypeProto::kMapType: {
    auto Key = readElementType(Context, Type.map_type().key_type());
    if (!Key)
      return Key;
    auto Value = readType(Context, Type.map_type().value_type(), Options);
    if (!Value)
      return Value;
    // ONNX writes a scalar value as a tensor; no schema has a map of tensors.
    if (auto Tensor = dyn_cast<TensorType>(*Value))
      return onnx::MapType::get(Context, *Key, Tensor.getElementType());
    return onnx::MapType::get(Context, *Key, *Value);
  }
  case pb::TypeProto::kSparseTensorType:
    return createStringError(
        "a sparse tensor that is no constant; make it dense");
  case pb::TypeProto::kOpaqueType:
    return createStringError("an opaque type '" + Type.opaque_type().name() +
                             "', which only its own runtime knows");
  case pb::TypeProto::VALUE_NOT_SET:
    return NoneType::get(Context);
  }
  return createStringError("a type of an unknown kind");
}

Type lathe::import::mergeTypes(Type A, Type B) {
  if (A == B || !B || isa<NoneType>(B))
    return A;
  if (!A || isa<NoneType>(A))
    return B;
  auto ShapedA = dyn_cast<TensorType>(A), ShapedB = dyn_cast<TensorType>(B);
  if (ShapedA && ShapedB) {
    if (ShapedA.getElementType() != ShapedB.getElementType())
      return {};
    if (!ShapedB.hasRank() || !ShapedA.hasRank())
      return ShapedA.hasRank() ? A : B;
    if (ShapedA.getRank() != ShapedB.getRank())
      return {};
    SmallVector<int64_t> Dims;
    for (auto [DimA, DimB] :
         llvm::zip_equal(ShapedA.getShape(), ShapedB.getShape())) {
      if (DimA != DimB && !ShapedType::isDynamic(DimA) &&
          !ShapedType::isDynamic(DimB))
        return {};
      Dims.push_back(ShapedType::isDynamic(DimA) ? DimB : DimA);
    }
    // Each is a valid size alone; together they may not be.
    auto Merged = makeTensorType(Dims, ShapedA.getElementType());
    if (Merged)
      return *Merged;
    llvm::consumeError(Merged.takeError());
    return {};
  }
  if (auto SeqA = dyn_cast<onnx::SeqType>(A))
    if (auto SeqB = dyn_cast<onnx::SeqType>(B)) {
      Type Element = mergeTypes(SeqA.getElementType(), SeqB.getElementType());
      return Element ? Type(onnx::SeqType::get(Element)) : Type();
    }
  if (auto OptA = dyn_cast<onnx::OptType>(A))
    if (auto OptB = dyn_cast<onnx::OptType>(B)) {
      Type Element = mergeTypes(OptA.getElementType(), OptB.getElementType());
      return Element ? Type(onnx::OptType::get(Element)) : Type();
    }
  if (auto MapA = dyn_cast<onnx::MapType>(A))
    if (auto MapB = dyn_cast<onnx::MapType>(B)) {
      Type Value = mergeTypes(MapA.getValueType(), MapB.getValueType());
      return Value && MapA.getKeyType() == MapB.getKeyType()
                 ? Type(onnx::MapType::get(A.getContext(), MapA.getKeyType(),
                                           Value))
                 : Type();
    }
  return {};
}
