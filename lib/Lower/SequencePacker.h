//===- SequencePacker.h - Sequences as two tensors -----------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A sequence whose length only the run knows becomes two tensors: the elements
// of all its members one behind the other, and a row of sizes for each member.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_LOWER_SEQUENCEPACKER_H
#define LATHE_LIB_LOWER_SEQUENCEPACKER_H

#include "Expansions.h"
#include "Node.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe::lower {

/// The type of the members of a sequence of tensors.
inline TensorType memberOf(Type T) {
  auto Seq = dyn_cast<onnx::SeqType>(T);
  return Seq ? dyn_cast<TensorType>(Seq.getElementType()) : TensorType();
}
inline TensorType memberOf(Value V) { return memberOf(V.getType()); }

/// Data is [n], Shapes [members, rank], one column of ones for scalars.
struct Packed {
  Value Data, Shapes;
};

/// The parts of X along Axis: [Starts[i], Ends[i]).
struct Parts {
  Value X, Starts, Ends;
  int64_t Axis;
  bool Keep;
};

class Packer {
public:
  explicit Packer(func::FuncOp Main) : Main(Main) {}
  bool fits();
  void run() {
    Block &Body = Main.getBody().front();
    convert(Body);
    for (Operation *Op : llvm::reverse(Old))
      Op->erase();
    for (BlockArgument Arg : OldArguments)
      Arg.getOwner()->eraseArgument(Arg.getArgNumber());
  }

private:
  using Values = SmallVector<Value>;

  void convert(Block &Body);
  void convert(Operation *Op);
  void convertIf(onnx::IfOp Op);
  void convertLoop(onnx::LoopOp Op);
  void convertMap(onnx::SequenceMapOp Op);
  void split(onnx::SplitToSequenceOp Op);
  void concat(onnx::ConcatFromSequenceOp Op);

  /// The sequence V in two tensors, whose members have the type Member.
  Packed packed(OnnxBuilder &B, Value V, RankedTensorType Member);
  Packed packed(OnnxBuilder &B, Value V) {
    return packed(B, V, cast<RankedTensorType>(memberOf(V)));
  }
  Packed packParts(OnnxBuilder &B, const Parts &P);
  /// \p Vs with two tensors for each sequence; its members are of the type that
  /// \p Declared, values of the same kinds, have.
  Values expanded(OnnxBuilder &B, ValueRange Vs, ValueRange Declared);
  /// The results of \p Op, whose sequences are two of \p New each.
  void takeResults(Operation *Op, ValueRange New);
  Value member(OnnxBuilder &B, Value Seq, Value Position);
  Value length(OnnxBuilder &B, Value Seq); // [1]

  void replace(Operation *Op, Value V) {
    auto Declared = dyn_cast<RankedTensorType>(Op->getResult(0).getType());
    if (Declared)
      V.setType(Declared);
    Op->getResult(0).replaceAllUsesWith(V);
  }

  func::FuncOp Main;
  llvm::DenseMap<Value, Packed> Sequences;
  llvm::DenseMap<Value, Parts> Splits;
  llvm::DenseSet<Value> Empty;
  SmallVector<Operation *> Old; // users behind what they use
  SmallVector<BlockArgument> OldArguments;
};

/// The types of the two tensors of a sequence of \p Member.
std::pair<Type, Type> packedTypes(RankedTensorType Member);
Packed emptySequence(OnnxBuilder &B, RankedTensorType Member);
/// A sequence of \p X alone.
Packed single(OnnxBuilder &B, Value X);
Packed joined(OnnxBuilder &B, ArrayRef<Packed> Parts);

} // namespace lathe::lower

#endif // LATHE_LIB_LOWER_SEQUENCEPACKER_H
