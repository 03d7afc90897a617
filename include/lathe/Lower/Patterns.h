//===- Patterns.h - The lowering patterns by family -----------------*- C++
//-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One populate function per family of ops, one file of lib/Lower each. All of
// them work on tensors with static or dynamic shapes; what a pattern refuses
// it refuses with a reason that a user can act on.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LOWER_PATTERNS_H
#define LATHE_LOWER_PATTERNS_H

#include "mlir/IR/Location.h"
#include "mlir/Transforms/DialectConversion.h"
#include <string>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace lathe::lower {

/// ONNX's tensor types to storage types: integers lose their signs, all else
/// stays. Types without a storage form (strings, sequences) do not convert.
/// Also keeps the reasons for which patterns refused an op.
class StorageTypeConverter : public mlir::TypeConverter {
public:
  StorageTypeConverter();

  /// Sums of products of bytes read their rows as signed numbers.
  bool SignedRows = false;
  /// A right-hand side of bytes that is computed lies in words of four terms.
  bool ByteWords = true;

  /// Records why \p Op is refused (the last reason stays).
  void refuse(mlir::Operation *Op, const llvm::Twine &Why) const {
    Reasons[Op] = Why.str();
  }
  /// The reason recorded for \p Op, or "".
  llvm::StringRef reasonFor(mlir::Operation *Op) const;

private:
  mutable llvm::DenseMap<mlir::Operation *, std::string> Reasons;
};

void populateAttentionLoweringPatterns(const StorageTypeConverter &Types,
                                       mlir::RewritePatternSet &Patterns);
void populateRotaryLoweringPatterns(const StorageTypeConverter &Types,
                                    mlir::RewritePatternSet &Patterns);
void populateConstantLoweringPatterns(const StorageTypeConverter &Types,
                                      mlir::RewritePatternSet &Patterns);
void populateElementwiseLoweringPatterns(const StorageTypeConverter &Types,
                                         mlir::RewritePatternSet &Patterns);
void populateContractionLoweringPatterns(const StorageTypeConverter &Types,
                                         mlir::RewritePatternSet &Patterns);
void populateConvolutionLoweringPatterns(const StorageTypeConverter &Types,
                                         mlir::RewritePatternSet &Patterns);
void populatePoolingLoweringPatterns(const StorageTypeConverter &Types,
                                     mlir::RewritePatternSet &Patterns);
void populateCumulativeLoweringPatterns(const StorageTypeConverter &Types,
                                        mlir::RewritePatternSet &Patterns);
void populateReductionLoweringPatterns(const StorageTypeConverter &Types,
                                       mlir::RewritePatternSet &Patterns);
void populateQuantizeLoweringPatterns(const StorageTypeConverter &Types,
                                      mlir::RewritePatternSet &Patterns);
void populateNormalizationLoweringPatterns(const StorageTypeConverter &Types,
                                           mlir::RewritePatternSet &Patterns);
void populateSoftmaxLoweringPatterns(const StorageTypeConverter &Types,
                                     mlir::RewritePatternSet &Patterns);

void populateRecurrentLoweringPatterns(const StorageTypeConverter &Types,
                                       mlir::RewritePatternSet &Patterns);
void populateEinsumLoweringPatterns(const StorageTypeConverter &Types,
                                    mlir::RewritePatternSet &Patterns);

void populateTrainingLoweringPatterns(const StorageTypeConverter &Types,
                                      mlir::RewritePatternSet &Patterns);
void populateDeformConvLoweringPatterns(const StorageTypeConverter &Types,
                                        mlir::RewritePatternSet &Patterns);

void populateMicrosoftLoweringPatterns(const StorageTypeConverter &Types,
                                       mlir::RewritePatternSet &Patterns);

/// All of the above: what `lower-onnx-to-linalg` runs.
void populateAllLoweringPatterns(const StorageTypeConverter &Types,
                                 mlir::RewritePatternSet &Patterns);

/// An op that cannot be compiled, and why.
struct Unsupported {
  mlir::Location Loc;
  /// "node 'conv1' (Conv): reason".
  std::string Message;
};

/// The ops of \p Module that `lower-onnx-to-linalg` would refuse, in order.
/// Works on a copy; the module stays as it is. Shapes must be inferred.
llvm::SmallVector<Unsupported> findUnsupported(mlir::ModuleOp Module);

} // namespace lathe::lower

#endif // LATHE_LOWER_PATTERNS_H
