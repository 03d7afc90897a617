//===- Tabulate.cpp - The values of a function of a byte ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The ops between the byte and the result go into a function of their own,
// their products fused into sums as the nest emitter does it, their functions
// expanded by codegen-expand-math; then it is run 256 times.
//
//===----------------------------------------------------------------------===//

#include "lathe/Codegen/Tabulate.h"
#include "Interpreter.h"
#include "Lanes.h"
#include "lathe/Codegen/Passes.h"
#include "lathe/Support/TargetDescription.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

namespace {
/// Copies what a value is computed from.
class Copier {
public:
  Copier(OpBuilder &B, Value Byte, Value Argument, bool HasFMA)
      : B(B), HasFMA(HasFMA) {
    Map.map(Byte, Argument);
  }

  /// Null where \p V depends on more than the byte.
  Value copy(Value V) {
    if (Value Known = Map.lookupOrNull(V))
      return Known;
    Operation *Op = V.getDefiningOp();
    if (!Op || Op->getNumRegions() != 0)
      return {};
    SmallVector<Value> From(Op->getOperands());
    arith::MulFOp Mul = HasFMA ? fusedProduct(Op) : arith::MulFOp();
    if (Mul) {
      Value Other = From[From[0] == Mul ? 1 : 0];
      From = {Mul.getLhs(), Mul.getRhs(), Other};
    }
    SmallVector<Value> To;
    for (Value Operand : From) {
      To.push_back(copy(Operand));
      if (!To.back())
        return {};
    }
    if (Mul) {
      Value Sum = math::FmaOp::create(B, Op->getLoc(), To[0], To[1], To[2]);
      Map.map(V, Sum);
      return Sum;
    }
    Operation *New = Op->cloneWithoutRegions();
    New->setOperands(To);
    B.insert(New);
    Map.map(Op->getResults(), New->getResults());
    return Map.lookup(V);
  }

private:
  OpBuilder &B;
  IRMapping Map;
  bool HasFMA;
};
} // namespace

std::optional<kernel::ByteValues>
lathe::codegen::tabulate(Value Byte, Value Result,
                         const TargetDescription &Target) {
  Location Loc = Result.getLoc();
  OwningOpRef<ModuleOp> Module = ModuleOp::create(Loc);
  OpBuilder B(Module->getBodyRegion());
  auto Func = func::FuncOp::create(
      B, Loc, "values", B.getFunctionType(B.getI8Type(), B.getI8Type()));
  Block *Body = Func.addEntryBlock();
  B.setInsertionPointToStart(Body);
  Copier Copy(B, Byte, Body->getArgument(0), Target.HasFMA);
  Value End = Copy.copy(Result);
  if (!End)
    return std::nullopt;
  func::ReturnOp::create(B, Loc, End);
  if (failed(expandMath(*Module, Target)))
    return std::nullopt;

  kernel::ByteValues Values;
  for (unsigned X = 0; X < Values.size(); ++X) {
    Interpreter Run;
    Run.set(Body->getArgument(0), APInt(8, X));
    if (!Run.run(*Body))
      return std::nullopt;
    std::optional<APInt> Y = Run.get(Body->getTerminator()->getOperand(0));
    if (!Y)
      return std::nullopt;
    Values[X] = uint8_t(Y->getZExtValue());
  }
  return Values;
}
