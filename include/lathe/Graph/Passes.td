//===- Passes.td - Passes of the stage Graph ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_GRAPH_PASSES_TD
#define LATHE_GRAPH_PASSES_TD

include "mlir/Pass/PassBase.td"

def Rounds : Pass<"graph-rounds", "::mlir::ModuleOp"> {
  let summary = "Run passes again until they change nothing";
  let description = [{
    What a pass leaves may be what an earlier one looks for: the passes run round
    after round until one leaves the module as it was. In the pipeline of the stage
    they are those between cleaning up and the end. A round that finds nothing
    costs a walk a pass. Passes that undo each other would go on for ever: after
    `limit` rounds it stops, and counts that.

        graph-rounds{passes=graph-merge-movement,graph-narrow limit=4}
  }];
  let options = [
    Option<"passes", "passes", "std::string", "", "Passes of a round, a pipeline as text">,
    Option<"limit", "limit", "unsigned", "10", "Rounds at the most">
  ];
  let statistics = [
    Statistic<"NumRounds", "rounds", "Rounds, the last one without a change">,
    Statistic<"NumStopped", "stopped", "Times that the limit came first">
  ];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
}

def EliminateDead : Pass<"graph-eliminate-dead", "::mlir::ModuleOp"> {
  let summary = "Erase what no result of the model depends on, subgraphs included";
  let description = [{
    Nodes without used results go, whatever their kind: an onnx op acts by its results
    alone. Control flow is looked into:

    * `If`: results that nobody uses, and those that both branches yield from outside;
      a constant condition leaves its branch.
    * `Loop`, `Scan`: scan outputs and scan inputs that nobody uses; carried values that
      serve nothing but themselves (a cycle through the body); carried values that
      the body passes through become the initial value.
    * A loop that certainly runs not at all, or once, becomes its initial values or
      its body.

        %0:2 = onnx.Loop(%n, none, %x, %y) .. body(%i, %c, %a, %b) {
          %1 = onnx.Relu(%a)
          %2 = onnx.Add(%b, %b)
          onnx.Yield %c, %1, %2
        }
        return %0#0              // %b and the Add are gone
  }];
  let statistics = [
    Statistic<"Nodes", "nodes", "Dead nodes erased">,
    Statistic<"Values", "values", "Results, carried values and scan inputs removed">,
    Statistic<"Inlined", "inlined", "Branches and single iterations inlined">
  ];
}

def RemoveNoOps : Pass<"graph-remove-no-ops", "::mlir::ModuleOp"> {
  let summary = "Replace nodes that return an operand as it is by that operand";
  let description = [{
    Identity, Dropout that does not train, casts to the same type, views, transpositions,
    slices, pads, tiles and resizes that change nothing, one-operand forms of
    variadic ops, neutral elements (x + 0, x * 1, x ^ 1), repeated idempotent or
    self-inverse functions (Relu, Abs, Neg), windows and reductions over single
    elements, a quantization that undoes a dequantization with the same scale.
    What x + 0 makes of a negative zero is not kept.

        %1 = onnx.Transpose(%x) {perm = [0, 1, 2]}
        %2 = onnx.Relu(%1)       // onnx.Relu(%x)
  }];
  let statistics = [Statistic<"Removed", "removed", "Nodes replaced by an operand">];
}

def FoldConstants : Pass<"graph-fold-constants", "::mlir::ModuleOp"> {
  let summary = "Compute what depends on constants alone while compiling";
  let description = [{
    Every op whose operands, and what its regions capture, are constants or folded themselves is
    replaced by its value. Changes of shape and transpositions of a constant are done at once; all
    else is gathered over all functions and subgraphs into one module, compiled and run by the
    Evaluator, which gives the same bytes on every machine.

        %w = onnx.Constant dense_resource<w> : tensor<64x16xf16>
        %0 = onnx.Cast(%w) {to = 1 : i64} : ...
        %1 = onnx.Mul(%0, %scale) : ...           // onnx.Constant dense_resource<folded> : tensor<64x16xf32>

    An op stays, and a remark tells why if `remarks` is set, if it draws random numbers, is a
    DequantizeLinear (integer kernels want the integers; `dequantize` folds it), works on strings,
    makes the model grow (a result over 1 MiB and four times as large as the constants behind it, as
    those of Expand, Tile, ConstantOfShape tend to be), has a result over `limit` bytes that does not
    take the place of its constant, would take too long, or fails when it is run.
  }];
  let options = [
    Option<"Limit", "limit", "int64_t", "67108864",
           "Bytes of a result above which it stays, unless its constant goes; 0 folds nothing">,
    Option<"Dequantize", "dequantize", "bool", "false", "Fold DequantizeLinear too">,
    Option<"Remarks", "remarks", "bool", "false", "Report each op that stays, and why">
  ];
  let statistics = [
    Statistic<"NumMoved", "moved", "Constants reshaped or transposed at once">,
    Statistic<"NumFolded", "folded", "Values computed by the evaluator">,
    Statistic<"NumLeft", "left", "Ops with constant operands that stay">
  ];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
}

def GraphFuseActivations : Pass<"graph-fuse-activations", "::mlir::ModuleOp"> {
  let summary = "activations that were written out to the ops that ONNX has for them";
  let description = [{
    Gelu (by erf, by tanh, by a sigmoid), Swish (SiLU), HardSwish, HardSigmoid,
    Mish, Softplus, Sigmoid, PRelu and Clip. Products are compared as sets of
    factors, so every order and association of their multiplications is found:

        %1 = onnx.Div(%x, %sqrt2) ...
        %2 = onnx.Erf(%1) ...
        %3 = onnx.Add(%2, %one) ...             %y = onnx.Gelu(%x)
        %4 = onnx.Mul(%x, %3) ...
        %y = onnx.Mul(%4, %half) ...

    Numbers are compared within what their element type rounds away. A formula
    whose inner values are used elsewhere stays.
  }];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [
    Statistic<"Products", "gates", "Gelu, Swish, Mish, HardSwish and HardSigmoid from products">,
    Statistic<"HardSigmoids", "hard-sigmoids", "HardSigmoid from a clipped line">,
    Statistic<"Sigmoids", "sigmoids", "Sigmoid from its formula">,
    Statistic<"Softpluses", "softpluses", "Softplus from log(1 + exp(x))">,
    Statistic<"Rectifiers", "rectifiers", "Clip and PRelu from minima and maxima">,
  ];
}

def GraphFuseNorms : Pass<"graph-fuse-norms", "::mlir::ModuleOp"> {
  let summary = "normalizations that were written out to the ops that ONNX has for them";
  let description = [{
    (x - mean) / sqrt(variance + epsilon), then a scale and a shift by constants
    where they follow. Which op it is says the axes: trailing ones give a
    LayerNormalization, all behind the channels an InstanceNormalization (as the
    shape of the parameters says), the channels alone a LayerNormalization
    between two Transposes. Without the mean it is an RMSNormalization, also
    where it is computed in f32 between two casts. Further: TensorFlow's form
    x inv + (shift - mean inv); Reshape, InstanceNormalization, Reshape of
    PyTorch's group norm; sqrt(sum(x x)) to ReduceL2.

    An x over its length stays a Div: LpNormalization has no epsilon.
  }];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [
    Statistic<"Centred", "centred", "layer and instance norms">,
    Statistic<"RootMeanSquares", "root-mean-squares", "RMS norms">,
    Statistic<"Groups", "groups", "group norms">,
    Statistic<"Lengths", "lengths", "ReduceL2 from its formula">,
  ];
}

def GraphFuseAttention : Pass<"graph-fuse-attention", "::mlir::ModuleOp"> {
  let summary = "attention that was written out to onnx.Attention";
  let description = [{
    softmax(scale * Q K' + mask) V, with the scale on either side or on both, a
    cap, added and boolean masks, rows of NaN cleared, and keys and values
    repeated for groups of query heads. Where Q, K and V are the heads of
    [batch, sequence, heads * size] in any spelling (Transpose, Reshape, Split,
    Gather ...), and the result goes back to that form, the op takes and gives
    it without the movements:

        %q = onnx.Transpose(onnx.Reshape(%xq)) ...
        %s = onnx.MatMul(%q, %kt) ...
        %p = onnx.Softmax(onnx.Add(onnx.Div(%s, %c), %mask)) ...
        %y = onnx.Reshape(onnx.Transpose(onnx.MatMul(%p, %v))) ...
      to
        %y = onnx.Attention(%xq, %xk, %xv, %mask) {q_num_heads = 12, ...}

    A finite filler of a boolean mask counts as minus infinity only where every
    row provably sees a key. Weights that are used elsewhere keep the formula.

    Keys and values that a Concat joins to those of earlier tokens are the op's past; what
    reads the joined ones reads the op's results. A mask that hides exactly the later
    tokens (a part of a constant triangle, a comparison of positions) is `is_causal`, by
    the symbols of shape inference where sizes are dynamic; every other mask stays.
  }];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [
    Statistic<"Attentions", "attentions", "attentions fused">,
    Statistic<"OfRows", "of-rows", "attentions of heads that take rows instead">
  ];
}

def GraphFuseRotary : Pass<"graph-fuse-rotary", "::mlir::ModuleOp"> {
  let summary = "rotary embeddings that were written out to onnx.RotaryEmbedding";
  let description = [{
    x cos + rotate(x) sin, with rotate(x) the second half of each head negated and
    then the first. The tables must provably repeat themselves (a Concat of one
    value with itself below Cos and Sin, or constants): the op takes half of them.
    Where x is the heads of rows [batch, sequence, heads * size], the rows are
    turned, and the heads taken from the result:

        %h = onnx.Transpose(onnx.Reshape(%x)) ...
        %r = onnx.Concat(onnx.Neg(%second), %first) ...
        %y = onnx.Add(onnx.Mul(%h, %cos), onnx.Mul(%r, %sin)) ...
      to
        %t = onnx.RotaryEmbedding(%x, %c, %s) {num_heads = 8} ...
        %y = onnx.Transpose(onnx.Reshape(%t)) ...
  }];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [Statistic<"Rotations", "rotations", "rotary embeddings fused">];
}

def GraphExpandVendor : Pass<"graph-expand-vendor", "::mlir::ModuleOp"> {
  let summary = "composite ops of com.microsoft to the ops that ONNX has for the same";
  let description = [{
    Attention, QAttention, MultiHeadAttention, GroupQueryAttention, RotaryEmbedding and
    EmbedLayerNormalization, which ONNX Runtime's optimizer makes of transformers:

        %y, %p = onnx.ms.Attention(%x, %w, %b, %mask) {num_heads = 4}
      to
        %qkv = onnx.Add(onnx.MatMul(%x, %w), %b), three Slices of it
        %m = onnx.Where(onnx.Greater(%mask, 0), 0.0, -10000.0)
        %y, ... = onnx.Attention(%q, %k, %v, %m) {kv_num_heads = 4, q_num_heads = 4}

    The only pass of this stage besides shape inference that no level leaves out: later stages do not
    know these ops. Shapes of the new ops are inferred within the pass.
  }];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [Statistic<"NumExpanded", "expanded", "ops expanded">];
}

def GraphFuseRecurrent : Pass<"graph-fuse-recurrent", "::mlir::ModuleOp"> {
  let summary = "cells of LSTM and GRU that were written out to the ops that ONNX has for them";
  let description = [{
    A cell is known by its elementwise part, f(i) * g(c) + f(f) * c and f(o) * h(c') or
    (1 - z) * n + z * h, in any order, association and spelling; in front of each gate stands a
    sum of products with constant matrices, read through Gemm, MatMul, Add, Split, Slice and
    Concat, whatever order the framework keeps its gates in:

        %1 = onnx.Gemm(%x, %w, %bx) ...
        %2 = onnx.Gemm(%h, %r, %bh) ...
        %3 = onnx.Add(%1, %2) ...                        %y, %h', %c' = onnx.LSTM(%x, %w', %r',
        %i, %f, %g, %o = onnx.Split(%3) ...                     %b', none, %h, %c) {hidden_size = ..}
        ... sigmoid(%f) * %c + sigmoid(%i) * tanh(%g)
        ... sigmoid(%o) * tanh(%c')

    Cells that follow each other with the same weights, unrolled over time, become one op over the
    sequence: the products with all inputs are then one. The first cell, whose state an exporter
    knew to be zero, may have lost its products with it. What an input takes from an earlier step
    of its own sequence, as in a decoder, ends the sequence. Activations other than the default
    ones are kept by name, a GRU's reset gate before or behind the product by
    linear_before_reset. A cell of which another value leaves than its new state stays.

    A Loop or Scan that does nothing but run such cells, each on one element of a sequence and on
    the state of the last iteration, becomes LSTM and GRU over the sequence (layers above each
    other too), if it plainly runs a given number of times: TensorFlow's conditions that say the
    same once more are seen through.
  }];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [
    Statistic<"Cells", "cells", "cells of LSTM and GRU found written out">,
    Statistic<"Sequences", "sequences", "ops made of them">,
    Statistic<"Loops", "loops", "loops over one step replaced">,
  ];
}

def GraphFuseMovement : Pass<"graph-fuse-movement", "::mlir::ModuleOp"> {
  let summary = "strided slices that are concatenated to one Transpose";
  let description = [{
    Space to depth as YOLOX's focus or Swin's merging of patches write it: every
    n-th element of some dimensions, each start in turn, concatenated along
    another dimension. One Transpose between two Reshapes moves the same:

        %y = onnx.Concat(%x[::2, ::2], %x[1::2, ::2], %x[::2, 1::2], %x[1::2, 1::2])
      to
        %y = onnx.Reshape(onnx.Transpose(onnx.Reshape(%x)))
  }];
  let dependentDialects = ["::lathe::onnx::ONNXDialect"];
  let statistics = [Statistic<"SpacesToDepth", "spaces-to-depth", "concatenated slices replaced">];
}

def MergeScales : Pass<"graph-merge-scales", "::mlir::ModuleOp"> {
  let summary = "Fold scales and shifts by constants into the weights beside them";
  let description = [{
    BatchNormalization (inference), Mul, Div, Add, Sub and Neg with constants, one number
    for all elements or one for each channel, are affine functions. A chain of them
    after a Conv, ConvTranspose, Gemm or MatMul with constant weights goes into weights
    and bias; so does one before it, where padding takes no part. They travel up through
    Concat, part by part, and as positive scales through Relu, if there they find a
    contraction; a positive scale in front of a Relu travels down to the contraction that
    reads it, and leaves an Add. Elsewhere a chain becomes one Mul and one Add at most, so
    a BatchNormalization always does.

    Weights that others use too are copied only while small. New weights are computed in
    double and rounded once, for a whole chain.

        %1 = onnx.Conv(%x, %w)
        %2 = onnx.BatchNormalization(%1, %scale, %shift, %mean, %var)
        // onnx.Conv(%x, %w', %b')
  }];
  let statistics = [
    Statistic<"Absorbed", "absorbed", "Affine nodes folded into weights">,
    Statistic<"Travelled", "travelled", "Affine nodes moved up to a contraction">,
    Statistic<"Shortened", "shortened", "Chains made one Mul and Add">
  ];
}

def MergeMovement : Pass<"graph-merge-movement", "::mlir::ModuleOp"> {
  let summary = "Merge nodes that only move or copy, and push them to where they vanish";
  let description = [{
    * Chains of Reshape, Flatten, Squeeze and Unsqueeze become one Reshape or nothing, also
      with functions of single elements in between; a reduction keeps its
      dimensions or drops them as the view after it wants; casts whose first loses nothing
      become one.
    * A Transpose joins others above it, through elementwise ops, Concat and Softmax,
      if all it finds are of one permutation; one that moves only dimensions of size one
      is a Reshape.
    * Slice of Slice, Slice and Split of Concat, Concat of Concat and of neighbouring slices
      meet; a Pad with zeros goes into the convolution or average that reads it.
    * An Expand whose reader broadcasts anyway goes; a constant of one number
      becomes a scalar.
    * LSTM, GRU and RNN between two Transposes, there and back, take the batch first
      (layout = 1); an initial state that is zero is left out.

    No pattern makes a node that moves without removing one.

        %1 = onnx.Transpose(%x) {perm = [0, 2, 3, 1]}
        %2 = onnx.Relu(%1)
        %3 = onnx.Transpose(%2) {perm = [0, 3, 1, 2]}   // onnx.Relu(%x)
  }];
  let statistics = [Statistic<"Removed", "removed", "Nodes fewer than before">];
}

def UnifyConstants : Pass<"graph-unify-constants", "::mlir::ModuleOp"> {
  let summary = "Give equal constants one value";
  let description = [{
    Constants with the same type and the same bytes get one attribute, so that CSE leaves
    one node and the object holds the bytes once. Only constants of equal types are
    read, each once.
  }];
  let statistics = [Statistic<"Unified", "unified", "Constants that had an equal one">];
}

def UnifySizes : Pass<"graph-unify-sizes", "::mlir::ModuleOp"> {
  let summary = "Sizes that only the run knows are asked for once";
  let description = [{
    Exports of models with dynamic shapes ask each value for its shape. By the symbols of
    shape inference (SizeAnalysis.h), in the function's own block:

    * integers that are equal in every run become the first such value;
    * the shape of a Reshape becomes a constant where it copies (0), is known, or is
      what is left (-1);
    * Reshape, Expand and Slice that keep all of a tensor go;
    * rows that are a matrix for one Gemm only are multiplied as rows.

        %1 = onnx.Reshape(%x, [-1, 8])           // %x : tensor<?x?x8xf32>
        %2 = onnx.Gemm(%1, %w, %c)
        %3 = onnx.Reshape(%2, %sizes)            // onnx.Add(onnx.MatMul(%x, %w), %c)
  }];
  let statistics = [
    Statistic<"Unified", "unified", "Integers that are an earlier value">,
    Statistic<"Fixed", "fixed", "Shapes of Reshape that are constants now">,
    Statistic<"Removed", "removed", "Nodes that kept all of their operand">,
    Statistic<"Rejoined", "rejoined", "Products of rows that were matrices">
  ];
}

def Narrow : Pass<"graph-narrow", "::mlir::ModuleOp"> {
  let summary = "Compute only the part of a tensor that is used";
  let description = [{
    A Slice, or a Gather with constant indices at equal distances, that takes a part of a
    dimension tells what is needed of its operand. Where all users of a value want the same
    part, its producer is rebuilt smaller, and asks its operands for parts in turn:
    through elementwise ops, reductions, Softmax and norms along other dimensions, rows and
    columns of MatMul and Gemm, output channels of Conv, queries of Attention, windows by
    sample and channel, views and transpositions that keep the dimension, and Concat along
    another. Connected nodes are rebuilt together if that saves more work than the Slices
    at their border cost.

    The class token of a vision transformer and the last token of a decoder are met so:
    all but one row of the last layer goes.

        %1 = onnx.MatMul(%x, %w)                 // %x : tensor<1x197x768xf32>
        %2 = onnx.Gather(%1, %zero) {axis = 1}   // onnx.MatMul of 1 row of %x
  }];
  let statistics = [Statistic<"Narrowed", "narrowed", "Nodes that compute less">];
}

def MergeParallel : Pass<"graph-merge-parallel", "::mlir::ModuleOp"> {
  let summary = "One contraction for several of the same value";
  let description = [{
    MatMul, Gemm and Conv nodes that read one value and differ only in constant weights (and
    in constant bias vectors, those that an Add brings included) become one whose weights
    stand side by side, and a Split. A pure cost function (ParallelCost.h) decides: one
    contraction reads its data once and fills wide registers, but its parts lie
    apart, which costs a copy unless it is attention that reads them. Weights that
    others use too and quantized groups are left alone.

    With `keep-attended` what attention reads is as any other part: a model that is
    quantized next has a scale for each of queries, keys and values, and would store
    the parts one by one.

        %q = onnx.MatMul(%x, %wq)
        %k = onnx.MatMul(%x, %wk)   // Split(onnx.MatMul(%x, [wq wk]))
  }];
  let options = [Option<"KeepAttended", "keep-attended", "bool", "false",
                        "Count copies of what attention reads too">];
  let statistics = [Statistic<"Merged", "merged", "Contractions that are a part of one now">];
}

def ReduceStrength : Pass<"graph-reduce-strength", "::mlir::ModuleOp"> {
  let summary = "Cheaper nodes of the same value";
  let description = [{
    Powers 2, 3, 0.5, -1 and -0.5 are products, roots and reciprocals; x / c is a product
    with 1 / c, x / y with y repeated along rows a product with one reciprocal a row;
    Sum of two is Add; a negation goes into the sum or difference that reads it; reductions of
    reductions are one; an average over the whole image is GlobalAveragePool.

    With `keep-rounding` a division becomes a product only by powers of two: exact.

        %1 = onnx.Div(%x, %eight)    // onnx.Mul(%x, dense<0.125>)
  }];
  let options = [Option<"KeepRounding", "keep-rounding", "bool", "false",
                        "Leave out what rounds differently">];
  let statistics = [Statistic<"Reduced", "reduced", "Nodes made cheaper">];
}

def FormGemm : Pass<"graph-form-gemm", "::mlir::ModuleOp"> {
  let summary = "A product of matrices with its bias and transpositions is a Gemm";
  let description = [{
    MatMul of two matrices, and Gemm without a bias, take a following Add of something smaller
    than the result as their bias, and a Transpose of an operand as transA or transB.
    Quantized groups keep their form: what an integer product reads is
    DequantizeLinear, MatMul, Add, QuantizeLinear.

        %1 = onnx.MatMul(%a, %b)
        %2 = onnx.Add(%1, %c)    // onnx.Gemm(%a, %b, %c)
  }];
  let statistics = [Statistic<"Formed", "formed", "Gemms formed or extended">];
}

#endif // LATHE_GRAPH_PASSES_TD
