//===- Halo.h - Kernels that write into a filled tensor ---------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A result that is inserted into the middle of a filled tensor: the nest writes
// the middle, a view of the out, and the rest is filled here.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_HALO_H
#define LATHE_LIB_CODEGEN_HALO_H

#include "KernelContext.h"

namespace lathe::codegen {

/// Elements of Out that do not lie in [Begin, End) are Scalar's.
struct Halo {
  mlir::Value Out, Scalar;
  /// Where the middle begins and how large it is; the size may be dynamic.
  llvm::SmallVector<int64_t> Low, Inside;
  llvm::SmallVector<mlir::Value> Begin, End, Whole;

  bool mayBeBelow(unsigned D) const { return Low[D] > 0; }
  bool mayBeAbove(unsigned D) const {
    int64_t Size = mlir::cast<mlir::MemRefType>(Out.getType()).getDimSize(D);
    return mlir::ShapedType::isDynamic(Size) ||
           mlir::ShapedType::isDynamic(Inside[D]) || Low[D] + Inside[D] < Size;
  }
};

/// Replaces results of \p Ctx that are insertions into filled outs by what is
/// inserted, and their outs by the views it goes to. What lies around them is
/// left to \p Fill. Other results stay.
void emitHalos(KernelContext &Ctx, llvm::function_ref<void(const Halo &)> Fill);

/// Fills \p H in the first iteration of the kernel.
void fillInFirst(KernelContext &Ctx, const Halo &H);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_HALO_H
