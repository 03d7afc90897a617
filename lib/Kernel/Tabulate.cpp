//===- Tabulate.cpp - Functions of a byte as tables -----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Between two integer layers a byte is made a number, goes through a function
// and becomes a byte again. Whatever the function, it has 256 values: they are
// computed here, with the arithmetic that the kernel would have, and looked up.
//
// A byte of a body (an operand's element, or what the end of another op in it
// was quantized to) is the source of all that depends on it and on constants
// alone. Of two bytes on the way the later one is a function of the same
// source, so that x * sigmoid(x), each step quantized, is one table.
//
// Invariant: the bits of every result stay what they were.
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Structure.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELTABULATEPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe;
using namespace lathe::kernel;

namespace {

/// min(max(x, Low), High), on signed or unsigned bytes: two instructions.
struct Clamp {
  bool Signed;
  int Low, High;
};

std::optional<Clamp> matchClamp(const ByteValues &Values) {
  for (bool Signed : {true, false}) {
    auto Number = [&](unsigned Byte) {
      return Signed ? int(int8_t(Byte)) : int(Byte);
    };
    Clamp C{Signed, Number(Values[Signed ? 128 : 0]),
            Number(Values[Signed ? 127 : 255])};
    bool Same = C.Low <= C.High;
    for (unsigned X = 0; X < 256; ++X)
      Same &= Number(Values[X]) == std::min(std::max(Number(X), C.Low), C.High);
    if (Same)
      return C;
  }
  return std::nullopt;
}

/// The byte that each value of a body is a function of.
class Sources {
public:
  explicit Sources(Block &Body) {
    for (BlockArgument A : Body.getArguments())
      if (A.getType().isInteger(8))
        Of[A] = A;
    for (Operation &Op : Body.without_terminator()) {
      Value Source;
      bool One = Op.getNumRegions() == 0 && isMemoryEffectFree(&Op) &&
                 llvm::none_of(Op.getOperandTypes(), llvm::IsaPred<ShapedType>);
      for (Value V : Op.getOperands()) {
        if (matchPattern(V, m_Constant()))
          continue;
        Value From = Of.lookup(V);
        One &= From && (!Source || From == Source);
        Source = From;
      }
      for (Value R : Op.getResults())
        if (One && Source)
          Of[R] = Source;
        else if (R.getType().isInteger(8))
          Of[R] = R;
    }
  }
  Value of(Value V) const { return Of.lookup(V); }

private:
  llvm::DenseMap<Value, Value> Of;
};

/// About how many instructions \p Op is for a register full of bytes.
unsigned instructions(Operation &Op) {
  if (Op.hasTrait<OpTrait::ConstantLike>() ||
      isa<arith::CmpFOp, arith::CmpIOp>(Op))
    return 0; // a comparison and its selection are one
  unsigned Bits = 8;
  for (Type T :
       llvm::concat<const Type>(Op.getOperandTypes(), Op.getResultTypes()))
    if (T.isIntOrFloat())
      Bits = std::max(Bits, T.getIntOrFloatBitWidth());
  unsigned Each = 1;
  if (isa<arith::DivFOp>(Op))
    Each = matchPattern(Op.getOperand(1), m_Constant()) ? 3 : 8;
  else if (isa<math::MathDialect>(Op.getDialect()) &&
           !isa<math::AbsFOp, math::CeilOp, math::CopySignOp, math::FloorOp,
                math::FmaOp, math::RoundEvenOp, math::RoundOp, math::SqrtOp,
                math::TruncOp>(Op))
    Each = 20;
  return Each * Bits / 8;
}

/// What need not be computed any more if \p Result is looked up by \p Byte.
unsigned saving(Value Byte, Value Result) {
  unsigned Sum = 0;
  llvm::SmallPtrSet<Operation *, 32> Gone;
  // Users of an op stand behind it: backwards all of them are known.
  for (Operation *Op = Result.getDefiningOp(); Op; Op = Op->getPrevNode()) {
    if (Op != Result.getDefiningOp() &&
        !llvm::all_of(Op->getUsers(),
                      [&](Operation *User) { return Gone.contains(User); }))
      continue;
    if (Op == Byte.getDefiningOp() || Op->use_empty())
      continue;
    Gone.insert(Op);
    Sum += instructions(*Op);
  }
  return Sum;
}

struct TabulatePass
    : lathe::kernel::impl::KernelTabulatePassBase<TabulatePass> {
  using KernelTabulatePassBase::KernelTabulatePassBase;
  TabulatePass(const Tabulator &Values, const TargetDescription *T)
      : Values(Values) {
    if (T)
      Explicit = *T;
  }

  void runOnOperation() override {
    if (!Values)
      return;
    Target = Explicit ? *Explicit : describeTarget(triple, cpu, features);
    SmallVector<linalg::GenericOp> All;
    getOperation()->walk([&](linalg::GenericOp Op) {
      if (isElementwiseOp(Op))
        All.push_back(Op);
    });
    for (linalg::GenericOp Op : All)
      visit(Op);
  }

private:
  Tabulator Values;
  std::optional<TargetDescription> Explicit;
  TargetDescription Target;

  void visit(linalg::GenericOp Op) {
    Block &Body = *Op.getBody();
    Sources From(Body);
    // Last first: what a table makes superfluous needs none of its own.
    for (Operation *Next = Body.getTerminator()->getPrevNode(); Next;) {
      Operation &Inner = *Next;
      Next = Next->getPrevNode();
      if (isOpTriviallyDead(&Inner)) {
        Inner.erase();
        continue;
      }
      if (Inner.getNumResults() != 1)
        continue;
      Value Result = Inner.getResult(0), Byte = From.of(Result);
      if (!Result.getType().isInteger(8) || !Byte || Byte == Result)
        continue;
      unsigned Instead = saving(Byte, Result);
      // A clamp is two instructions, and needs no memory.
      if (Instead <= 2)
        continue;
      std::optional<ByteValues> Table = Values(Byte, Result, Target);
      if (!Table)
        continue;
      OpBuilder B(&Inner);
      if (std::optional<Clamp> C = matchClamp(*Table)) {
        Result.replaceAllUsesWith(clamp(B, Inner.getLoc(), Byte, *C));
        ++clamps;
      } else if (pays(Op, Byte, Instead)) {
        Result.replaceAllUsesWith(lookup(B, Op, Inner.getLoc(), Byte, *Table));
        ++tables;
      } else {
        continue;
      }
      Inner.erase();
    }
  }

  /// Bytes alone fill whole registers; between other numbers there are as many
  /// as lanes of 32 bits.
  bool pays(linalg::GenericOp Op, Value Byte, unsigned Instead) const {
    bool Alone = isa<BlockArgument>(Byte) &&
                 llvm::all_of(Op.getBody()->getArgumentTypes(),
                              [](Type T) { return T.isInteger(8); });
    unsigned Width = Alone ? 8 : 32;
    return paysAsTable(Instead * 8 / Width, Target.lanes(Width), Target);
  }

  static Value clamp(OpBuilder &B, Location Loc, Value X, const Clamp &C) {
    auto Bound = [&](int N) {
      return arith::ConstantOp::create(B, Loc, B.getI8IntegerAttr(int8_t(N)));
    };
    if (C.Low != (C.Signed ? -128 : 0))
      X = C.Signed ? Value(arith::MaxSIOp::create(B, Loc, X, Bound(C.Low)))
                   : Value(arith::MaxUIOp::create(B, Loc, X, Bound(C.Low)));
    if (C.High != (C.Signed ? 127 : 255))
      X = C.Signed ? Value(arith::MinSIOp::create(B, Loc, X, Bound(C.High)))
                   : Value(arith::MinUIOp::create(B, Loc, X, Bound(C.High)));
    return X;
  }

  static Value lookup(OpBuilder &B, Operation *Op, Location Loc, Value X,
                      const ByteValues &Table) {
    auto Type = RankedTensorType::get({256}, B.getI8Type());
    auto Bytes = DenseElementsAttr::getFromRawBuffer(
        Type, {reinterpret_cast<const char *>(Table.data()), Table.size()});
    OpBuilder Outside(Op);
    Value Constant = arith::ConstantOp::create(Outside, Loc, Bytes);
    return LookupOp::create(B, Loc, X.getType(), Constant, X);
  }
};
} // namespace

std::unique_ptr<Pass>
kernel::createKernelTabulatePass(const Tabulator &Values,
                                 const TargetDescription *Target) {
  return std::make_unique<TabulatePass>(Values, Target);
}
