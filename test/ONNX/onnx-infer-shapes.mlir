// RUN: lathe-opt %s --onnx-infer-shapes --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @conv
// CHECK-SAME: -> tensor<?x8x6x4xf32>
func.func @conv(%x: tensor<?x4x13x8xf32>, %w: tensor<8x2x3x3xf32>) -> tensor<*xf32> {
  %y = onnx.Conv(%x, %w) {group = 2, pads = [0, 1, 0, 1], strides = [2, 2]} : (tensor<?x4x13x8xf32>, tensor<8x2x3x3xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// The view of a transformer: the target shape is computed, all but the batch is known.
// CHECK-LABEL: func.func @heads
// CHECK-SAME: -> tensor<?x12x7x64xf32>
func.func @heads(%x: tensor<?x7x768xf32>) -> tensor<*xf32> {
  %s = onnx.Shape(%x) : (tensor<?x7x768xf32>) -> none
  %i0 = onnx.Constant dense<0> : tensor<i64>
  %b = onnx.Gather(%s, %i0) : (none, tensor<i64>) -> none
  %a = onnx.Constant dense<0> : tensor<1xi64>
  %b1 = onnx.Unsqueeze(%b, %a) : (none, tensor<1xi64>) -> none
  %l = onnx.Constant dense<-1> : tensor<1xi64>
  %h = onnx.Constant dense<[12, 64]> : tensor<2xi64>
  %t = onnx.Concat(%b1, %l, %h) {axis = 0} : (none, tensor<1xi64>, tensor<2xi64>) -> none
  // CHECK: onnx.Reshape({{.*}} -> tensor<?x7x12x64xf32>
  %r = onnx.Reshape(%x, %t) : (tensor<?x7x768xf32>, none) -> tensor<*xf32>
  %y = onnx.Transpose(%r) {perm = [0, 2, 1, 3]} : (tensor<*xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

// With static shapes the whole chain becomes a constant.
// CHECK-LABEL: func.func @static_chain
// CHECK-NEXT: %[[C:.*]] = onnx.Constant dense<[2, 12]> : tensor<2xi64>
// CHECK-NEXT: onnx.Reshape(%arg0, %[[C]])
// CHECK-NEXT: return
func.func @static_chain(%x: tensor<2x3x4xf32>) -> none {
  %s = onnx.Shape(%x) : (tensor<2x3x4xf32>) -> none
  %z = onnx.Constant dense<0> : tensor<1xi64>
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %b = onnx.Slice(%s, %z, %one, %z) : (none, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> none
  %n = onnx.Size(%x) : (tensor<2x3x4xf32>) -> none
  %d = onnx.Div(%n, %b) : (none, none) -> none
  %t = onnx.Concat(%b, %d) {axis = 0} : (none, none) -> none
  %y = onnx.Reshape(%x, %t) : (tensor<2x3x4xf32>, none) -> none
  return %y : none
}

// -----

// PyTorch's expand: where(shape == -1, 1, shape).
// CHECK-LABEL: func.func @expand_like
// CHECK-SAME: -> tensor<?x5x3xf32>
func.func @expand_like(%x: tensor<?x1x3xf32> {onnx.dims = ["batch", "", ""]}) -> none {
  %s = onnx.Shape(%x) {end = 1} : (tensor<?x1x3xf32>) -> none
  %c = onnx.Constant dense<[5, -1]> : tensor<2xi64>
  %t = onnx.Concat(%s, %c) {axis = 0} : (none, tensor<2xi64>) -> none
  %k = onnx.Constant dense<3> : tensor<1xi64>
  %one = onnx.Constant dense<1> : tensor<i64>
  %ones = onnx.ConstantOfShape(%k) {value = dense<1> : tensor<1xi64>} : (tensor<1xi64>) -> none
  %minus = onnx.Neg(%ones) : (none) -> none
  %eq = onnx.Equal(%t, %minus) : (none, none) -> none
  %w = onnx.Where(%eq, %ones, %t) : (none, none, none) -> none
  %y = onnx.Expand(%x, %w) : (tensor<?x1x3xf32>, none) -> none
  return %y : none
}

// -----

// Upsampling by computed sizes through floats.
// CHECK-LABEL: func.func @upsample
// CHECK-SAME: -> tensor<1x3x14x10xf32>
func.func @upsample(%x: tensor<1x3x7x5xf32>) -> none {
  %s = onnx.Shape(%x) {start = 2} : (tensor<1x3x7x5xf32>) -> none
  %f = onnx.Cast(%s) {to = 1} : (none) -> none
  %two = onnx.Constant dense<2.0> : tensor<f32>
  %m = onnx.Mul(%f, %two) : (none, tensor<f32>) -> none
  %fl = onnx.Floor(%m) : (none) -> none
  %i = onnx.Cast(%fl) {to = 7} : (none) -> none
  %nc = onnx.Constant dense<[1, 3]> : tensor<2xi64>
  %sizes = onnx.Concat(%nc, %i) {axis = 0} : (tensor<2xi64>, none) -> none
  %y = onnx.Resize(%x, none, none, %sizes) : (tensor<1x3x7x5xf32>, none) -> none
  return %y : none
}

// -----

// The carried tensor grows: its first dimension is unknown in every iteration.
// CHECK-LABEL: func.func @loop
// CHECK-SAME: -> (tensor<?x2xf32>, tensor<4x3xf32>)
func.func @loop(%x: tensor<1x2xf32>, %r: tensor<3xf32>) -> (none, none) {
  %n = onnx.Constant dense<4> : tensor<i64>
  %0:2 = onnx.Loop(%n, none, %x) : (tensor<i64>, tensor<1x2xf32>) -> (none, none) body(%i: tensor<i64>, %c: tensor<i1>, %v: none) {
    // CHECK: onnx.Concat({{.*}} : (tensor<?x2xf32>, tensor<1x2xf32>) -> tensor<?x2xf32>
    %g = onnx.Concat(%v, %x) {axis = 0} : (none, tensor<1x2xf32>) -> none
    %s = onnx.Relu(%r) : (tensor<3xf32>) -> none
    onnx.Yield %c, %g, %s : tensor<i1>, none, none
  }
  return %0#0, %0#1 : none, none
}

// -----

// CHECK-LABEL: func.func @scan
// CHECK-SAME: -> (tensor<2xf32>, tensor<5x2xf32>)
func.func @scan(%s: tensor<2xf32>, %x: tensor<5x2xf32>) -> (none, none) {
  %0:2 = onnx.Scan(%s, %x) {num_scan_inputs = 1} : (tensor<2xf32>, tensor<5x2xf32>) -> (none, none) body(%a: none, %b: none) {
    %c = onnx.Add(%a, %b) : (none, none) -> none
    onnx.Yield %c, %c : none, none
  }
  return %0#0, %0#1 : none, none
}

// -----

// CHECK-LABEL: func.func @sequences
// CHECK-SAME: -> (tensor<2x?xf32>, !onnx.opt<tensor<2x3xf32>>)
func.func @sequences(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) -> (none, none) {
  // CHECK: !onnx.seq<tensor<2x?xf32>>
  %s = onnx.SequenceConstruct(%a, %b) : (tensor<2x3xf32>, tensor<2x4xf32>) -> none
  %y = onnx.ConcatFromSequence(%s) {axis = 1} : (none) -> none
  %o = onnx.Optional(%a) : (tensor<2x3xf32>) -> none
  return %y, %o : none, none
}

// -----

// CHECK-LABEL: func.func @families
func.func @families(%x: tensor<2x3x8x8xf32>, %h: tensor<5x2x4xf32>, %w: tensor<2x12x4xf32>, %r: tensor<2x12x3xf32>) {
  // CHECK: onnx.MaxPool{{.*}} -> (tensor<2x3x4x4xf32>, tensor<2x3x4x4xi64>)
  %0:2 = onnx.MaxPool(%x) {kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_UPPER"} : (tensor<2x3x8x8xf32>) -> (none, none)
  // CHECK: onnx.GRU{{.*}} -> (tensor<5x2x2x4xf32>, tensor<2x2x4xf32>)
  %w2 = onnx.Constant dense<0.0> : tensor<2x12x4xf32>
  %1:2 = onnx.GRU(%h, %w2, %w2) {direction = "bidirectional", hidden_size = 4} : (tensor<5x2x4xf32>, tensor<2x12x4xf32>, tensor<2x12x4xf32>) -> (none, none)
  // CHECK: onnx.ReduceMean{{.*}} -> tensor<2x1x8x1xf32>
  %ax = onnx.Constant dense<[1, -1]> : tensor<2xi64>
  %2 = onnx.ReduceMean(%x, %ax) : (tensor<2x3x8x8xf32>, tensor<2xi64>) -> none
  // CHECK: onnx.Einsum{{.*}} -> tensor<2x5x12xf32>
  %3 = onnx.Einsum(%h, %w) {equation = "sbi,bgi->bsg"} : (tensor<5x2x4xf32>, tensor<2x12x4xf32>) -> none
  // CHECK: onnx.TopK{{.*}} -> (tensor<2x3x8x2xf32>, tensor<2x3x8x2xi64>)
  %k = onnx.Constant dense<2> : tensor<1xi64>
  %4:2 = onnx.TopK(%x, %k) : (tensor<2x3x8x8xf32>, tensor<1xi64>) -> (none, none)
  // CHECK: onnx.NonZero{{.*}} -> tensor<4x?xi64>
  %5 = onnx.NonZero(%x) : (tensor<2x3x8x8xf32>) -> none
  // CHECK: onnx.ConvTranspose{{.*}} -> tensor<2x7x17x17xf32>
  %cw = onnx.Constant dense<0.0> : tensor<3x7x3x3xf32>
  %6 = onnx.ConvTranspose(%x, %cw) {strides = [2, 2]} : (tensor<2x3x8x8xf32>, tensor<3x7x3x3xf32>) -> none
  // CHECK: onnx.Pad{{.*}} -> tensor<2x3x8x11xf32>
  %p = onnx.Constant dense<[1, 2]> : tensor<2xi64>
  %pa = onnx.Constant dense<[-1]> : tensor<1xi64>
  %7 = onnx.Pad(%x, %p, none, %pa) : (tensor<2x3x8x8xf32>, tensor<2xi64>, tensor<1xi64>) -> none
  // CHECK: onnx.Slice{{.*}} -> tensor<2x3x4x8xf32>
  %st = onnx.Constant dense<[-1]> : tensor<1xi64>
  %en = onnx.Constant dense<[-9223372036854775808]> : tensor<1xi64>
  %sa = onnx.Constant dense<[2]> : tensor<1xi64>
  %ss = onnx.Constant dense<[-2]> : tensor<1xi64>
  %8 = onnx.Slice(%x, %st, %en, %sa, %ss) : (tensor<2x3x8x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> none
  // CHECK: onnx.Identity{{.*}} -> tensor<2x3x8x8xf32>
  %c = onnx.Constant dense<true> : tensor<i1>
  %9 = onnx.If(%c) : (tensor<i1>) -> none then_branch {
    %i = onnx.Identity(%x) : (tensor<2x3x8x8xf32>) -> none
    onnx.Yield %i : none
  } else_branch {
    onnx.Yield %h : tensor<5x2x4xf32>
  }
  return
}

// -----

// The branch that is not taken may contradict itself; it goes.
// CHECK-LABEL: func.func @known_branch
// CHECK-SAME: -> tensor<2xf32>
// CHECK-NEXT: onnx.Relu
// CHECK-NEXT: return
func.func @known_branch(%x: tensor<2xf32>) -> none {
  %n = onnx.Size(%x) : (tensor<2xf32>) -> none
  %k = onnx.Constant dense<3> : tensor<i64>
  %c = onnx.Less(%n, %k) : (none, tensor<i64>) -> none
  %0 = onnx.If(%c) : (none) -> none then_branch {
    %1 = onnx.Relu(%x) : (tensor<2xf32>) -> none
    onnx.Yield %1 : none
  } else_branch {
    %s = onnx.Constant dense<[3, 3]> : tensor<2xi64>
    %2 = onnx.Reshape(%x, %s) : (tensor<2xf32>, tensor<2xi64>) -> none
    onnx.Yield %2 : none
  }
  return %0 : none
}

// -----

// An empty sequence says nothing of the elements that a loop puts in.
// CHECK-LABEL: func.func @collect
// CHECK-SAME: -> !onnx.seq<tensor<2x3xf32>>
func.func @collect(%n: tensor<i64>, %x: tensor<2x3xf32>) -> none {
  %e = onnx.SequenceEmpty() : () -> none
  %0 = onnx.Loop(%n, none, %e) : (tensor<i64>, none) -> none body(%i: none, %c: none, %s: none) {
    %1 = onnx.SequenceInsert(%s, %x) : (none, tensor<2x3xf32>) -> none
    onnx.Yield %c, %1 : none, none
  }
  return %0 : none
}

// -----

// Which rank the If yields depends on the run, but only one fits the product.
// CHECK-LABEL: func.func @guarded_squeeze
// CHECK-NOT: onnx.If
// CHECK: onnx.Gemm{{.*}} -> tensor<?x5xf32>
func.func @guarded_squeeze(%x: tensor<?x4x?xf32>, %w: tensor<4x5xf32>) -> none {
  %s = onnx.Shape(%x) {start = -1} : (tensor<?x4x?xf32>) -> none
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %axis = onnx.Constant dense<-1> : tensor<1xi64>
  %c = onnx.Equal(%s, %one) : (none, tensor<1xi64>) -> none
  %0 = onnx.If(%c) : (none) -> none then_branch {
    %1 = onnx.Squeeze(%x, %axis) : (tensor<?x4x?xf32>, tensor<1xi64>) -> none
    onnx.Yield %1 : none
  } else_branch {
    onnx.Yield %x : tensor<?x4x?xf32>
  }
  %y = onnx.Gemm(%0, %w) : (none, tensor<4x5xf32>) -> none
  return %y : none
}

// -----

// One element with or without a dimension: the result has the higher rank.
// CHECK-LABEL: func.func @single_element
// CHECK: onnx.If{{.*}} -> tensor<1xf32>
// CHECK: onnx.Reshape({{.*}} : (tensor<f32>, tensor<1xi64>) -> tensor<1xf32>
func.func @single_element(%c: tensor<i1>, %a: tensor<f32>, %b: tensor<1xf32>) -> none {
  %0 = onnx.If(%c) : (tensor<i1>) -> none then_branch {
    onnx.Yield %a : tensor<f32>
  } else_branch {
    onnx.Yield %b : tensor<1xf32>
  }
  return %0 : none
}

// The last 5 of fewer than 5 are all there are; of one more than 5 the rest.
// CHECK-LABEL: @window
func.func @window(%y: tensor<?xf32> {onnx.dims = ["n"]}, %z: tensor<6xf32>) -> (none, none) {
  %five = onnx.Constant dense<-5> : tensor<1xi64>
  %end = onnx.Constant dense<9223372036854775807> : tensor<1xi64>
  %axes = onnx.Constant dense<0> : tensor<1xi64>
  // CHECK: onnx.Slice(%{{.*}}) : (tensor<?xf32>, {{.*}} -> tensor<?xf32>
  %0 = onnx.Slice(%y, %five, %end, %axes) : (tensor<?xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> none
  // CHECK: onnx.Concat{{.*}} -> tensor<?xf32>
  %1 = onnx.Concat(%y, %z) {axis = 0} : (tensor<?xf32>, tensor<6xf32>) -> none
  // CHECK: onnx.Slice(%{{.*}}) : (tensor<?xf32>, {{.*}} -> tensor<5xf32>
  %2 = onnx.Slice(%1, %five, %end, %axes) : (none, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> none
  return %0, %2 : none, none
}
