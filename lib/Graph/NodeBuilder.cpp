//===- NodeBuilder.cpp - Nodes and weights that rewrites make -------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NodeBuilder.h"
#include "lathe/ONNX/ConstantView.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/IncrementalInference.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

/// Constants of more elements are resources, as on import.
static constexpr int64_t MaxDenseElements = 64;

Operation *NodeBuilder::node(StringRef Name, ArrayRef<Value> Operands,
                             Attrs Given, ArrayRef<Type> ResultTypes,
                             unsigned NumResults) {
  MLIRContext *Context = B.getContext();
  OperationState State(Loc, ("onnx." + Name).str());
  auto *Dialect = Context->getLoadedDialect<onnx::ONNXDialect>();
  const onnx::OpFacts *Facts = Dialect->getFacts(State.name);
  assert(Facts && "rewrites name ops that exist");
  SmallVector<int32_t> Segments;
  for (auto [I, F] : llvm::enumerate(Facts->Operands)) {
    // A variadic is the last and takes the rest.
    size_t Count = I >= Operands.size()              ? 0
                   : F.Kind == onnx::Arity::Variadic ? Operands.size() - I
                   : Operands[I]                     ? 1
                                                     : 0;
    Segments.push_back(Count);
    for (size_t K = 0; K < Count; ++K)
      State.addOperands(Operands[I + K]);
  }
  if (llvm::count_if(Facts->Operands, [](const onnx::ValueFacts &V) {
        return V.Kind != onnx::Arity::Single;
      }) > 1)
    State.addAttribute("operandSegmentSizes", B.getDenseI32ArrayAttr(Segments));
  State.addAttributes(Given);
  for (const onnx::AttrFacts &A : Facts->Attrs)
    if (!State.attributes.get(A.Name))
      if (Attribute Default = onnx::getDefault(Context, A))
        State.addAttribute(A.Name, Default);

  if (!NumResults)
    NumResults = Facts->Results.size();
  bool Infer = false;
  for (unsigned R = 0; R < NumResults; ++R) {
    Type Known = R < ResultTypes.size() ? ResultTypes[R] : Type();
    Infer |= !Known;
    State.addTypes(Known ? Known : NoneType::get(Context));
  }
  Operation *Op = B.create(State);
  if (Infer)
    onnx::IncrementalInference(Context).refine(Op);
  return Op;
}

Value NodeBuilder::op(StringRef Name, ArrayRef<Value> Operands, Attrs Given,
                      Type ResultType) {
  return node(Name, Operands, Given, ResultType)->getResult(0);
}

Value NodeBuilder::ints(ArrayRef<int64_t> V) {
  auto Type = RankedTensorType::get({int64_t(V.size())}, B.getI64Type());
  return onnx::ConstantOp::create(B, Loc, onnx::makeInts(Type, V));
}

Value NodeBuilder::constant(RankedTensorType Type, ArrayRef<double> Numbers) {
  return onnx::ConstantOp::create(B, Loc, makeNumbers(Type, Numbers, Loc));
}

Value NodeBuilder::scalar(Type Element, double Number) {
  return constant(RankedTensorType::get({}, Element), Number);
}

Value NodeBuilder::generate(RankedTensorType Type,
                            llvm::function_ref<double(int64_t)> Number) {
  return onnx::ConstantOp::create(B, Loc, makeNumbers(Type, Number, Loc));
}

Value NodeBuilder::transpose(Value X, ArrayRef<int64_t> Perm) {
  return op("Transpose", X, attr("perm", Perm));
}

Value NodeBuilder::reshape(Value X, ArrayRef<int64_t> Shape) {
  // Zeros are sizes here, not copies of the operand's.
  return op("Reshape", {X, ints(Shape)},
            attr("allowzero", int64_t(llvm::is_contained(Shape, 0))));
}

ElementsAttr graph::makeNumbers(RankedTensorType Type, ArrayRef<double> Numbers,
                                Location Loc) {
  int64_t Count = Type.getNumElements();
  assert((Numbers.size() == 1 || int64_t(Numbers.size()) == Count) &&
         "one number, or one for each element");
  if (isa<IntegerType>(Type.getElementType())) {
    SmallVector<int64_t> Ints(Numbers);
    return onnx::makeInts(Type, Ints);
  }
  if (Numbers.size() == 1 || Count <= MaxDenseElements)
    return onnx::makeFloats(Type, Numbers);

  return makeNumbers(
      Type, [&](int64_t I) { return Numbers[I]; }, Loc);
}

ElementsAttr graph::makeNumbers(RankedTensorType Type,
                                llvm::function_ref<double(int64_t)> Number,
                                Location Loc) {
  int64_t Count = Type.getNumElements();
  if (Count <= MaxDenseElements) {
    SmallVector<double> Numbers;
    for (int64_t I = 0; I < Count; ++I)
      Numbers.push_back(Number(I));
    return onnx::makeFloats(Type, Numbers);
  }
  auto Element = cast<FloatType>(Type.getElementType());
  unsigned Bytes = Element.getWidth() / 8;
  std::vector<char> Data(Count * Bytes);
  for (int64_t I = 0; I < Count; ++I) {
    char *To = Data.data() + I * Bytes;
    if (Element.isF32()) {
      float Rounded = float(Number(I));
      std::memcpy(To, &Rounded, 4);
      continue;
    }
    APFloat Value(Number(I));
    bool Inexact;
    Value.convert(Element.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &Inexact);
    uint64_t Bits = Value.bitcastToAPInt().getZExtValue();
    std::memcpy(To, &Bits, Bytes);
  }
  return makeConstant(Type, std::move(Data), Loc);
}

ElementsAttr graph::makeConstant(RankedTensorType Type, std::vector<char> Bytes,
                                 Location Loc) {
  StringRef Name = onnx::getNodeName(Loc);
  return onnx::makeTensor(Type, std::move(Bytes),
                          Name.empty() ? "folded" : (Name + ".folded").str());
}

Location graph::fuseLocs(ArrayRef<Operation *> Ops) {
  llvm::SetVector<Location> Locs;
  for (Operation *Op : Ops) {
    if (auto Fused = dyn_cast<FusedLoc>(Op->getLoc()))
      Locs.insert(Fused.getLocations().begin(), Fused.getLocations().end());
    else
      Locs.insert(Op->getLoc());
  }
  return FusedLoc::get(Ops.front()->getContext(), Locs.getArrayRef());
}

void graph::eraseDead(RewriterBase &Rewriter,
                      ArrayRef<Operation *> Candidates) {
  llvm::SetVector<Operation *> Work(Candidates.begin(), Candidates.end());
  while (!Work.empty()) {
    Operation *Op = Work.pop_back_val();
    if (!isOpTriviallyDead(Op))
      continue;
    for (Value V : Op->getOperands())
      if (Operation *Producer = V.getDefiningOp())
        Work.insert(Producer);
    Rewriter.eraseOp(Op);
  }
}
