func.func @main(%x: tensor<2x200xf32>) -> tensor<2x200xf32> {
  %s = onnx.Constant dense<0.0> : tensor<f32>
  %e = onnx.Constant dense<200.0> : tensor<f32>
  %d = onnx.Constant dense<1.0> : tensor<f32>
  %r = onnx.Range(%s, %e, %d) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<200xf32>
  %n = onnx.Neg(%r) : (tensor<200xf32>) -> tensor<200xf32>
  %k = onnx.Exp(%n) : (tensor<200xf32>) -> tensor<200xf32>
  %y = onnx.Mul(%x, %k) : (tensor<2x200xf32>, tensor<200xf32>) -> tensor<2x200xf32>
  return %y : tensor<2x200xf32>
}
