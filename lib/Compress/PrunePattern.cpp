//===- PrunePattern.cpp - The pass compress-prune-pattern -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Weights.h"
#include "lathe/Compress/Passes.h"
#include "lathe/Compress/Scores.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/ONNX.h"

namespace lathe::compress {
#define GEN_PASS_DEF_PRUNEPATTERN
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
/// The weights as outputs x inputs, for each of the other coordinates (the
/// window of a convolution, the batch of a product).
struct MatrixView {
  MatrixView(const Weights &W) : W(W) {
    ArrayRef<int64_t> Shape = W.View.getShape();
    Strides.assign(Shape.size(), 1);
    for (int I = int(Shape.size()) - 2; I >= 0; --I)
      Strides[I] = Strides[I + 1] * Shape[I + 1];
    for (unsigned I = 0; I < Shape.size(); ++I)
      if (I != W.Out && I != W.In)
        Others *= Shape[I];
  }
  /// Position of element (\p Out, \p In) at the other coordinates \p Other.
  int64_t at(int64_t Out, int64_t In, int64_t Other) const {
    ArrayRef<int64_t> Shape = W.View.getShape();
    int64_t At = Out * Strides[W.Out] + In * Strides[W.In];
    for (int I = int(Shape.size()) - 1; I >= 0; --I)
      if (unsigned(I) != W.Out && unsigned(I) != W.In) {
        At += Other % Shape[I] * Strides[I];
        Other /= Shape[I];
      }
    return At;
  }
  const Weights &W;
  SmallVector<int64_t> Strides;
  int64_t Others = 1;
};

struct PrunePatternPass : compress::impl::PrunePatternBase<PrunePatternPass> {
  using PrunePatternBase::PrunePatternBase;

  void runOnOperation() override {
    ModuleOp Module = getOperation();
    if (failed(checkNames(Module, skip)))
      return signalPassFailure();
    std::string Reason;
    std::optional<ZeroPattern> P = parsePattern(pattern, Reason);
    if (!P) {
      Module.emitError() << "--prune-pattern=" << StringRef(pattern) << ": "
                         << Reason;
      return signalPassFailure();
    }
    std::vector<Weights> All = findWeights(Module, skip);
    // One input a group is no row to choose from.
    llvm::erase_if(All, [](const Weights &W) { return W.inputs() == 1; });
    bool Good = true;
    auto Divides = [&](const Weights &W, int64_t Size, StringRef What,
                       unsigned By) {
      if (Size % By == 0)
        return;
      Good = false;
      InFlightDiagnostic D = onnx::emitNodeError(W.Op);
      D << Size << " " << What << " do not divide into parts of " << By
        << ", as --prune-pattern=" << StringRef(pattern) << " asks";
      if (StringRef Name = onnx::getNodeName(W.Op->getLoc()); !Name.empty())
        D << "; leave the node out with --prune-skip=" << Name;
    };
    for (const Weights &W : All) {
      Divides(W, W.inputs(), "inputs", P->M ? P->M : P->Columns);
      if (!P->M)
        Divides(W, W.outputs(), "outputs", P->Rows);
    }
    if (!Good)
      return signalPassFailure();
    onnx::ResourceUses Uses(Module);
    for (const Weights &W : All)
      P->M ? pruneGroups(W, *P, Uses) : pruneBlocks(W, *P, Uses);
    eraseUnusedConstants(Module);
  }

  void pruneGroups(const Weights &W, const ZeroPattern &P,
                   onnx::ResourceUses &Uses) {
    MatrixView V(W);
    std::vector<float> Values = readFloats(W.View);
    std::vector<bool> Gone(Values.size());
    SmallVector<float> Group(P.M);
    for (int64_t O = 0; O < W.outputs(); ++O)
      for (int64_t X = 0; X < V.Others; ++X)
        for (int64_t I = 0; I < W.inputs(); I += P.M) {
          for (unsigned J = 0; J < P.M; ++J) {
            Group[J] = Values[V.at(O, I + J, X)];
            Gone[V.at(O, I + J, X)] = true;
          }
          for (unsigned J : keepLargest(Group, P.N))
            Gone[V.at(O, I + J, X)] = false;
        }
    zeros += zeroWeights(W, Uses, [&](int64_t I, float) { return Gone[I]; });
  }

  void pruneBlocks(const Weights &W, const ZeroPattern &P,
                   onnx::ResourceUses &Uses) {
    MatrixView V(W);
    std::vector<float> Values = readFloats(W.View);
    int64_t Across = W.inputs() / P.Columns, Down = W.outputs() / P.Rows;
    auto EachOf = [&](int64_t Block, auto &&Do) {
      int64_t X = Block % V.Others, B = Block / V.Others;
      for (unsigned R = 0; R < P.Rows; ++R)
        for (unsigned C = 0; C < P.Columns; ++C)
          Do(V.at(B / Across * P.Rows + R, B % Across * P.Columns + C, X));
    };
    std::vector<double> Norms(Across * Down * V.Others);
    for (auto [B, Norm] : llvm::enumerate(Norms))
      EachOf(B, [&, N = &Norm](int64_t At) {
        *N += double(Values[At]) * Values[At];
      });
    auto Number = int64_t(std::floor(Norms.size() * P.Fraction + 1e-9));
    std::vector<bool> Gone(Values.size());
    for (int64_t B : leastOf(Norms, Number))
      EachOf(B, [&](int64_t At) { Gone[At] = true; });
    zeros += zeroWeights(W, Uses, [&](int64_t I, float) { return Gone[I]; });
  }
};
} // namespace
