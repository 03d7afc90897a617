//===- Fusion.h - What all fusion passes share -----------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A fusion pass is a table: the kind of op that ends a formula, and the
// function that recognises it there. Each op is visited once, in program order,
// and each function looks at a bounded number of ops: the time is linear.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_FUSION_H
#define LATHE_LIB_GRAPH_FUSION_H

#include "NodeBuilder.h"
#include "Pattern.h"
#include "lathe/ONNX/SizeAnalysis.h"
#include "lathe/Support/PassStatistic.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

namespace lathe::graph {

/// Builds in front of the root; replaces it by what was built.
class Fuser {
public:
  explicit Fuser(MLIRContext *Context) : Rewriter(Context) {}

  /// A builder whose nodes carry the names of all \p Ops and the root's.
  NodeBuilder at(Operation *Root, ArrayRef<Operation *> Ops);
  /// \p New takes the place of result 0 of \p Root; what becomes dead is
  /// erased.
  bool replace(Operation *Root, Value New);

  bool isErased(Operation *Op) const { return Erased.contains(Op); }

  /// The sizes of the function around \p Op, as of the first question.
  const onnx::SizeAnalysis &getSizes(Operation *Op);

private:
  void erase(Operation *Op);

  Operation *Analysed = nullptr;
  std::unique_ptr<onnx::SizeAnalysis> Sizes;

  IRRewriter Rewriter;
  /// Addresses may come again for ops that were built later; those need no
  /// visit.
  llvm::DenseSet<Operation *> Erased;
};

struct Fusion {
  StringLiteral Root;
  /// True if \p Root ended the formula and was replaced.
  bool (*Apply)(Operation *Root, Fuser &F);
  PassStatistic *Count;
};

/// Tries the rows of \p Table on every op below \p Top; an op may have several
/// rows, the first that applies is the last tried.
void fuse(Operation *Top, ArrayRef<Fusion> Table);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_FUSION_H
