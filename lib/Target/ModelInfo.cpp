//===- ModelInfo.cpp - What a compiled model takes and gives --------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Target/ModelInfo.h"
#include "lathe/Support/ElementTypes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace lathe::target;
using namespace mlir;

namespace {
struct ElementRow {
  int32_t Number;
  unsigned Bits, Alignment;
  llvm::StringLiteral CType, Enumerator;
};
} // namespace

/// Every element type of lathe.h; complex numbers are two of their C type.
static constexpr ElementRow Elements[] = {
    {1, 32, 4, "float", "LATHE_FLOAT"},
    {2, 8, 1, "uint8_t", "LATHE_UINT8"},
    {3, 8, 1, "int8_t", "LATHE_INT8"},
    {4, 16, 2, "uint16_t", "LATHE_UINT16"},
    {5, 16, 2, "int16_t", "LATHE_INT16"},
    {6, 32, 4, "int32_t", "LATHE_INT32"},
    {7, 64, 8, "int64_t", "LATHE_INT64"},
    {9, 8, 1, "uint8_t", "LATHE_BOOL"},
    {10, 16, 2, "uint16_t", "LATHE_FLOAT16"},
    {11, 64, 8, "double", "LATHE_DOUBLE"},
    {12, 32, 4, "uint32_t", "LATHE_UINT32"},
    {13, 64, 8, "uint64_t", "LATHE_UINT64"},
    {14, 64, 4, "float", "LATHE_COMPLEX64"},
    {15, 128, 8, "double", "LATHE_COMPLEX128"},
    {16, 16, 2, "uint16_t", "LATHE_BFLOAT16"},
    {17, 8, 1, "uint8_t", "LATHE_FLOAT8E4M3FN"},
    {18, 8, 1, "uint8_t", "LATHE_FLOAT8E4M3FNUZ"},
    {19, 8, 1, "uint8_t", "LATHE_FLOAT8E5M2"},
    {20, 8, 1, "uint8_t", "LATHE_FLOAT8E5M2FNUZ"},
    {21, 4, 1, "uint8_t", "LATHE_UINT4"},
    {22, 4, 1, "uint8_t", "LATHE_INT4"},
    {23, 4, 1, "uint8_t", "LATHE_FLOAT4E2M1"},
    {24, 8, 1, "uint8_t", "LATHE_FLOAT8E8M0"},
    {25, 2, 1, "uint8_t", "LATHE_UINT2"},
    {26, 2, 1, "uint8_t", "LATHE_INT2"},
};

static const ElementRow &rowOf(int32_t Number) {
  for (const ElementRow &Row : Elements)
    if (Row.Number == Number)
      return Row;
  llvm_unreachable("element types are checked on reading");
}

/// Is it a type of lathe.h? (ONNX has more.)
static bool isCarried(int32_t Number) {
  return llvm::any_of(
      Elements, [&](const ElementRow &Row) { return Row.Number == Number; });
}

bool TensorInfo::isStatic() const { return !llvm::is_contained(Shape, -1); }
unsigned TensorInfo::elementBits() const { return rowOf(Type).Bits; }
unsigned TensorInfo::alignment() const { return rowOf(Type).Alignment; }
llvm::StringRef TensorInfo::cType() const { return rowOf(Type).CType; }
llvm::StringRef TensorInfo::enumerator() const {
  return rowOf(Type).Enumerator;
}

uint64_t TensorInfo::bytes(uint64_t Count) const {
  return (Count * elementBits() + 7) / 8;
}

uint64_t TensorInfo::bytes() const {
  uint64_t Count = 1;
  for (int64_t D : Shape)
    Count *= D;
  return bytes(Count);
}

std::string TensorInfo::shapeText() const {
  std::string Text = "[";
  for (auto [D, Name] : llvm::zip_equal(Shape, Dims)) {
    if (Text.size() > 1)
      Text += ',';
    Text += D >= 0 ? std::to_string(D) : Name.empty() ? "?" : Name;
  }
  return Text + "]";
}

bool ModelInfo::isStatic() const {
  auto Static = [](const TensorInfo &T) { return T.isStatic(); };
  return WorkspaceBytes && llvm::all_of(Inputs, Static) &&
         llvm::all_of(Outputs, Static);
}

static LogicalResult readTensors(ModuleOp Module, llvm::StringRef Attribute,
                                 llvm::StringRef Kind,
                                 std::vector<TensorInfo> &Out) {
  auto List = Module->getAttrOfType<ArrayAttr>(Attribute);
  if (!List)
    return Module.emitError("module attribute '")
           << Attribute << "' is missing";
  for (auto [Number, Entry] : llvm::enumerate(List)) {
    auto Dict = dyn_cast<DictionaryAttr>(Entry);
    auto Name = Dict ? Dict.getAs<StringAttr>("name") : StringAttr();
    auto Type = Dict ? Dict.getAs<TypeAttr>("type") : TypeAttr();
    if (!Name || !Type)
      return Module.emitError("entry ")
             << Number << " of '" << Attribute << "' lacks a name or type";
    auto Tensor = dyn_cast<RankedTensorType>(Type.getValue());
    TensorInfo Info;
    Info.Name = Name.str();
    Info.Type = Tensor ? lathe::elementNumberOf(Tensor.getElementType()) : 0;
    if (!isCarried(Info.Type))
      return Module.emitError()
             << Kind << " '" << Name.getValue() << "' has the type "
             << Type.getValue() << ", which the C interface cannot carry";
    for (int64_t D : Tensor.getShape())
      Info.Shape.push_back(ShapedType::isDynamic(D) ? -1 : D);
    Info.Dims.resize(Info.Shape.size());
    if (auto Dims = Dict.getAs<ArrayAttr>("dims"))
      for (auto [I, D] : llvm::enumerate(Dims.getAsRange<StringAttr>()))
        if (I < Info.Dims.size() && Info.Shape[I] < 0)
          Info.Dims[I] = D.str();
    if (auto Ints = Dict.getAs<DenseI64ArrayAttr>("keys"))
      Info.Keys.Ints = std::vector<int64_t>(Ints.asArrayRef());
    if (auto Strings = Dict.getAs<ArrayAttr>("keys"))
      for (auto Key : Strings.getAsRange<StringAttr>())
        Info.Keys.Strings.push_back(Key.str());
    Out.push_back(std::move(Info));
  }
  return success();
}

FailureOr<ModelInfo> ModelInfo::read(ModuleOp Module) {
  ModelInfo Info;
  if (failed(readTensors(Module, "lathe.inputs", "input", Info.Inputs)) ||
      failed(readTensors(Module, "lathe.outputs", "output", Info.Outputs)))
    return failure();
  if (auto Bytes = Module->getAttrOfType<IntegerAttr>("lathe.workspace_bytes"))
    Info.WorkspaceBytes = Bytes.getInt();
  if (auto Bytes = Module->getAttrOfType<IntegerAttr>("lathe.weights_bytes"))
    Info.WeightsBytes = Bytes.getInt();
  Info.OnDevice = Module->hasAttr("lathe.device");
  if (auto Nodes = Module->getAttrOfType<ArrayAttr>("lathe.nodes"))
    for (Attribute Node : Nodes)
      Info.Nodes.push_back(isa<StringAttr>(Node) ? cast<StringAttr>(Node).str()
                                                 : "");
  return Info;
}
