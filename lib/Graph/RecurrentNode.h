//===- RecurrentNode.h - The op that cells become --------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_GRAPH_RECURRENTNODE_H
#define LATHE_LIB_GRAPH_RECURRENTNODE_H

#include "NodeBuilder.h"
#include "RecurrentCell.h"

namespace lathe::graph {

/// An LSTM or GRU over \p X [time, batch, size], the inputs of \p Cell other
/// than its state side by side, with the weights of \p Cell, which knows its
/// state. \p H and \p C [batch, hidden] are the states before the first step,
/// null for zero. \p Reverse: from the last step to the first.
Operation *makeRecurrentNode(NodeBuilder &B, const RecurrentCell &Cell, Value X,
                             Value H, Value C, bool Reverse);

} // namespace lathe::graph

#endif // LATHE_LIB_GRAPH_RECURRENTNODE_H
