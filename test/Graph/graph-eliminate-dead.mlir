// RUN: lathe-opt %s --graph-eliminate-dead --split-input-file | FileCheck %s

// Values that no result depends on, through a cycle of the loop.
// CHECK-LABEL: func.func @carried
// CHECK-NOT: onnx.Tanh
// CHECK: %[[L:.*]] = onnx.Loop(%arg0, none, %arg1) : {{.*}} -> tensor<2xf32> body(%{{.*}}: tensor<i64>, %[[C:.*]]: tensor<i1>, %[[A:.*]]: tensor<2xf32>) {
// CHECK-NEXT: %[[R:.*]] = onnx.Relu(%[[A]])
// CHECK-NEXT: onnx.Yield %[[C]], %[[R]] :
// CHECK: return %[[L]]
func.func @carried(%n: tensor<i64>, %x: tensor<2xf32>, %y: tensor<3xf32>) -> tensor<2xf32> {
  %dead = onnx.Tanh(%y) : (tensor<3xf32>) -> tensor<3xf32>
  %0:3 = onnx.Loop(%n, none, %x, %dead) : (tensor<i64>, tensor<2xf32>, tensor<3xf32>) -> (tensor<2xf32>, tensor<3xf32>, tensor<?x3xf32>) body(%i: tensor<i64>, %c: tensor<i1>, %a: tensor<2xf32>, %b: tensor<3xf32>) {
    %1 = onnx.Relu(%a) : (tensor<2xf32>) -> tensor<2xf32>
    %2 = onnx.Add(%b, %b) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
    onnx.Yield %c, %1, %2, %b : tensor<i1>, tensor<2xf32>, tensor<3xf32>, tensor<3xf32>
  }
  return %0#0 : tensor<2xf32>
}

// -----

// A value that the body passes on is the initial one; unused random numbers go too.
// CHECK-LABEL: func.func @invariant
// CHECK-NOT: Random
// CHECK: %[[L:.*]] = onnx.Loop(%arg0, none, %arg1) :
// CHECK: onnx.Add(%{{.*}}, %arg2)
// CHECK: return %[[L]], %arg2
func.func @invariant(%n: tensor<i64>, %x: tensor<2xf32>, %y: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %r = onnx.RandomNormal() {shape = [2]} : () -> tensor<2xf32>
  %0:2 = onnx.Loop(%n, none, %x, %y) : (tensor<i64>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) body(%i: tensor<i64>, %c: tensor<i1>, %a: tensor<2xf32>, %b: tensor<2xf32>) {
    %1 = onnx.Add(%a, %b) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %c, %1, %b : tensor<i1>, tensor<2xf32>, tensor<2xf32>
  }
  return %0#0, %0#1 : tensor<2xf32>, tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @once
// CHECK-NOT: onnx.Loop
// CHECK: %[[R:.*]] = onnx.Relu(%arg0)
// CHECK: %[[U:.*]] = onnx.Unsqueeze(%arg0,
// CHECK: return %[[R]], %[[U]]
func.func @once(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<1x2xf32>) {
  %n = onnx.Constant dense<1> : tensor<i64>
  %0:2 = onnx.Loop(%n, none, %x) : (tensor<i64>, tensor<2xf32>) -> (tensor<2xf32>, tensor<1x2xf32>) body(%i: tensor<i64>, %c: tensor<i1>, %a: tensor<2xf32>) {
    %1 = onnx.Relu(%a) : (tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %c, %1, %a : tensor<i1>, tensor<2xf32>, tensor<2xf32>
  }
  return %0#0, %0#1 : tensor<2xf32>, tensor<1x2xf32>
}

// -----

// CHECK-LABEL: func.func @never
// CHECK: %[[E:.*]] = onnx.Constant {{.*}} : tensor<0x2xf32>
// CHECK: return %arg0, %[[E]]
func.func @never(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<0x2xf32>) {
  %n = onnx.Constant dense<0> : tensor<i64>
  %0:2 = onnx.Loop(%n, none, %x) : (tensor<i64>, tensor<2xf32>) -> (tensor<2xf32>, tensor<0x2xf32>) body(%i: tensor<i64>, %c: tensor<i1>, %a: tensor<2xf32>) {
    %1 = onnx.Relu(%a) : (tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %c, %1, %a : tensor<i1>, tensor<2xf32>, tensor<2xf32>
  }
  return %0#0, %0#1 : tensor<2xf32>, tensor<0x2xf32>
}

// -----

// The axes of the inputs and outputs that stay are kept with them.
// CHECK-LABEL: func.func @scan
// CHECK: onnx.Scan(%arg0, %arg1) {num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [1]}
// CHECK-SAME: -> (tensor<2xf32>, tensor<2x5xf32>)
func.func @scan(%s: tensor<2xf32>, %x: tensor<2x5xf32>, %y: tensor<5x3xf32>) -> (tensor<2xf32>, tensor<2x5xf32>) {
  %0:3 = onnx.Scan(%s, %x, %y) {num_scan_inputs = 2, scan_input_axes = [1, 0], scan_output_axes = [0, 1]} : (tensor<2xf32>, tensor<2x5xf32>, tensor<5x3xf32>) -> (tensor<2xf32>, tensor<5x3xf32>, tensor<2x5xf32>) body(%a: tensor<2xf32>, %b: tensor<2xf32>, %c: tensor<3xf32>) {
    %1 = onnx.Add(%a, %b) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    %2 = onnx.Neg(%c) : (tensor<3xf32>) -> tensor<3xf32>
    onnx.Yield %1, %2, %b : tensor<2xf32>, tensor<3xf32>, tensor<2xf32>
  }
  return %0#0, %0#2 : tensor<2xf32>, tensor<2x5xf32>
}

// -----

// CHECK-LABEL: func.func @branches
// CHECK: %[[I:.*]] = onnx.If(%arg0) : (tensor<i1>) -> tensor<2xf32>
// CHECK: onnx.Yield %arg1 : tensor<2xf32>
// CHECK: onnx.Yield %arg2 : tensor<2xf32>
// CHECK: return %[[I]], %arg1
func.func @branches(%c: tensor<i1>, %x: tensor<2xf32>, %y: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %0:3 = onnx.If(%c) : (tensor<i1>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) then_branch {
    %1 = onnx.Neg(%x) : (tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %1, %x, %x : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
  } else_branch {
    onnx.Yield %x, %y, %x : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
  }
  return %0#1, %0#2 : tensor<2xf32>, tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @constant_condition
// CHECK-NOT: onnx.If
// CHECK: %[[R:.*]] = onnx.Neg(%arg0)
// CHECK: return %[[R]]
func.func @constant_condition(%x: tensor<2xf32>) -> tensor<2xf32> {
  %c = onnx.Constant dense<true> : tensor<i1>
  %0 = onnx.If(%c) : (tensor<i1>) -> tensor<2xf32> then_branch {
    %1 = onnx.Neg(%x) : (tensor<2xf32>) -> tensor<2xf32>
    onnx.Yield %1 : tensor<2xf32>
  } else_branch {
    onnx.Yield %x : tensor<2xf32>
  }
  return %0 : tensor<2xf32>
}
