//===- RecurrentNode.cpp - The op that cells become -----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Weights are copied block by block into ONNX's layout: [1, gates * hidden,
// size], gates in ONNX's order.
//
//===----------------------------------------------------------------------===//

#include "RecurrentNode.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// The sign of a gate's weights: 1 - sigmoid(x) is sigmoid(-x).
static double signOf(const RecurrentCell &Cell, unsigned Gate) {
  return Cell.NegatedUpdate && Gate == 0 ? -1 : 1;
}

/// The blocks of \p Inputs side by side.
static Value makeWeights(NodeBuilder &B, const RecurrentCell &Cell,
                         ArrayRef<const RecurrentCell::Input *> Inputs,
                         Type Element) {
  int64_t Hidden = Cell.Hidden, Width = 0;
  for (const RecurrentCell::Input *In : Inputs)
    Width += In->Size;
  auto Type =
      RankedTensorType::get({1, Cell.numGates() * Hidden, Width}, Element);
  // Row by row, so that each block's constant is looked up once a row.
  std::vector<double> Row(Width);
  return B.generate(Type, [&](int64_t Index) {
    int64_t Line = Index / Width, Column = Index % Width;
    if (Column == 0) {
      unsigned Gate = Line / Hidden;
      int64_t N = Line % Hidden, At = 0;
      for (const RecurrentCell::Input *In : Inputs) {
        const MatrixBlock &Block = In->Blocks[Gate];
        auto View = getConstant(Block.Source);
        int64_t Columns = View->getShape()[1];
        for (int64_t K = 0; K < In->Size; ++K) {
          int64_t R = Block.Row + K, C = Block.Column + N;
          if (Block.Transposed)
            std::swap(R, C);
          Row[At++] = signOf(Cell, Gate) * View->getFloat(R * Columns + C);
        }
      }
    }
    return Row[Column];
  });
}

/// [1, 2 * gates * hidden]: those of the input, those of the state.
static Value makeBias(NodeBuilder &B, const RecurrentCell &Cell, Type Element) {
  if (llvm::all_of(Cell.Biases, [](auto &Each) { return Each.empty(); }) &&
      Cell.RecurrentBias.empty())
    return {};
  SmallVector<double> All;
  for (unsigned Gate = 0; Gate < Cell.numGates(); ++Gate)
    for (double Number : Cell.bias(Gate))
      All.push_back(signOf(Cell, Gate) * Number);
  All.resize(2 * All.size(), 0.0);
  if (Cell.LinearBeforeReset)
    llvm::copy(Cell.recurrentBias(), All.end() - Cell.Hidden);
  return B.constant(RankedTensorType::get({1, int64_t(All.size())}, Element),
                    All);
}

Operation *graph::makeRecurrentNode(NodeBuilder &B, const RecurrentCell &Cell,
                                    Value X, Value H, Value C, bool Reverse) {
  Type Element = getRanked(Cell.H).getElementType();
  SmallVector<const RecurrentCell::Input *> Own, State;
  for (auto [I, In] : llvm::enumerate(Cell.Inputs))
    (int(I) == Cell.State ? State : Own).push_back(&In);
  auto WithDirection = [&](Value V) {
    return V ? B.op("Unsqueeze", {V, B.ints({0})}) : Value();
  };
  Builder &Attrs = B.getBuilder();
  SmallVector<NamedAttribute> Given = {B.attr("hidden_size", Cell.Hidden)};
  if (Reverse)
    Given.push_back(B.attr("direction", StringRef("reverse")));
  static const CellFunction Defaults[] = {
      {"Sigmoid", {}, {}}, {"Tanh", {}, {}}, {"Tanh", {}, {}}};
  if (ArrayRef(Cell.Functions) !=
      ArrayRef(Defaults).take_front(Cell.Functions.size())) {
    SmallVector<StringRef> Names;
    SmallVector<float> Alphas, Betas;
    for (const CellFunction &F : Cell.Functions) {
      Names.push_back(F.Name);
      if (F.Alpha)
        Alphas.push_back(*F.Alpha);
      if (F.Beta)
        Betas.push_back(*F.Beta);
    }
    Given.emplace_back(
        Attrs.getNamedAttr("activations", Attrs.getStrArrayAttr(Names)));
    if (!Alphas.empty())
      Given.emplace_back(Attrs.getNamedAttr(
          "activation_alpha", Attrs.getDenseF32ArrayAttr(Alphas)));
    if (!Betas.empty())
      Given.emplace_back(Attrs.getNamedAttr("activation_beta",
                                            Attrs.getDenseF32ArrayAttr(Betas)));
  }
  if (Cell.LinearBeforeReset)
    Given.push_back(B.attr("linear_before_reset", int64_t(1)));
  SmallVector<Value> Operands = {X,
                                 makeWeights(B, Cell, Own, Element),
                                 makeWeights(B, Cell, State, Element),
                                 makeBias(B, Cell, Element),
                                 Value(),
                                 WithDirection(H)};
  if (Cell.Kind == RecurrentCell::LSTM)
    Operands.push_back(WithDirection(C));
  return B.node(Cell.Kind == RecurrentCell::LSTM ? "LSTM" : "GRU", Operands,
                Given);
}
