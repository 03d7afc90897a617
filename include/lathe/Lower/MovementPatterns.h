//===- MovementPatterns.h - Patterns that move and select --------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The families of data movement, indexing, algorithms and control flow: one
// populate function each, one file of lib/Lower each.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LOWER_MOVEMENTPATTERNS_H
#define LATHE_LOWER_MOVEMENTPATTERNS_H

#include "lathe/Lower/Patterns.h"

namespace lathe::lower {

#define LATHE_POPULATE(FAMILY)                                                 \
  void populate##FAMILY##Patterns(const StorageTypeConverter &Types,           \
                                  mlir::RewritePatternSet &Patterns);
/// Small tensors of sizes become scalars; tried before all others.
LATHE_POPULATE(ShapeArithmetic)
LATHE_POPULATE(ShapeLowering)
LATHE_POPULATE(SliceLowering)
LATHE_POPULATE(GatherLowering)
LATHE_POPULATE(ScatterLowering)
LATHE_POPULATE(GeneratorLowering)
LATHE_POPULATE(ResizeLowering)
LATHE_POPULATE(SelectionLowering)
LATHE_POPULATE(SortLowering)
LATHE_POPULATE(SamplingLowering)
LATHE_POPULATE(SignalLowering)
LATHE_POPULATE(RandomLowering)
LATHE_POPULATE(LinearAttention)
LATHE_POPULATE(MLLowering)
LATHE_POPULATE(TextLowering)
LATHE_POPULATE(TreeEnsemble)
#undef LATHE_POPULATE

/// All of them.
void populateMovementLoweringPatterns(const StorageTypeConverter &Types,
                                      mlir::RewritePatternSet &Patterns);

} // namespace lathe::lower

#endif // LATHE_LOWER_MOVEMENTPATTERNS_H
