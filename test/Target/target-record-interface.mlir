// RUN: lathe-opt %s --split-input-file --target-record-interface --verify-diagnostics | FileCheck %s

// Names, ONNX's own element types (ui8 is i8 since Lower, f16 may be f32) and names of
// dimensions; a size that became known since counts.
// CHECK: module attributes {
// CHECK-SAME: lathe.inputs = [{dims = ["batch", ""], name = "image", type = tensor<?x3xui8>}, {dims = [], name = "", type = tensor<4xf32>}]
// CHECK-SAME: lathe.outputs = [{dims = ["batch"], name = "class", type = tensor<5xui16>}]
func.func @main(%x: tensor<?x3xi8> {onnx.name = "image", onnx.dims = ["batch", ""], onnx.type = tensor<?x3xui8>}, %y: tensor<4xf32>)
    -> (tensor<5xi16> {onnx.name = "class", onnx.dims = ["batch"], onnx.type = tensor<?xui16>}) {
  %0 = tensor.empty() : tensor<5xi16>
  return %0 : tensor<5xi16>
}

// -----

// expected-error @below {{no func.func @main}}
module {
  func.func @other() {
    return
  }
}
