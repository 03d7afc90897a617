//===- SchemaFunction.cpp - The function body of an op's schema -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The op is written as a model of one node and one model-local function, the
// body from the onnx package, and that model is imported: what inlines a
// model's functions, and lifts what they are written in to the newest opset,
// serves here too.
//
//===----------------------------------------------------------------------===//

#include "Proto.h"
#include "lathe/Import/Import.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/Facts.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace lathe::import;
using namespace mlir;

namespace {
struct Body {
  StringRef Domain, Name, Bytes;
};
} // namespace

static const Body Bodies[] = {
#include "Functions.inc"
};

static const Body *findBody(Operation *Op) {
  const lathe::onnx::OpFacts *Facts = lathe::onnx::getFacts(Op);
  if (!Facts)
    return nullptr;
  for (const Body &B : Bodies)
    if (B.Domain == Facts->Domain && B.Name == Facts->Name)
      return &B;
  return nullptr;
}

bool lathe::import::hasSchemaFunction(Operation *Op) { return findBody(Op); }

/// \p T as the type of an input; false if it is no tensor.
static bool writeType(Type T, pb::TypeProto &To) {
  auto Tensor = dyn_cast<TensorType>(T);
  if (!Tensor)
    return false;
  To.mutable_tensor_type()->set_elem_type(
      lathe::onnx::getDataType(Tensor.getElementType()));
  if (!Tensor.hasRank())
    return true;
  auto *Shape = To.mutable_tensor_type()->mutable_shape();
  for (int64_t D : Tensor.getShape()) {
    auto *Dim = Shape->add_dim();
    if (!ShapedType::isDynamic(D))
      Dim->set_dim_value(D);
  }
  return true;
}

/// False for kinds that no function refers to (tensors, graphs).
static bool writeAttribute(NamedAttribute From, pb::AttributeProto &To) {
  To.set_name(From.getName().str());
  return llvm::TypeSwitch<Attribute, bool>(From.getValue())
      .Case([&](IntegerAttr A) {
        To.set_type(pb::AttributeProto::INT);
        To.set_i(A.getInt());
        return true;
      })
      .Case([&](FloatAttr A) {
        To.set_type(pb::AttributeProto::FLOAT);
        To.set_f(A.getValueAsDouble());
        return true;
      })
      .Case([&](StringAttr A) {
        To.set_type(pb::AttributeProto::STRING);
        To.set_s(A.str());
        return true;
      })
      .Case([&](DenseI64ArrayAttr A) {
        To.set_type(pb::AttributeProto::INTS);
        for (int64_t V : A.asArrayRef())
          To.add_ints(V);
        return true;
      })
      .Case([&](DenseF32ArrayAttr A) {
        To.set_type(pb::AttributeProto::FLOATS);
        for (float V : A.asArrayRef())
          To.add_floats(V);
        return true;
      })
      .Default([](Attribute) { return false; });
}

OwningOpRef<ModuleOp> lathe::import::importSchemaFunction(Operation *Op) {
  const Body *Found = findBody(Op);
  if (!Found)
    return {};
  pb::ModelProto Model;
  Model.set_ir_version(10);
  pb::FunctionProto &Function = *Model.add_functions();
  if (!Function.ParseFromArray(Found->Bytes.data(), Found->Bytes.size()))
    return {};
  bool Imported = false;
  for (const pb::OperatorSetIdProto &Opset : Function.opset_import()) {
    *Model.add_opset_import() = Opset;
    Imported |= Opset.domain() == Found->Domain;
  }
  // The call itself needs its domain too.
  if (!Imported) {
    pb::OperatorSetIdProto &Opset = *Model.add_opset_import();
    Opset.set_domain(Found->Domain.str());
    Opset.set_version(1);
  }

  pb::GraphProto &Graph = *Model.mutable_graph();
  Graph.set_name("body");
  pb::NodeProto &Call = *Graph.add_node();
  Call.set_op_type(Found->Name.str());
  Call.set_domain(Found->Domain.str());
  Call.set_name(lathe::onnx::getNodeName(Op->getLoc()).str());
  const lathe::onnx::OpFacts &Facts = *lathe::onnx::getFacts(Op);
  for (unsigned Declared = 0; Declared < Facts.Operands.size(); ++Declared) {
    auto [First, Count] = lathe::onnx::getOperandSegment(Op, Declared);
    if (!Count)
      Call.add_input("");
    for (Value V : Op->getOperands().slice(First, Count)) {
      std::string Name = "in" + std::to_string(Graph.input_size());
      Call.add_input(Name);
      pb::ValueInfoProto &Info = *Graph.add_input();
      Info.set_name(Name);
      if (!writeType(V.getType(), *Info.mutable_type()))
        return {};
    }
  }
  for (unsigned I = 0; I < Op->getNumResults(); ++I) {
    std::string Name = "out" + std::to_string(I);
    Call.add_output(Name);
    Graph.add_output()->set_name(Name);
  }
  for (NamedAttribute Attr : Op->getAttrs())
    if (Facts.findAttr(Attr.getName()) &&
        !writeAttribute(Attr, *Call.add_attribute()))
      return {};

  std::string Bytes = Model.SerializeAsString();
  std::shared_ptr<llvm::MemoryBuffer> Buffer =
      llvm::MemoryBuffer::getMemBufferCopy(Bytes, "function");
  return importONNXBuffer(std::move(Buffer), "function", *Op->getContext());
}
