//===- MovementPatterns.cpp - All families that move and select -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The list of the families; see MovementPatterns.h.
//
//===----------------------------------------------------------------------===//

#include "lathe/Lower/MovementPatterns.h"

namespace lathe::lower {

void populateMovementLoweringPatterns(const StorageTypeConverter &Types,
                                      mlir::RewritePatternSet &Patterns) {
  populateShapeArithmeticPatterns(Types, Patterns);
  populateShapeLoweringPatterns(Types, Patterns);
  populateSliceLoweringPatterns(Types, Patterns);
  populateGatherLoweringPatterns(Types, Patterns);
  populateScatterLoweringPatterns(Types, Patterns);
  populateGeneratorLoweringPatterns(Types, Patterns);
  populateResizeLoweringPatterns(Types, Patterns);
  populateSelectionLoweringPatterns(Types, Patterns);
  populateSortLoweringPatterns(Types, Patterns);
  populateSamplingLoweringPatterns(Types, Patterns);
  populateSignalLoweringPatterns(Types, Patterns);
  populateRandomLoweringPatterns(Types, Patterns);
  populateMLLoweringPatterns(Types, Patterns);
  populateTextLoweringPatterns(Types, Patterns);
  populateTreeEnsemblePatterns(Types, Patterns);
  populateLinearAttentionPatterns(Types, Patterns);
}

} // namespace lathe::lower
