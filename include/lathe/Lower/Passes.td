//===- Passes.td - Passes of the stage Lower ------------------*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LOWER_PASSES_TD
#define LATHE_LOWER_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerExpandFunctions : Pass<"lower-expand-functions", "mlir::ModuleOp"> {
  let summary = "composite onnx ops to simpler onnx ops";
  let description = [{
    Attention, losses and their like, which no pattern lowers: by an expansion of
    ours, or by the function body that the onnx package gives the op (those that
    hold for every node; SwiGLU takes this road). The new ops have
    element types but no shapes: `onnx-infer-shapes` must follow.
  }];
}

def LowerResolveSequences : Pass<"lower-resolve-sequences", "mlir::ModuleOp"> {
  let summary = "sequences and optionals of known length to their elements";
  let description = [{
    New ops have no shapes: `onnx-infer-shapes` must follow. A sequence of maps
    that main returns (the result of a ZipMap) becomes the matrix of their values,
    and the attribute `onnx.keys` of the result of main holds the keys.
  }];
}

def LowerPackSequences : Pass<"lower-pack-sequences", "mlir::ModuleOp"> {
  let summary = "sequences of open length to two tensors each";
  let description = [{
    What `lower-resolve-sequences` leaves has a length that only the run knows. Its members lie
    one behind the other in a tensor `[n]`, their sizes are the rows of a second, `[members, rank]`:

        %t = onnx.SequenceInsert(%s, %x)
        ->
        %data = onnx.Concat(%s_data, Reshape(%x, [-1]))
        %sizes = onnx.Concat(%s_sizes, Unsqueeze(Shape(%x), [0]))

    Loop and If carry both, a SequenceMap becomes a Loop. Parts of a split tensor are slices of it as
    long as nothing but parts is asked for. New ops have no shapes: `onnx-infer-shapes` must follow.
    A model with one sequence that does not fit (members of unknown rank, strings) stays as it is.
  }];
}

def LowerCodeStrings : Pass<"lower-code-strings", "mlir::ModuleOp"> {
  let summary = "names of classes and categories to numbers";
  let description = [{
    All strings of a model that only chooses, moves and compares strings stand in it: each gets
    a number, tensors of strings become tensors of i64, and the attribute `onnx.keys` of an
    argument or result of main holds the list (-1 stands for any name that is not in it). `classlabels_strings = ["ant", "bee"]` becomes
    `classlabels_ints = [0, 1]`. A model that looks into strings or makes new ones stays as it is.
  }];
}

def LowerControlFlow : Pass<"lower-control-flow", "mlir::ModuleOp"> {
  let summary = "onnx.If, Loop and Scan to scf ops that carry tensors";
  let description = [{
    Runs before `lower-onnx-to-linalg`; the types are still ONNX's. Outputs that
    a loop stacks are slices of one tensor made before the loop.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::scf::SCFDialect",
    "mlir::tensor::TensorDialect"];
}

def LowerOnnxToLinalg : Pass<"lower-onnx-to-linalg", "mlir::ModuleOp"> {
  let summary = "onnx ops to linalg, tensor, scf and arith on tensors";
  let description = [{
    One pattern per op (`lathe/Lower/Patterns.h`). Types lose their signs
    (`ui8` becomes `i8`, the ops carry the sign from here on); what the model
    declared stays on each argument and result of a function as `onnx.type`.
    An op that no pattern takes is an error; all of them are listed at once.

    Sums of products of bytes read their rows as unsigned numbers, or with
    `signed-rows` as signed ones, whatever the model has: their sign bits are flipped
    on the way where needed, and a constant for each output makes up for it.
  }];
  let options = [
    Option<"signedRows", "signed-rows", "bool", "false",
           "The target multiplies signed bytes by signed ones">,
    Option<"byteWords", "byte-words", "bool", "true",
           "The target multiplies four bytes of a word at once">];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::cf::ControlFlowDialect",
    "mlir::linalg::LinalgDialect",
    "mlir::math::MathDialect", "mlir::scf::SCFDialect",
    "mlir::tensor::TensorDialect"];
}

def LowerCheckShapes : Pass<"lower-check-shapes", "mlir::ModuleOp"> {
  let summary = "what operands' shapes must agree in, checked by the run";
  let description = [{
    In front of an op whose operands must agree in a size that only the run knows
    stands a `cf.assert` of it, unless both are one value. It becomes the status
    LATHE_SHAPE_CONFLICT with the number of the node.

    ```mlir
    %n = tensor.dim %x, %c0 : tensor<?xf32>
    %m = tensor.dim %y, %c0 : tensor<?xf32>
    %same = arith.cmpi eq, %n, %m : index
    cf.assert %same, "the shapes do not fit together"
    %z = linalg.add ins(%x, %y : tensor<?xf32>, tensor<?xf32>) outs(%e : tensor<?xf32>) -> tensor<?xf32>
    ```
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::cf::ControlFlowDialect",
    "mlir::tensor::TensorDialect"];
}

def LowerFoldEmpty : Pass<"lower-fold-empty", "mlir::ModuleOp"> {
  let summary = "no work on tensors that are known to hold nothing";
  let description = [{
    A value of a type with a static dimension 0 becomes `tensor.empty`; a
    structured op over nothing leaves its destination (a reduction of nothing is
    its start value); empty parts of a concat and empty slices go.

    ```mlir
    %r = linalg.reduce {arith.addf} ins(%x : tensor<4x0xf32>) outs(%zeros : tensor<4xf32>) dimensions = [1]
    // is %zeros
    ```
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
    "mlir::tensor::TensorDialect"];
}

def LowerLegalizeStorage : Pass<"lower-legalize-storage", "mlir::ModuleOp"> {
  let summary = "element types that memory and registers can hold";
  let description = [{
    In memory i1 becomes i8, bf16 i16, float8 and the 4- and 2-bit types i8 (packed
    at the boundary of main, low bits first); f16 stays, or lies as f32 inside main. Bodies of structured ops
    and loop kernels compute narrow floats in f32. Conversions without hardware are
    integer arithmetic: half to even, NaN kept.
  }];
  let options = [
    Option<"nativeHalf", "native-half", "bool", "true",
           "The target has instructions between f16 and f32; without them f16 is stored as i16">,
    Option<"widenHalf", "widen-half", "bool", "false",
           "Keep f16 as f32 inside main: more memory, no rounding between ops">];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
    "mlir::math::MathDialect", "mlir::tensor::TensorDialect"];
}

#endif // LATHE_LOWER_PASSES_TD
