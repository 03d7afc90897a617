//===- Outline.cpp - Parts of kernels as functions of their own -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// LLVM keeps constants of a loop in registers across every loop around it. Code
// behind a register tile that fills all of them must not do that, so it stands
// in a function that is not inlined.
//
//===----------------------------------------------------------------------===//

#include "Outline.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::codegen;

/// May \p Op be repeated where its result is used? Views must be: a function
/// takes pointers, no offsets.
static bool isCheap(Operation *Op) {
  return Op && (Op->hasTrait<OpTrait::ConstantLike>() ||
                isa<vector::ConstantMaskOp, vector::CreateMaskOp>(Op) ||
                (isa<ViewLikeOpInterface>(Op) && isPure(Op)));
}

namespace {
/// What the moved operations use of those that stay, in order of first use.
struct Captures {
  ValueRange Parameters;
  llvm::SetVector<Value> Arguments;
  llvm::SetVector<Operation *> Repeated; // operands before users

  void add(Value V) {
    Operation *Op = V.getDefiningOp();
    if (!isCheap(Op) || llvm::is_contained(Parameters, V)) {
      Arguments.insert(V);
      return;
    }
    for (Value Operand : Op->getOperands())
      add(Operand);
    Repeated.insert(Op);
  }
};
} // namespace

void Outliner::outline(kernel::FuncOp Kernel, ValueRange Outs) {
  for (const Part &P : Named)
    outline(Kernel, P, Outs);
  Named.clear();
}

void Outliner::outline(kernel::FuncOp Kernel, const Part &P, ValueRange Outs) {
  Location Loc = Kernel.getLoc();
  SmallVector<Operation *> Moved;
  llvm::SmallPtrSet<Operation *, 16> Inside;
  for (Operation &Op : llvm::make_range(P.First->getIterator(),
                                        std::next(P.Last->getIterator()))) {
    Moved.push_back(&Op);
    Op.walk([&](Operation *X) { Inside.insert(X); });
  }
  Captures Used{P.Parameters, {}, {}};
  for (Operation *Op : Moved)
    Op->walk([&](Operation *X) {
      for (Value V : X->getOperands()) {
        Operation *Owner = V.getDefiningOp()
                               ? V.getDefiningOp()
                               : V.getParentBlock()->getParentOp();
        if (!Inside.contains(Owner))
          Used.add(V);
      }
    });

  // Ins, then outs, then the range, of which there is no more than one.
  SmallVector<Value> Ins, Written;
  for (Value V : Used.Arguments)
    (llvm::is_contained(Outs, V) ? Written : Ins).push_back(V);
  SmallVector<Value> Arguments(Ins);
  Arguments.append(Written);
  SmallVector<Type> Types(ValueRange(Arguments).getTypes());
  Types.append(2, IndexType::get(Kernel.getContext()));
  OpBuilder B(Kernel);
  B.setInsertionPointAfter(Kernel);
  auto Func = kernel::FuncOp::create(B, Loc, "tail",
                                     B.getFunctionType(Types, {}), "tail");
  IRMapping Map;
  Map.map(Arguments, Func.getArguments().drop_back(2));
  B.setInsertionPointToStart(&Func.getBody().front());
  for (Operation *Op : Used.Repeated)
    B.clone(*Op, Map);
  for (Operation *Op : Moved)
    B.clone(*Op, Map);
  kernel::ReturnOp::create(B, Loc);
  B.setInsertionPointAfter(P.Last);
  for (Operation *Op : llvm::reverse(Moved))
    Op->erase();

  std::string Text;
  llvm::raw_string_ostream Stream(Text);
  Func->print(Stream, OpPrintingFlags().useLocalScope());
  auto [It, Inserted] = ByText.try_emplace(Text, Func);
  if (Inserted) {
    Func.setSymName(
        (Kernel.getSymName() + "_tail" + llvm::Twine(Functions.size())).str());
    Functions.push_back(Func);
  } else {
    Func.erase();
  }
  kernel::CallOp::create(B, Loc, TypeRange(), It->second.getSymName(), Ins,
                         Written);
}
