//===- Passes.td - Passes of the stage Compress ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_COMPRESS_PASSES_TD
#define LATHE_COMPRESS_PASSES_TD

include "mlir/Pass/PassBase.td"

class Prune<string what> : Pass<"compress-prune-" # what, "::mlir::ModuleOp"> {
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
}

defvar SkipText = "Names of nodes whose weights stay as they are";

// What floatsPay asks of a target (ByteCost.h).
defvar UnitOptions = [
  Option<"lanes", "lanes", "int64_t", "0",
         "Lanes of f32 in a register of the target; 0: bytes are chosen always">,
  Option<"packed", "packed", "int64_t", "0",
         "Products of bytes that it adds in a lane at once, columns packed before">,
  Option<"computed", "computed", "int64_t", "0",
         "The same with computed columns; 0: it has no such instruction">,
];

def PruneMagnitude : Prune<"magnitude"> {
  let summary = "The smallest weights become zero";
  let description = [{
    Sets that part of the weights of Conv, ConvTranspose, Gemm and MatMul to zero
    whose magnitudes are least, over all layers together or in each by itself
    (Han et al., Learning both Weights and Connections for Efficient Neural
    Networks, 2015). Together, magnitudes are relative to the root of the mean
    square of their layer: scales that the graph's passes moved from layer to layer
    change nothing. Among equal magnitudes the first go. Weights are counted by
    their bits in two rounds, never sorted: a model needs no second copy but that
    of its changed constants.
  }];
  let options = [
    Option<"fraction", "fraction", "double", "0", "Part of the weights, 0 to 1">,
    Option<"perLayer", "per-layer", "bool", "false", "That part of each layer">,
    ListOption<"skip", "skip", "std::string", SkipText>,
  ];
  let statistics = [Statistic<"zeros", "zeros", "Weights that became zero">];
}

def PruneSigma : Prune<"sigma"> {
  let summary = "Weights below alpha standard deviations of their layer become zero";
  let description = [{
    The threshold of each layer is alpha times the standard deviation of its
    weights: layers of wide distribution lose the same share as narrow ones.
  }];
  let options = [
    Option<"alpha", "alpha", "double", "0", "Standard deviations">,
    ListOption<"skip", "skip", "std::string", SkipText>,
  ];
  let statistics = [Statistic<"zeros", "zeros", "Weights that became zero">];
}

def PrunePattern : Prune<"pattern"> {
  let summary = "Zeros in a pattern: N of M weights stay, or whole blocks go";
  let description = [{
    `N:M`: of every M consecutive weights along the inputs of an output (the
    channels of a convolution, at each position of its window) the N largest
    stay. `RxC:FRACTION`: the matrix of outputs by inputs is cut into blocks of R
    by C, and that part of them with the least norms becomes zero. Sizes must
    divide; depthwise convolutions, which have one input for an output, are left
    as they are.
  }];
  let options = [
    Option<"pattern", "pattern", "std::string", "", "N:M or RxC:FRACTION">,
    ListOption<"skip", "skip", "std::string", SkipText>,
  ];
  let statistics = [Statistic<"zeros", "zeros", "Weights that became zero">];
}

def PruneChannels : Prune<"channels"> {
  let summary = "Whole channels go: the network becomes a smaller dense one";
  let description = [{
    Channels that depend on each other go together: those of layers whose results
    are added, normalised, concatenated, filtered one by one; with the rows of
    every weight, bias and parameter that belong to them. Convolutions in groups
    lose whole groups or the same channels of each, group norms whole groups,
    attention whole heads with what projects to and from them. Channels of the
    inputs and outputs of the model stay, as do those over which a norm is taken
    and those that meet an op without a rule: without what goes the network
    computes what it would with zeros there. Of each set of layers that share their channels, the given part with the
    least norms goes (Li et al., Pruning Filters for Efficient ConvNets, 2017;
    norms relative to their layer's mean, averaged over the layers of a set), and
    at least one stays.

    ```mlir
    %1 = onnx.Conv(%0, %w1, %b1) ...   tensor<1x16x8x8xf32>   // %w1 : 16x1x3x3
    %2 = onnx.Relu(%1)
    %3 = onnx.Conv(%2, %w2, %b2) ...                          // %w2 : 32x16x3x3
    // fraction=0.25
    %1 = onnx.Conv(%0, %w1, %b1) ...   tensor<1x12x8x8xf32>   // %w1 : 12x1x3x3
    %2 = onnx.Relu(%1)
    %3 = onnx.Conv(%2, %w2, %b2) ...                          // %w2 : 24x12x3x3
    ```
  }];
  let options = [
    Option<"fraction", "fraction", "double", "0", "Part of the channels, below 1">,
    Option<"keepShapes", "keep-shapes", "bool", "false",
           "Zeros take the place of what goes: the same results from a network of the old size">,
    Option<"remarks", "remarks", "bool", "false", "Tell of layers whose channels all stay, and why">,
    ListOption<"skip", "skip", "std::string", SkipText>,
  ];
  let statistics = [Statistic<"channels", "channels", "Channels of layers removed">];
}

def PruneLayers : Prune<"layers"> {
  let summary = "Residual branches that add least are removed";
  let description = [{
    A branch is what lies between a value and a sum that adds the value itself
    back; removed, the sum becomes the value. What a branch adds is estimated from
    its weights: the product of its layers' gains for a signal of unit variance,
    sqrt(sum of squares / outputs). Branches within branches go before those around
    them.
  }];
  let options = [
    Option<"amount", "amount", "double", "0", "Number, or a fraction below 1">,
    ListOption<"skip", "skip", "std::string", SkipText>,
  ];
  let statistics = [Statistic<"branches", "branches", "Branches removed">];
}

def MoveQuantize : Pass<"compress-move-quantize", "::mlir::ModuleOp"> {
  let summary = "What only moves elements runs on integers";
  let description = [{
    DequantizeLinear moves down and QuantizeLinear up through ops that move or
    choose elements (Reshape, Transpose, Concat, Split, MaxPool, ...), where one
    scale and zero point serve the whole tensor. Where they meet with the same
    parameters both go: `Q(D(x))` is x exactly. A Relu before a QuantizeLinear
    whose zero point is the least integer goes: saturation does the same.
  }];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
}

def IntegerLayers : Pass<"compress-integer-layers", "::mlir::ModuleOp"> {
  let summary = "Layers between DequantizeLinear and QuantizeLinear multiply integers";
  let description = [{
    Conv, Gemm and MatMul of a dequantized input and dequantized constant weights
    (symmetric, one scale or one for each output) become QLinearConv or
    QLinearMatMul where the result is quantized at once and the bias is in integers
    or absent, else ConvInteger or MatMulInteger with scales and bias in floats
    behind, which are epilogues of the same kernel later.

    ```mlir
    %x = onnx.DequantizeLinear(%xq, ...)   %w = onnx.DequantizeLinear(%wq, ...)
    %y = onnx.Conv(%x, %w)                 %z = onnx.QuantizeLinear(%y, ...)
    // becomes
    %z = onnx.QLinearConv(%xq, .., %wq, .., ..)
    ```
  }];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [Statistic<"layers", "layers", "Layers that multiply integers">];
}

def TurnConvolutions : Pass<"compress-turn-convolutions", "::mlir::ModuleOp"> {
  let summary = "ConvTranspose as a Conv of all phases of its strides";
  let description = [{
    Of the input that ConvTranspose spreads `s` apart all but one of `s` elements are
    zeros. So each of the `s` phases of the result (along each axis) is a convolution of
    the input itself with every `s`-th weight of the turned window (Shi et al.,
    Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
    Convolutional Neural Network, 2016). One Conv computes all of them as channels, a
    Transpose lays them side by side, a Slice cuts what pads leave out. Weights are
    turned at once, integers with their scales and zero points. What knows Conv (the
    passes on integers above all) then serves ConvTranspose too.

    ```mlir
    %y = onnx.ConvTranspose(%x, %w) {pads = [1, 1, 1, 1], strides = [2, 2]}   // %w: 8x16x4x4
    // becomes
    %p = onnx.Conv(%x, %turned) {pads = [1, 1, 1, 1]}                         // %turned: 64x8x2x2
    %y = Slice(Reshape(Transpose(Reshape(%p))))
    ```
  }];
  let options = [
    Option<"floats", "floats", "bool", "false", "Those of floats too, not only those that read dequantized values">,
    Option<"depthwise", "depthwise", "bool", "false", "Of floats also those with one channel a group, which spread are as fast">,
  ];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [Statistic<"turned", "turned", "ConvTransposes that became Conv">];
}

def ExpandAttention : Pass<"compress-expand-attention", "::mlir::ModuleOp"> {
  let summary = "Attention as two MatMuls around a Softmax";
  let description = [{
    Gives names to the factors of the products within Attention, so that
    `compress-quantize` can store them in bytes:

    ```
    Attention(Q, K, V, mask)  ->  MatMul(Softmax(MatMul(Q, K^T) * scale + mask), V)
    ```

    Heads are moved in front by Reshape and Transpose. Attention with shared key heads,
    a cache, windows, a cap or a boolean mask stays as it is, and so does attention
    that is too small for bytes (a pure function of its shape and the target decides,
    ByteCost.h).
  }];
  let options = !listconcat([ListOption<"skip", "skip", "std::string", SkipText>], UnitOptions);
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [Statistic<"expanded", "expanded", "Attention ops that became MatMuls">];
}

def Quantize : Pass<"compress-quantize", "::mlir::ModuleOp"> {
  let summary = "Static quantization to 8 bits, calibrated by samples";
  let description = [{
    Inserts QuantizeLinear and DequantizeLinear at the inputs of layers, of
    products of two computed matrices and of poolings, unsigned and asymmetric, with the range that the float model shows
    over all samples (least and greatest element, zero included), and quantizes
    weights symmetrically with a scale for each output (Jacob et al., Quantization
    and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
    2018). Rounds half to even. Products that floats make sooner (ByteCost.h) stay
    in floats.
  }];
  let constructor = "::lathe::compress::createQuantize({}, nullptr, nullptr)";
  let options = !listconcat([ListOption<"skip", "skip", "std::string", SkipText>], UnitOptions);
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [Statistic<"layers", "layers", "Layers that were quantized">];
}

def QuantizeWeights : Pass<"compress-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "Weights in 8 or 4 bits; what they multiply stays in floats";
  let description = [{
    8 bits: symmetric, one scale for each output, as DequantizeLinear of a constant,
    which the layer's kernel applies. 4 bits: MatMul and Gemm become MatMulNBits with
    blocks of 32 weights along the inputs; convolutions get 8 bits.
  }];
  let options = [
    Option<"bits", "bits", "int64_t", "8", "8 or 4">,
    ListOption<"skip", "skip", "std::string", SkipText>,
  ];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [Statistic<"layers", "layers", "Layers whose weights were quantized">];
}

#endif // LATHE_COMPRESS_PASSES_TD
