//===- Verify.cpp - Checks an op against its schema ----------------- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the schemas' facts promise, checked once for every op: arities, types,
// equal element types for one type variable, required attributes, shape of
// regions. A value of type `none` is not known yet and passes.
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/ONNX.h"

using namespace mlir;
using namespace lathe::onnx;

/// The part of a type that a type variable binds: everything but shapes.
static Type dropShape(Type Ty) {
  if (auto Tensor = dyn_cast<TensorType>(Ty))
    return UnrankedTensorType::get(Tensor.getElementType());
  if (auto Seq = dyn_cast<SeqType>(Ty))
    return SeqType::get(dropShape(Seq.getElementType()));
  if (auto Opt = dyn_cast<OptType>(Ty))
    return OptType::get(dropShape(Opt.getElementType()));
  return Ty;
}

namespace {
/// Walks values and binds type variables.
class TypeChecker {
public:
  TypeChecker(Operation *Op) : Op(Op) {}

  LogicalResult check(const ValueFacts &Facts, Type Ty, StringRef What) {
    if (!isIn(Facts.Types, Ty))
      return Op->emitOpError()
             << What << " '" << Facts.Name << "' has the unsupported type "
             << getONNXTypeName(Ty);
    bool Binds = Facts.TypeVar >= 0 &&
                 (Facts.Kind != Arity::Variadic || Facts.Homogeneous);
    if (!Binds || isa<NoneType>(Ty))
      return success();
    auto [It, New] =
        Bound.try_emplace(Facts.TypeVar, dropShape(Ty), Facts.Name);
    if (!New && It->second.first != dropShape(Ty) &&
        !isPartial(It->second.first, Ty))
      return Op->emitOpError()
             << What << " '" << Facts.Name << "' has the type "
             << getONNXTypeName(Ty) << " but '" << It->second.second << "' has "
             << getONNXTypeName(It->second.first)
             << "; both must be of one type";
    return success();
  }

private:
  /// A container whose element is not known yet agrees with any other.
  static bool isPartial(Type A, Type B) {
    auto Unknown = [](Type Ty) {
      auto Seq = dyn_cast<SeqType>(Ty);
      auto Opt = dyn_cast<OptType>(Ty);
      return (Seq && isa<NoneType>(Seq.getElementType())) ||
             (Opt && isa<NoneType>(Opt.getElementType()));
    };
    return Unknown(A) || Unknown(B);
  }

  Operation *Op;
  llvm::SmallDenseMap<int, std::pair<Type, StringRef>> Bound;
};
} // namespace

static LogicalResult verifyRegions(Operation *Op, const OpFacts &Facts) {
  unsigned Index = 0;
  for (const AttrFacts &Attr : Facts.Attrs) {
    if (Attr.Kind != AttrKind::Graph)
      continue;
    Region &Body = Op->getRegion(Index++);
    if (Body.empty()) {
      if (Attr.Required)
        return emitNodeError(Op) << "lacks the graph '" << Attr.Name << "'";
      continue;
    }
    if (!Body.hasOneBlock() || Body.front().empty() ||
        !isa<YieldOp>(Body.front().back()))
      return Op->emitOpError()
             << "needs one block ended by onnx.Yield as the graph '"
             << Attr.Name << "'";
  }
  return success();
}

LogicalResult lathe::onnx::detail::verifySchema(Operation *Op) {
  const OpFacts *Facts = getFacts(Op);
  if (!Facts)
    return success();
  TypeChecker Types(Op);
  for (auto [Index, Value] : llvm::enumerate(Facts->Operands)) {
    auto [Start, Count] = getOperandSegment(Op, Index);
    if (Value.Kind == Arity::Variadic && Count < Value.MinArity)
      return Op->emitOpError()
             << "needs at least " << unsigned(Value.MinArity) << " operands '"
             << Value.Name << "' but has " << Count;
    for (unsigned I = Start; I < Start + Count; ++I)
      if (failed(Types.check(Value, Op->getOperand(I).getType(), "operand")))
        return failure();
  }
  for (auto [Index, Result] : llvm::enumerate(Op->getResults())) {
    const ValueFacts &Value =
        Facts->Results[std::min(Index, Facts->Results.size() - 1)];
    if (failed(Types.check(Value, Result.getType(), "result")))
      return failure();
  }
  return verifyRegions(Op, *Facts);
}
