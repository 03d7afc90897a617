//===- SequenceRegions.cpp - Sequences through If, Loop and SequenceMap ---===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Branches and loops carry both tensors of a sequence; a SequenceMap is a loop
// over the members.
//
//===----------------------------------------------------------------------===//

#include "SequencePacker.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace lathe::lower {

/// The types of values where sequences are two tensors.
static SmallVector<Type> expandedTypes(TypeRange Types) {
  SmallVector<Type> Result;
  for (Type T : Types) {
    auto Member = dyn_cast_if_present<RankedTensorType>(memberOf(T));
    if (!Member) {
      Result.push_back(T);
      continue;
    }
    auto [Data, Shapes] = packedTypes(Member);
    Result.append({Data, Shapes});
  }
  return Result;
}

Packer::Values Packer::expanded(OnnxBuilder &B, ValueRange Vs,
                                ValueRange Declared) {
  Values Out;
  for (auto [V, R] : llvm::zip_equal(Vs, Declared)) {
    if (!memberOf(V)) {
      Out.push_back(V);
      continue;
    }
    Packed P = packed(B, V, cast<RankedTensorType>(memberOf(R)));
    Out.append({P.Data, P.Shapes});
  }
  return Out;
}

void Packer::takeResults(Operation *Op, ValueRange New) {
  auto Next = New.begin();
  for (Value R : Op->getResults()) {
    if (memberOf(R)) {
      Value Data = *Next++;
      Sequences[R] = {Data, *Next++};
    } else {
      R.replaceAllUsesWith(*Next++);
    }
  }
}

void Packer::convertIf(onnx::IfOp Op) {
  OnnxBuilder B(Op);
  auto New =
      onnx::IfOp::create(B, expandedTypes(Op->getResultTypes()), Op.getCond());
  for (auto [From, To] : llvm::zip_equal(Op->getRegions(), New->getRegions())) {
    To.takeBody(From);
    convert(To.front());
    Operation *Yield = To.front().getTerminator();
    OnnxBuilder Inner(Yield);
    Yield->setOperands(expanded(Inner, Yield->getOperands(), Op->getResults()));
  }
  takeResults(Op, New->getResults());
  Old.push_back(Op);
}

void Packer::convertLoop(onnx::LoopOp Op) {
  OnnxBuilder B(Op);
  Block &Body = Op.getBody().front();
  unsigned Carried = Op.getVInitial().size();
  Values Init =
      expanded(B, Op.getVInitial(), Op->getResults().take_front(Carried));
  auto New = onnx::LoopOp::create(B, expandedTypes(Op->getResultTypes()),
                                  Op.getM(), Op.getCond(), Init);
  New->setDiscardableAttrs(Op->getDiscardableAttrDictionary());
  New.getBody().takeBody(Op.getBody());
  // Two arguments of the body for each sequence; the old one goes when all that
  // reads it has gone.
  for (unsigned C = 0, At = 2; C < Carried; ++C) {
    BlockArgument Arg = Body.getArgument(At);
    auto Member =
        dyn_cast_if_present<RankedTensorType>(memberOf(Op->getResult(C)));
    if (!Member) {
      ++At;
      continue;
    }
    auto [Data, Shapes] = packedTypes(Member);
    Value D = Body.insertArgument(At + 1, Data, Op.getLoc());
    Value S = Body.insertArgument(At + 2, Shapes, Op.getLoc());
    Sequences[Arg] = {D, S};
    OldArguments.push_back(Arg);
    At += 3;
  }
  convert(Body);
  Operation *Yield = Body.getTerminator();
  OnnxBuilder Inner(Yield);
  Values Out = {Yield->getOperand(0)};
  llvm::append_range(Out, expanded(Inner, Yield->getOperands().drop_front(),
                                   Op->getResults()));
  Yield->setOperands(Out);
  takeResults(Op, New->getResults());
  Old.push_back(Op);
}

/// A loop over the members.
void Packer::convertMap(onnx::SequenceMapOp Op) {
  OnnxBuilder B(Op);
  Block &Body = Op.getBody().front();
  Value Count = B.squeeze(length(B, Op.getInputSequence()), {0});
  Values Init;
  for (Value R : Op->getResults()) {
    Packed P = emptySequence(B, cast<RankedTensorType>(memberOf(R)));
    Init.append({P.Data, P.Shapes});
  }
  auto Loop = onnx::LoopOp::create(B, expandedTypes(Op->getResultTypes()),
                                   Count, Value(), Init);
  Block *To = B.createBlock(&Loop.getBody());
  auto Trip =
      To->addArgument(RankedTensorType::get({}, B.getI64Type()), Op.getLoc());
  auto Go =
      To->addArgument(RankedTensorType::get({}, B.getI1Type()), Op.getLoc());
  for (Type T : expandedTypes(Op->getResultTypes()))
    To->addArgument(T, Op.getLoc());
  B.setInsertionPointToStart(To);
  IRMapping Map;
  for (auto [Arg, V] :
       llvm::zip_equal(Body.getArguments(), Op->getOperands())) {
    Value Given = V;
    if (memberOf(V)) {
      Given = member(B, V, Trip);
      if (isa<RankedTensorType>(Arg.getType()))
        Given.setType(Arg.getType());
    }
    Map.map(Arg, Given);
  }
  for (Operation &Inner : Body.without_terminator())
    B.clone(Inner, Map);
  Values Out = {Go};
  for (auto [K, V] : llvm::enumerate(Body.getTerminator()->getOperands())) {
    Packed P =
        joined(B, {{To->getArgument(2 + 2 * K), To->getArgument(3 + 2 * K)},
                   single(B, Map.lookupOrDefault(V))});
    Out.append({P.Data, P.Shapes});
  }
  onnx::YieldOp::create(B, Out);
  convert(*To);
  for (auto [K, R] : llvm::enumerate(Op->getResults()))
    Sequences[R] = {Loop->getResult(2 * K), Loop->getResult(2 * K + 1)};
}

} // namespace lathe::lower
