//===- ShareKernels.cpp - The pass kernel-share ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Layers of one shape that are quantized each to their own range make kernels
// that differ in scales and zero points alone. One of them stays; what differs
// becomes scalar arguments. Kernels are compared by their text with all such
// constants zero, once each.
//
// Invariant: every call computes the same bits as before. A quotient by a
// constant, which costs three instructions because its reciprocal is known
// while compiling (lathe/Kernel/Quotient.h), takes the reciprocal as one more
// argument.
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "lathe/Kernel/Passes.h"
#include "lathe/Kernel/Quotient.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

namespace lathe::kernel {
#define GEN_PASS_DEF_KERNELSHAREPASS
#include "lathe/Kernel/Passes.h.inc"
} // namespace lathe::kernel

using namespace mlir;
using namespace lathe::kernel;

/// Arguments are worth their code up to so many.
static constexpr size_t MostArguments = 12;

/// The scalars that bodies compute with, in order.
static SmallVector<arith::ConstantOp> scalarsOf(FuncOp Kernel) {
  SmallVector<arith::ConstantOp> Scalars;
  Kernel.walk([&](arith::ConstantOp C) {
    if ((C.getType().isF32() || C.getType().isInteger(32)) && !C->use_empty() &&
        llvm::all_of(C->getUsers(), [](Operation *User) {
          return User->getParentOfType<linalg::GenericOp>();
        }))
      Scalars.push_back(C);
  });
  return Scalars;
}

/// The text of \p Kernel without its name, its scalars zero.
static std::string textOf(FuncOp Kernel,
                          MutableArrayRef<arith::ConstantOp> Scalars) {
  StringAttr Name = Kernel.getSymNameAttr();
  SmallVector<TypedAttr> Values;
  for (arith::ConstantOp C : Scalars) {
    Values.push_back(C.getValue());
    C.setValueAttr(cast<TypedAttr>(Builder(C).getZeroAttr(C.getType())));
  }
  Kernel.setSymNameAttr(StringAttr::get(Kernel.getContext(), "k"));
  std::string Text;
  llvm::raw_string_ostream Stream(Text);
  Kernel->print(Stream, OpPrintingFlags().useLocalScope());
  Kernel.setSymNameAttr(Name);
  for (auto &&[C, V] : llvm::zip_equal(Scalars, Values))
    C.setValueAttr(V);
  return Text;
}

namespace {
struct Member {
  FuncOp Kernel;
  SmallVector<arith::ConstantOp> Scalars;
};

struct SharePass : lathe::kernel::impl::KernelSharePassBase<SharePass> {
  using KernelSharePassBase::KernelSharePassBase;

  void runOnOperation() override {
    llvm::MapVector<StringRef, SmallVector<Member>> Groups;
    llvm::StringSet<> Texts;
    for (auto Kernel : getOperation().getOps<FuncOp>()) {
      Member M{Kernel, scalarsOf(Kernel)};
      if (!M.Scalars.empty())
        Groups[Texts.insert(textOf(Kernel, M.Scalars)).first->getKey()]
            .push_back(std::move(M));
    }
    llvm::DenseMap<StringAttr, SmallVector<CallOp>> Calls;
    getOperation().walk([&](CallOp Call) {
      Calls[Call.getCalleeAttr().getAttr()].push_back(Call);
    });
    for (auto &[Text, Members] : Groups)
      if (Members.size() > 1)
        share(Members, Calls);
  }

  /// The quotients by \p C that its reciprocal helps.
  SmallVector<arith::DivFOp> quotientsBy(arith::ConstantOp C) {
    SmallVector<arith::DivFOp> All;
    for (Operation *User : C->getUsers())
      if (auto Div = dyn_cast<arith::DivFOp>(User);
          fma && Div && Div.getRhs() == C.getResult() && isExactQuotient(Div))
        All.push_back(Div);
    return All;
  }

  void share(MutableArrayRef<Member> Members,
             llvm::DenseMap<StringAttr, SmallVector<CallOp>> &Calls) {
    Member &First = Members.front();
    // What differs, and which of it divides.
    SmallVector<unsigned> Varying;
    SmallVector<bool> Divides;
    for (unsigned I = 0; I < First.Scalars.size(); ++I) {
      if (llvm::all_of(Members, [&](Member &M) {
            return M.Scalars[I].getValue() == First.Scalars[I].getValue();
          }))
        continue;
      bool Divisor = !quotientsBy(First.Scalars[I]).empty();
      if (Divisor && !llvm::all_of(Members, [&](Member &M) {
            return hasExactQuotient(valueOf(M.Scalars[I]));
          }))
        return;
      Varying.push_back(I);
      Divides.push_back(Divisor);
    }
    if (Varying.size() + llvm::count(Divides, true) > MostArguments)
      return;

    // Calls give their own numbers.
    for (Member &M : Members)
      for (CallOp Call : Calls.lookup(M.Kernel.getSymNameAttr())) {
        OpBuilder B(Call);
        SmallVector<Value> Numbers;
        auto Give = [&](TypedAttr Number) {
          Numbers.push_back(
              arith::ConstantOp::create(B, Call.getLoc(), Number));
        };
        for (auto [I, Divisor] : llvm::zip_equal(Varying, Divides)) {
          Give(M.Scalars[I].getValue());
          if (Divisor)
            Give(B.getF32FloatAttr(1.0f / valueOf(M.Scalars[I])));
        }
        Call.getInsMutable().append(Numbers);
        Call.setCalleeAttr(FlatSymbolRefAttr::get(First.Kernel));
      }
    for (Member &M : Members.drop_front())
      M.Kernel.erase();
    shared += Members.size() - 1;

    // The one that stays takes them in front of its outs.
    FuncOp Kernel = First.Kernel;
    Block &Body = Kernel.getBody().front();
    unsigned At = Kernel.getNumIns();
    for (auto [I, Divisor] : llvm::zip_equal(Varying, Divides)) {
      arith::ConstantOp C = First.Scalars[I];
      Value Number = Body.insertArgument(At++, C.getType(), C.getLoc());
      if (Divisor) {
        Value Reciprocal = Body.insertArgument(At++, C.getType(), C.getLoc());
        for (arith::DivFOp Div : quotientsBy(C)) {
          OpBuilder B(Div);
          Div.replaceAllUsesWith(
              exactQuotient(B, Div.getLoc(), Div.getLhs(), Number, Reciprocal));
          Div.erase();
        }
      }
      C.getResult().replaceAllUsesWith(Number);
      C.erase();
    }
    Kernel.setFunctionType(FunctionType::get(
        &getContext(), Body.getArgumentTypes(), Kernel.getResultTypes()));
  }

  static float valueOf(arith::ConstantOp C) {
    return cast<FloatAttr>(C.getValue()).getValue().convertToFloat();
  }
};
} // namespace
