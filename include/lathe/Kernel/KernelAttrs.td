//===- KernelAttrs.td - Schedules, packings, grids -*- tablegen -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_KERNELATTRS_TD
#define LATHE_KERNEL_KERNELATTRS_TD

include "lathe/Kernel/KernelDialect.td"
include "mlir/IR/AttrTypeBase.td"

class Kernel_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Kernel_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Layout of constants
//===----------------------------------------------------------------------===//

def Kernel_PackingAttr : Kernel_Attr<"Packing", "packing"> {
  let summary = "How the bytes of a constant are laid out at emission";
  let description = [{
    The semantics of `linalg.pack` with zero padding, applied to the source
    constant when its bytes are written: each dimension `blocks[i]` of the source
    is cut into tiles of `tiles[i]` elements (the last one padded with zeros), the
    outer dimensions (those of the source, blocked ones counting tiles) are
    permuted by `outer` (result dimension i is source dimension outer[i]), and the
    tiles become the innermost dimensions in the order of `blocks`.

    A plain transposition has no blocks. Example: weights `[K, N]` in panels of
    64 columns, `[N/64, K, 64]`:

    ```mlir
    #kernel.packing<outer = [1, 0], blocks = [1], tiles = [64]>
    ```
  }];
  let parameters = (ins
    ArrayRefParameter<"int64_t">:$outer,
    OptionalArrayRefParameter<"int64_t">:$blocks,
    OptionalArrayRefParameter<"int64_t">:$tiles);
  let assemblyFormat = [{
    `<` `outer` `=` `[` $outer `]`
    (`,` `blocks` `=` `[` $blocks^ `]` `,` `tiles` `=` `[` $tiles `]`)? `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The shape that a source of shape \p Source has once packed.
    ::llvm::SmallVector<int64_t> packedShape(::llvm::ArrayRef<int64_t> Source) const;
    /// The packing that first applies \p First and then this one; \p First must
    /// be a plain transposition (no blocks).
    PackingAttr after(PackingAttr First) const;
  }];
}

//===----------------------------------------------------------------------===//
// Schedules: one attribute per kind of root
//===----------------------------------------------------------------------===//

def Kernel_DotParameter : DefaultValuedParameter<"::lathe::DotKind", "::lathe::DotKind::None"> {
  let parser = "parseDotKind($_parser)";
  let printer = "$_printer << ::lathe::dotName($_self)";
}

def Kernel_ContractionScheduleAttr
    : Kernel_Attr<"ContractionSchedule", "contraction"> {
  let summary = "Schedule of a contraction or dense convolution";
  let description = [{
    Register tile of `mr` rows by `nv` vectors of `lanes` elements; the reduction is
    cut into chunks of `kc` (0: one chunk). The right-hand side is packed in panels
    of nv * lanes columns, as the packing on its `kernel.weight` says.

    `dot`: bytes are multiplied by this instruction (`lathe/Support/DotForm.h`). Where
    it adds several terms of a sum in each lane at once, the right-hand side lies in
    groups of so many terms T for each column, `[N/NR, .., K/T, NR, T]`, padded with
    zeros.

    `bits` > 0: four bytes of a column lie together likewise, which hold weights of so
    many bits; they are made floats in registers, word by word.
  }];
  let parameters = (ins "int64_t":$mr, "int64_t":$nv, "int64_t":$lanes,
                        DefaultValuedParameter<"int64_t", "0">:$kc,
                        Kernel_DotParameter:$dot,
                        DefaultValuedParameter<"int64_t", "0">:$bits);
  let assemblyFormat = "`<` struct(params) `>`";
}

//===----------------------------------------------------------------------===//
// Parallel range of a compiled kernel
//===----------------------------------------------------------------------===//

def Kernel_GridAttr : Kernel_Attr<"Grid", "grid"> {
  let summary = "Extent of a kernel's outermost parallel loop";
  let description = [{
    The loop counts ceil(size of dimension `dim` of argument `arg` / `step`)
    iterations. A compiled kernel runs any range [lo, hi) of them.
  }];
  let parameters = (ins "int64_t":$arg, "int64_t":$dim,
                        DefaultValuedParameter<"int64_t", "1">:$step);
  let assemblyFormat = "`<` struct(params) `>`";
}

//===----------------------------------------------------------------------===//
// Launch of a kernel on a device
//===----------------------------------------------------------------------===//

def Kernel_BlocksAttr : Kernel_Attr<"Blocks", "blocks"> {
  let summary = "How many blocks of threads a group of dimensions takes";
  let description = [{
    ceil(`size` times the sizes of dimensions `dims` of the launch's argument / `step`).
  }];
  let parameters = (ins "int64_t":$size, "int64_t":$step,
                        OptionalArrayRefParameter<"int64_t">:$dims);
  let assemblyFormat = [{
    `<` `size` `=` $size `,` `step` `=` $step (`,` `dims` `=` `[` $dims^ `]`)? `>`
  }];
}

def Kernel_LaunchAttr : Kernel_Attr<"Launch", "launch"> {
  let summary = "Threads and blocks of a kernel on a device";
  let description = [{
    Each block has `threads` threads in one dimension. The number of blocks, also in
    one dimension, is the product over `blocks` (none: one block), whose sizes are
    those of argument `arg`; no more than `limit` of them where a limit is given (the
    kernel then strides over its elements).

    ```mlir
    #kernel.launch<threads = 256, arg = 2, blocks = [<size = 1, step = 64, dims = [0]>, <size = 128, step = 64>]>
    ```
  }];
  let parameters = (ins "int64_t":$threads, "int64_t":$arg,
                        DefaultValuedParameter<"int64_t", "0">:$limit,
                        OptionalArrayRefParameter<"::lathe::kernel::BlocksAttr">:$blocks);
  let assemblyFormat = [{
    `<` `threads` `=` $threads `,` `arg` `=` $arg `` custom<LimitAndBlocks>($limit, $blocks) `>`
  }];
}

#endif // LATHE_KERNEL_KERNELATTRS_TD
