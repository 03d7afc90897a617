//===- UpgradeControl.cpp - Ops with subgraphs ----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Upgrade.h"
#include "lathe/ONNX/ONNX.h"

using namespace lathe::import;
using namespace mlir;
using llvm::createStringError;
using llvm::Error;

/// The type of a slice along the first dimension.
static Type dropFirstDim(Type T) {
  auto Tensor = dyn_cast<TensorType>(T);
  if (!Tensor)
    return T;
  if (!Tensor.hasRank() || Tensor.getRank() == 0)
    return UnrankedTensorType::get(Tensor.getElementType());
  return RankedTensorType::get(Tensor.getShape().drop_front(),
                               Tensor.getElementType());
}

/// Scan of opset 8 worked on each sample of a batch, its first dimension: an
/// outer Scan over the batch, without state, of the Scan of today.
static Error upgradeScan8(Node &N, Upgrader &U) {
  if (N.getInput(0))
    return createStringError("sequences of different lengths in one batch");
  OpBuilder::InsertionGuard Guard(U.B);
  N.Inputs.erase(N.Inputs.begin());
  if (llvm::is_contained(N.Inputs, Value()))
    return createStringError("an absent input among its states and sequences");
  auto Body = std::make_unique<Region>();
  Block &Entry = Body->emplaceBlock();

  Node Inner(N.Loc);
  Inner.OpType = "Scan";
  Inner.Version = 9;
  Inner.Graphs = std::move(N.Graphs);
  Inner.Attrs.set("num_scan_inputs", N.Attrs.get("num_scan_inputs"));
  if (Attribute Directions = N.take("directions"))
    Inner.Attrs.set("scan_input_directions", Directions);
  for (Value Input : N.Inputs)
    Inner.Inputs.push_back(
        Entry.addArgument(dropFirstDim(Input.getType()), N.Loc));
  for (Type Result : N.ResultTypes)
    Inner.ResultTypes.push_back(Result ? dropFirstDim(Result)
                                       : Type(U.B.getNoneType()));
  {
    OpBuilder::InsertionGuard InBody(U.B);
    U.B.setInsertionPointToStart(&Entry);
    llvm::Expected<SmallVector<Value>> Values = U.build(std::move(Inner));
    if (!Values)
      return Values.takeError();
    lathe::onnx::YieldOp::create(U.B, N.Loc, *Values);
  }

  N.Graphs.clear();
  N.Graphs.emplace_back("body", std::move(Body));
  N.Attrs.set("num_scan_inputs", U.B.getI64IntegerAttr(N.Inputs.size()));
  return Error::success();
}

ArrayRef<Step> lathe::import::getControlSteps() {
  static constexpr Step Steps[] = {
      {"", "Scan", 8, 9, upgradeScan8},
  };
  return Steps;
}
