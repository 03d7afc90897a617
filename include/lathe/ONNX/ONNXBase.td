//===- ONNXBase.td - What the generated ops build on ---*- tablegen -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The dialect, its types, the base class of every op and the few ops that no schema
// describes as we hold them (Constant, Yield). The other ops are in ONNXOps.td in the build
// tree, written by gen_ops.py. Constraints on operand types are not in ODS but in
// the fact table (Facts.h), checked by one trait: 230 ops compile faster that way.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_ONNXBASE_TD
#define LATHE_ONNX_ONNXBASE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/DialectBase.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "lathe/ONNX/ShapeInference.td"

def ONNX_Dialect : Dialect {
  let name = "onnx";
  let summary = "ONNX models at the newest opset";
  let cppNamespace = "::lathe::onnx";
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    /// The facts of an op of this dialect; null for Yield.
    const OpFacts *getFacts(::mlir::OperationName Name) const {
      return Facts.lookup(Name.getAsOpaquePointer());
    }
    /// What shape inference does with an op; null functions for one it does not know.
    InferenceFns getInference(::mlir::OperationName Name) const {
      return Inferences.lookup(Name.getAsOpaquePointer());
    }
  private:
    void registerTypes();
    void registerFacts();
    void registerInference();
    ::llvm::DenseMap<const void *, const OpFacts *> Facts;
    ::llvm::DenseMap<const void *, InferenceFns> Inferences;
  public:
  }];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

class ONNX_Type<string name, string typeMnemonic> : TypeDef<ONNX_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def ONNX_String : ONNX_Type<"String", "string"> {
  let summary = "a character string; only as the element of a tensor or a key";
}

def ONNX_Seq : ONNX_Type<"Seq", "seq"> {
  let summary = "a sequence of any length of values of one type";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
  let builders = [TypeBuilderWithInferredContext<(ins "::mlir::Type":$elementType), [{
    return $_get(elementType.getContext(), elementType);
  }]>];
}

def ONNX_Opt : ONNX_Type<"Opt", "opt"> {
  let summary = "a value that may be absent";
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
  let builders = [TypeBuilderWithInferredContext<(ins "::mlir::Type":$elementType), [{
    return $_get(elementType.getContext(), elementType);
  }]>];
}

def ONNX_Map : ONNX_Type<"Map", "map"> {
  let summary = "a map; the key is an integer or !onnx.string";
  let parameters = (ins "::mlir::Type":$keyType, "::mlir::Type":$valueType);
  let assemblyFormat = "`<` $keyType `,` $valueType `>`";
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// Checks an op against its facts: types, arities, attributes, regions.
def ONNX_Schema : NativeOpTrait<"FollowsSchema"> {
  let cppNamespace = "::lathe::onnx";
}

class ONNX_Op<string mnemonic, list<Trait> traits = []>
    : Op<ONNX_Dialect, mnemonic, !listconcat(traits, [ONNX_Schema, ONNX_ShapeInference])> {
  let hasCustomAssemblyFormat = 1;
  let extraClassDefinition = [{
    ::mlir::ParseResult $cppClass::parse(::mlir::OpAsmParser &Parser, ::mlir::OperationState &State) {
      return ::lathe::onnx::detail::parseOp(Parser, State);
    }
    void $cppClass::print(::mlir::OpAsmPrinter &Printer) {
      ::lathe::onnx::detail::printOp(Printer, *this);
    }
  }];
}

def ONNX_ConstantOp : Op<ONNX_Dialect, "Constant", [Pure, ConstantLike, AllTypesMatch<["value", "output"]>, ONNX_Schema,
                          ONNX_ShapeInference]> {
  let summary = "a constant tensor";
  let description = [{
    Up to 64 elements the value is dense, above that it is a resource whose blob may
    lie in the mapped model file. Read elements through ConstantView only.

        %0 = onnx.Constant dense<[1, -1]> : tensor<2xi64>
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs AnyType:$output);
  let builders = [OpBuilder<(ins "::mlir::ElementsAttr":$value), [{
    build($_builder, $_state, value.getShapedType(), value);
  }]>];
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def ONNX_YieldOp : Op<ONNX_Dialect, "Yield", [Pure, Terminator]> {
  let summary = "ends a subgraph and names its outputs";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
}

#endif // LATHE_ONNX_ONNXBASE_TD
