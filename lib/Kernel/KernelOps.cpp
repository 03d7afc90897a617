//===- KernelOps.cpp - Verifiers and printing of the ops ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
using namespace lathe::kernel;

#define GET_OP_CLASSES
#include "lathe/Kernel/KernelOps.cpp.inc"

//===----------------------------------------------------------------------===//
// kernel.func, kernel.return
//===----------------------------------------------------------------------===//

void FuncOp::build(OpBuilder &B, OperationState &State, StringRef Name,
                   FunctionType Type, StringRef Kind) {
  State.addAttribute(getSymNameAttrName(State.name), B.getStringAttr(Name));
  State.addAttribute(getFunctionTypeAttrName(State.name), TypeAttr::get(Type));
  State.addAttribute(getSymVisibilityAttrName(State.name),
                     B.getStringAttr("private"));
  if (!Kind.empty())
    State.addAttribute(getKindAttrName(State.name), B.getStringAttr(Kind));
  Block &Entry = State.addRegion()->emplaceBlock();
  Entry.addArguments(
      Type.getInputs(),
      SmallVector<Location>(Type.getNumInputs(), State.location));
}

ParseResult FuncOp::parse(OpAsmParser &Parser, OperationState &Result) {
  auto BuildType = [](Builder &B, ArrayRef<Type> Args, ArrayRef<Type> Results,
                      function_interface_impl::VariadicFlag, std::string &) {
    return B.getFunctionType(Args, Results);
  };
  return function_interface_impl::parseFunctionOp(
      Parser, Result, /*allowVariadic=*/false,
      getFunctionTypeAttrName(Result.name), BuildType,
      getArgAttrsAttrName(Result.name), getResAttrsAttrName(Result.name));
}

void FuncOp::print(OpAsmPrinter &Printer) {
  function_interface_impl::printFunctionOp(
      Printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
      getArgAttrsAttrName(), getResAttrsAttrName());
}

bool FuncOp::isEmitted() {
  return getNumResults() == 0 &&
         llvm::none_of(getArgumentTypes(), llvm::IsaPred<TensorType>);
}

/// Blocks are counted by sizes that exist.
static LogicalResult verifyLaunch(FuncOp Func, LaunchAttr L) {
  if (L.getThreads() < 1)
    return Func.emitOpError("launch needs at least one thread");
  if (L.getBlocks().empty())
    return success();
  ArrayRef<Type> Types = Func.getArgumentTypes();
  auto Ref = L.getArg() >= 0 && L.getArg() < int64_t(Types.size())
                 ? dyn_cast<MemRefType>(Types[L.getArg()])
                 : MemRefType();
  if (!Ref)
    return Func.emitOpError("launch names argument ")
           << L.getArg() << ", which is no memref";
  for (BlocksAttr Group : L.getBlocks()) {
    if (Group.getStep() < 1)
      return Func.emitOpError("launch needs positive steps");
    for (int64_t D : Group.getDims())
      if (D < 0 || D >= Ref.getRank())
        return Func.emitOpError("launch names a dimension that does not exist");
  }
  return success();
}

LogicalResult FuncOp::verify() {
  if (!isPrivate())
    return emitOpError("must be private: only the model's entry is visible");
  if (isEmitted()) {
    ArrayRef<Type> Types = getArgumentTypes();
    if (LaunchAttr L = getLaunchAttr())
      return verifyLaunch(*this, L);
    if (Types.size() < 2 || !Types.take_back(2)[0].isIndex() ||
        !Types.back().isIndex())
      return emitOpError("on memrefs must end with two indices, the range of "
                         "its outermost parallel loop");
    if (GridAttr G = getGridAttr()) {
      if (G.getArg() < 0 || G.getArg() >= int64_t(Types.size()))
        return emitOpError("grid names argument ")
               << G.getArg() << ", which does not exist";
      auto Ref = dyn_cast<MemRefType>(Types[G.getArg()]);
      if (!Ref || G.getDim() < 0 || G.getDim() >= Ref.getRank())
        return emitOpError("grid names a dimension that does not exist");
      if (G.getStep() < 1)
        return emitOpError("grid needs a positive step");
    }
    return success();
  }
  if (getNumOuts() > getNumArguments())
    return emitOpError("needs one argument per result: its outs come last");
  for (auto [Arg, Res] : llvm::zip_equal(
           getArgumentTypes().take_back(getNumOuts()), getResultTypes()))
    if (!isa<TensorType>(Res) || Arg != Res)
      return emitOpError("result ") << Res << " is not its out " << Arg;
  if (ArrayAttr Types = getArgTypesAttr())
    if (Types.size() != getNumArguments())
      return emitOpError("arg_types must name each of the ")
             << getNumArguments() << " arguments";
  return success();
}

LogicalResult ReturnOp::verify() {
  auto Parent = cast<FuncOp>((*this)->getParentOp());
  if (TypeRange(getOperands()) != TypeRange(Parent.getResultTypes()))
    return emitOpError("operands must be the results of @")
           << Parent.getSymName();
  return success();
}

//===----------------------------------------------------------------------===//
// kernel.call
//===----------------------------------------------------------------------===//

/// A buffer fits a tensor argument if shape and element type agree.
static bool fits(Type Operand, Type Argument) {
  if (Operand == Argument)
    return true;
  auto Ref = dyn_cast<MemRefType>(Operand);
  auto Tensor = dyn_cast<RankedTensorType>(Argument);
  if (Ref && Tensor)
    return Ref.getShape() == Tensor.getShape() &&
           Ref.getElementType() == Tensor.getElementType();
  // Pointers are passed with the offset applied, so only strides must agree.
  auto Param = dyn_cast<MemRefType>(Argument);
  if (!Ref || !Param || Ref.getShape() != Param.getShape() ||
      Ref.getElementType() != Param.getElementType())
    return false;
  SmallVector<int64_t> L, R;
  int64_t Offset;
  return succeeded(Ref.getStridesAndOffset(L, Offset)) &&
         succeeded(Param.getStridesAndOffset(R, Offset)) && L == R;
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection &Symbols) {
  auto Callee = Symbols.lookupNearestSymbolFrom<FuncOp>(*this, getCalleeAttr());
  if (!Callee)
    return emitOpError("callee @") << getCallee() << " is not a kernel.func";
  ArrayRef<Type> Args = Callee.getArgumentTypes();
  if (Callee.isEmitted() && !Callee.getLaunchAttr())
    Args = Args.drop_back(2);
  if (getNumOperands() != Args.size())
    return emitOpError("has ") << getNumOperands() << " operands, but @"
                               << getCallee() << " takes " << Args.size();
  for (auto [I, Operand, Arg] : llvm::enumerate(getOperandTypes(), Args))
    if (!fits(Operand, Arg))
      return emitOpError("operand ") << I << " is " << Operand << ", but @"
                                     << getCallee() << " takes " << Arg;
  if (!Callee.isEmitted() && getOuts().size() != Callee.getNumOuts())
    return emitOpError("has ") << getOuts().size() << " outs, but @"
                               << getCallee() << " " << Callee.getNumOuts();
  return success();
}

void CallOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &Effects) {
  for (OpOperand &O : getInsMutable())
    if (isa<MemRefType>(O.get().getType()))
      Effects.emplace_back(MemoryEffects::Read::get(), &O);
  // A kernel may read what it writes (an accumulator, a window of a buffer).
  for (OpOperand &O : getOutsMutable())
    if (isa<MemRefType>(O.get().getType())) {
      Effects.emplace_back(MemoryEffects::Read::get(), &O);
      Effects.emplace_back(MemoryEffects::Write::get(), &O);
    }
}

//===----------------------------------------------------------------------===//
// kernel.weight, kernel.slot, kernel.output
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  ShapedType Source = getValue().getShapedType();
  auto Result = cast<ShapedType>(getResult().getType());
  SmallVector<int64_t> Shape(Source.getShape());
  if (PackingAttr P = getPackingAttr()) {
    if (int64_t(P.getOuter().size()) != Source.getRank())
      return emitOpError("packing is for rank ")
             << P.getOuter().size() << ", the value has rank "
             << Source.getRank();
    Shape = P.packedShape(Shape);
  }
  if (Result.getElementType() != Source.getElementType() ||
      Result.getShape() != ArrayRef(Shape))
    return emitOpError("result ")
           << Result << " is not the value " << Source << " as packed";
  if (std::optional<int64_t> Offset = getOffset(); Offset && *Offset < 0)
    return emitOpError("offset must not be negative");
  return success();
}

/// One size per dynamic dimension of a row-major buffer.
static LogicalResult verifySizes(Operation *Op, Type Result, size_t NumSizes) {
  auto Ref = cast<MemRefType>(Result);
  if (!Ref.getLayout().isIdentity())
    return Op->emitOpError("result must be row-major");
  if (Ref.getNumDynamicDims() != NumSizes)
    return Op->emitOpError("needs one size per dynamic dimension of ") << Ref;
  return success();
}

LogicalResult SlotOp::verify() {
  return verifySizes(*this, getType(), getSizes().size());
}

LogicalResult AllocateOp::verify() {
  return verifySizes(*this, getType(), getSizes().size());
}

LogicalResult OutputOp::verify() {
  return verifySizes(*this, getType(), getSizes().size());
}

//===----------------------------------------------------------------------===//
// kernel.lookup
//===----------------------------------------------------------------------===//

LogicalResult LookupOp::verify() {
  if (cast<ShapedType>(getTable().getType()).getDimSize(0) != 256)
    return emitOpError("table must have 256 bytes");
  return success();
}
