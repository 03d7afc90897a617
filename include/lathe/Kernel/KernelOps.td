//===- KernelOps.td - Kernels, their calls, weights and places -*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_KERNELOPS_TD
#define LATHE_KERNEL_KERNELOPS_TD

include "lathe/Kernel/KernelAttrs.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, traits>;

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

def Kernel_FuncOp : Kernel_Op<"func", [
    AffineScope, AutomaticAllocationScope, FunctionOpInterface,
    IsolatedFromAbove]> {
  let summary = "A kernel";
  let description = [{
    A private function in destination-passing style. It has two forms.

    *On tensors* (from the stage Kernel to the emission of its body): the
    arguments are the ins (tensors, or scalars and indices that the body cannot
    read off its tensors), then the outs (tensors); the results are the outs, in
    order. The body holds at most one root (or reductions over the same
    rows) plus elementwise producers and epilogues, and may end by inserting a
    result into the middle of its filled out. `kind` names the root ("contraction", "conv", "pool", "reduction",
    "elementwise", "loop", "copy", "fill", ...), `schedule` is obeyed by an emitter
    (absent: the generic tier). `arg_types`, set by bufferization, gives each
    argument's memref type at its call sites.

    *On memrefs* (after `codegen-emit-kernels`): the arguments are those of
    `arg_types` and two indices more, `lo` and `hi`: the range of the outermost
    parallel loop that the call runs. `grid` tells its extent, absent: 1. There are no
    results.

    *For a device* (after `codegen-emit-gpu-kernels`): the arguments are those of
    `arg_types` alone; the body is what one thread does, `launch` tells how many threads
    and blocks there are.

    ```mlir
    kernel.func private @scale(%x: tensor<?x64xf32>, %s: tensor<64xf32>, %out: tensor<?x64xf32>) -> tensor<?x64xf32>
        attributes {kind = "elementwise"} {
      %r = linalg.generic ... ins(%x, %s : ...) outs(%out : ...) {...}
      kernel.return %r : tensor<?x64xf32>
    }
    kernel.func private @scale(%x: memref<?x64xf32>, %s: memref<64xf32>, %out: memref<?x64xf32>, %lo: index, %hi: index)
        attributes {kind = "elementwise", grid = #kernel.grid<arg = 2, dim = 0, step = 1>} {
      scf.for %i = %lo to %hi step %c1 { ... }
      kernel.return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name,
                       TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs,
                       OptionalAttr<StrAttr>:$kind,
                       OptionalAttr<AnyAttr>:$schedule,
                       OptionalAttr<TypeArrayAttr>:$arg_types,
                       OptionalAttr<Kernel_GridAttr>:$grid,
                       OptionalAttr<Kernel_LaunchAttr>:$launch);
  let regions = (region AnyRegion:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name,
                                 "::mlir::FunctionType":$type,
                                 CArg<"::llvm::StringRef", "{}">:$kind)>];
  let extraClassDeclaration = [{
    // FunctionOpInterface.
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }

    /// The body has been emitted: arguments are memrefs, `lo` and `hi` follow where
    /// it is not for a device.
    bool isEmitted();
    /// Number of outs; only on tensors, where the results tell it.
    unsigned getNumOuts() { return getFunctionType().getNumResults(); }
    unsigned getNumIns() { return getFunctionType().getNumInputs() - getNumOuts(); }
  }];
}

def Kernel_ReturnOp : Kernel_Op<"return", [
    Pure, HasParent<"FuncOp">, ReturnLike, Terminator]> {
  let summary = "End of a kernel: yields its outs, in order";
  let arguments = (ins Variadic<AnyType>:$operands);
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
  let hasVerifier = 1;
}

def Kernel_CallOp : Kernel_Op<"call", [
    AttrSizedOperandSegments, DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel over the whole of its outs";
  let description = [{
    On tensors the results are the outs as the kernel leaves them; on memrefs the
    kernel writes them and there are no results. Scalars and indices stand among
    the ins.

    ```mlir
    %1 = kernel.call @scale ins(%x, %s : tensor<?x64xf32>, tensor<64xf32>) outs(%e : tensor<?x64xf32>) -> tensor<?x64xf32>
    kernel.call @scale ins(%x, %s : memref<?x64xf32>, memref<64xf32>) outs(%o : memref<?x64xf32>)
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyType>:$ins,
                       Variadic<AnyShaped>:$outs);
  let results = (outs Variadic<AnyTensor>:$results);
  let assemblyFormat = [{
    $callee (`ins` `(` $ins^ `:` type($ins) `)`)?
    (`outs` `(` $outs^ `:` type($outs) `)`)? attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getOutsMutable(); }
  }];
}

def Kernel_LookupOp : Kernel_Op<"lookup", [Pure, AllTypesMatch<["index", "result"]>]> {
  let summary = "A function of a byte, by its table";
  let description = [{
    The byte of `table` at the place that `index`, an unsigned number, says; of each
    lane, if it is a vector. Stands within the bodies of structured ops, and nothing
    writes the table.

    ```mlir
    %y = kernel.lookup %table[%x] : tensor<256xi8>, i8
    %y = kernel.lookup %table[%x] : memref<256xi8>, vector<64xi8>
    ```
  }];
  let arguments = (ins AnyTypeOf<[1DTensorOf<[I8]>, MemRefRankOf<[I8], [1]>]>:$table,
                       AnyTypeOf<[I8, VectorOfRankAndType<[1], [I8]>]>:$index);
  let results = (outs AnyTypeOf<[I8, VectorOfRankAndType<[1], [I8]>]>:$result);
  let assemblyFormat = "$table `[` $index `]` attr-dict `:` type($table) `,` type($index)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Constants and places
//===----------------------------------------------------------------------===//

def Kernel_WeightOp : Kernel_Op<"weight", [Pure]> {
  let summary = "A constant of the model, read only";
  let description = [{
    The bytes of `value`, laid out by `packing` if there is one, at `offset` in the
    blob of weights (set by `kernel-place-weights`). The result has the packed shape.

    ```mlir
    %w = kernel.weight dense_resource<w> : tensor<64x100xf32>
           packing <outer = [1, 0], blocks = [1], tiles = [64]> at 4096 : tensor<2x64x64xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value, OptionalAttr<Kernel_PackingAttr>:$packing,
                       OptionalAttr<I64Attr>:$offset);
  let results = (outs AnyTypeOf<[AnyStaticShapeTensor, AnyStaticShapeMemRef]>:$result);
  let assemblyFormat = [{
    $value (`packing` $packing^)? (`at` $offset^)? attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

def Kernel_SlotOp : Kernel_Op<"slot", [Pure]> {
  let summary = "A place in the workspace";
  let description = [{
    A row-major buffer `offset` bytes into the workspace; one size per dynamic dimension.

    ```mlir
    %b = kernel.slot %offset[%n] : memref<?x64xf32>
    ```
  }];
  let arguments = (ins Index:$offset, Variadic<Index>:$sizes);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$offset (`[` $sizes^ `]`)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Kernel_AllocateOp : Kernel_Op<"allocate"> {
  let summary = "Memory of a size that nothing but the run knows";
  let description = [{
    A row-major buffer from the allocator of the call, given back when the call ends.
    Where there is no allocator, or it gives none, the model returns with a status.

    ```mlir
    %b = kernel.allocate [%n] : memref<?x64xf32>
    ```
  }];
  let arguments = (ins Variadic<Index>:$sizes);
  let results = (outs Res<AnyMemRef, "", [MemAlloc]>:$result);
  let assemblyFormat = "(`[` $sizes^ `]`)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Kernel_OutputOp : Kernel_Op<"output", [MemoryEffects<[MemWrite]>]> {
  let summary = "The place of a result whose shape is known at run time only";
  let description = [{
    Tells the caller the sizes of result `number` of the model (one operand per
    dynamic dimension) and gives the memory that it provides for them, row-major.
    If the caller provides none or too little, the model returns with a status.

    ```mlir
    %o = kernel.output 1[%n] : memref<?x4xf32>
    ```
  }];
  let arguments = (ins I64Attr:$number, Variadic<Index>:$sizes);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$number (`[` $sizes^ `]`)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Main on the host, kernels on a device
//===----------------------------------------------------------------------===//

def Kernel_LaunchOp : Kernel_Op<"launch"> {
  let summary = "Queues a kernel of the device module";
  let description = [{
    What `kernel.call` becomes where kernels run on a device: the callee is number
    `number` of the device module, `arg_types` are the types that it takes, `launch`
    its threads and blocks.

    ```mlir
    kernel.launch "scale" number 3(%x, %o) {launch = #kernel.launch<...>, arg_types = [...]} : memref<8xf32>, memref<8xf32>
    ```
  }];
  let arguments = (ins StrAttr:$kernel, I64Attr:$number, Kernel_LaunchAttr:$launch,
                       TypeArrayAttr:$arg_types, Variadic<AnyType>:$operands);
  let assemblyFormat = [{
    $kernel `number` $number `(` $operands `)` attr-dict (`:` type($operands)^)?
  }];
}

def Kernel_FetchOp : Kernel_Op<"fetch", [
    TypesMatchWith<"an element", "memref", "result",
                   "::llvm::cast<::mlir::MemRefType>($_self).getElementType()">]> {
  let summary = "An element of device memory, for the host";
  let description = [{
    Waits for everything that is queued; ends the run with a status if any of it
    failed. What a condition or a size that depends on data costs.
  }];
  let arguments = (ins AnyMemRef:$memref, Variadic<Index>:$indices);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$memref `[` $indices `]` attr-dict `:` type($memref)";
}

def Kernel_PutOp : Kernel_Op<"put", [
    TypesMatchWith<"an element", "memref", "value",
                   "::llvm::cast<::mlir::MemRefType>($_self).getElementType()">]> {
  let summary = "Queues the write of an element of device memory";
  let arguments = (ins AnyType:$value, AnyMemRef:$memref, Variadic<Index>:$indices);
  let assemblyFormat = "$value `,` $memref `[` $indices `]` attr-dict `:` type($memref)";
}

#endif // LATHE_KERNEL_KERNELOPS_TD
