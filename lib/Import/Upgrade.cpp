//===- Upgrade.cpp - Lifting a node step by step --------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Upgrade.h"
#include "History.h"
#include "Tensors.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/APSInt.h"

using namespace lathe::import;
using namespace mlir;
using lathe::onnx::Arity;
using lathe::onnx::AttrFacts;
using lathe::onnx::AttrKind;
using lathe::onnx::OpFacts;
using lathe::onnx::ValueFacts;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

//===----------------------------------------------------------------------===//
// Node and values
//===----------------------------------------------------------------------===//

int64_t Node::takeInt(StringRef Name, int64_t Default) {
  auto Attr = dyn_cast_or_null<IntegerAttr>(take(Name));
  return Attr ? Attr.getInt() : Default;
}

double Node::takeFloat(StringRef Name, double Default) {
  auto Attr = dyn_cast_or_null<FloatAttr>(take(Name));
  return Attr ? Attr.getValueAsDouble() : Default;
}

std::optional<SmallVector<int64_t>> Node::takeInts(StringRef Name) {
  auto Attr = dyn_cast_or_null<DenseI64ArrayAttr>(take(Name));
  if (!Attr)
    return std::nullopt;
  return SmallVector<int64_t>(Attr.asArrayRef());
}

StringRef Node::getString(StringRef Name, StringRef Default) const {
  auto Attr = dyn_cast_or_null<StringAttr>(Attrs.get(Name));
  return Attr ? Attr.getValue() : Default;
}

static DenseElementsAttr getDenseConstant(Value V) {
  auto Constant = V ? V.getDefiningOp<lathe::onnx::ConstantOp>() : nullptr;
  return Constant ? dyn_cast<DenseElementsAttr>(Constant.getValue()) : nullptr;
}

std::optional<SmallVector<int64_t>> lathe::import::getConstantInts(Value V) {
  DenseElementsAttr Dense = getDenseConstant(V);
  if (!Dense || !Dense.getElementType().isInteger())
    return std::nullopt;
  bool Unsigned = Dense.getElementType().isUnsignedInteger() ||
                  Dense.getElementType().isInteger(1);
  return llvm::map_to_vector(Dense.getValues<APInt>(), [&](const APInt &I) {
    return Unsigned ? int64_t(I.getZExtValue()) : I.getSExtValue();
  });
}

std::optional<SmallVector<double>> lathe::import::getConstantFloats(Value V) {
  DenseElementsAttr Dense = getDenseConstant(V);
  if (!Dense || !isa<FloatType>(Dense.getElementType()))
    return std::nullopt;
  return llvm::map_to_vector(Dense.getValues<APFloat>(), [](const APFloat &F) {
    return F.convertToDouble();
  });
}

std::optional<int64_t> lathe::import::getRank(Value V) {
  auto Type = V ? dyn_cast<RankedTensorType>(V.getType()) : nullptr;
  return Type ? std::optional(Type.getRank()) : std::nullopt;
}

Type lathe::import::getElementTypeOf(Value V) {
  auto Tensor = V ? dyn_cast<TensorType>(V.getType()) : nullptr;
  return Tensor ? Tensor.getElementType() : Type();
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

const Step *lathe::import::findStep(StringRef Domain, StringRef OpType,
                                    unsigned From, unsigned To) {
  for (ArrayRef<Step> Steps :
       {getMathSteps(), getShapeSteps(), getNNSteps(), getControlSteps()})
    for (const Step &S : Steps)
      if (S.OpType == OpType && S.Domain == Domain && S.From == From &&
          S.To == To)
        return &S;
  return nullptr;
}

bool lathe::import::isUnchanged(StringRef Domain, StringRef OpType,
                                unsigned From, unsigned To) {
  for (const UnchangedRun &Run : getUnchangedRuns()) {
    if (Run.OpType != OpType || Run.Domain != Domain)
      continue;
    for (unsigned I = 0; I + 1 < std::size(Run.Versions) && Run.Versions[I + 1];
         ++I)
      if (Run.Versions[I] == From && Run.Versions[I + 1] == To)
        return true;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Building ops
//===----------------------------------------------------------------------===//

/// The types that a set allows, if it is tensors of one element type only.
static Type getOnlyType(MLIRContext *Context, const lathe::onnx::TypeSet &Set) {
  if (!llvm::isPowerOf2_32(Set.Tensor) || Set.Seq || Set.Opt || Set.OptSeq ||
      Set.Maps)
    return {};
  return UnrankedTensorType::get(
      lathe::onnx::getElementType(Context, llvm::countr_zero(Set.Tensor)));
}

/// What the schema says about the type of a result: that of an operand with the
/// same type variable, without its shape.
static Type inferResultType(const OpFacts &Facts, const ValueFacts &Result,
                            const Node &N) {
  MLIRContext *Context = N.Loc.getContext();
  if (Type Only = getOnlyType(Context, Result.Types))
    return Only;
  if (Result.TypeVar >= 0 &&
      (Result.Kind != Arity::Variadic || Result.Homogeneous))
    for (auto [Index, Input] : llvm::enumerate(N.Inputs)) {
      const ValueFacts &Operand =
          Facts.Operands[std::min(Index, Facts.Operands.size() - 1)];
      if (!Input || Operand.TypeVar != Result.TypeVar ||
          (Operand.Kind == Arity::Variadic && !Operand.Homogeneous))
        continue;
      if (Type Element = getElementTypeOf(Input))
        return UnrankedTensorType::get(Element);
    }
  auto To = dyn_cast_or_null<IntegerAttr>(
      N.Attrs.get(Facts.Name == "Cast" ? "to" : "dtype"));
  if (Type Element =
          To ? lathe::onnx::getElementType(Context, To.getInt()) : Type()) {
    Type Tensor = UnrankedTensorType::get(Element);
    Type Seq = lathe::onnx::SeqType::get(Tensor);
    for (Type Candidate : {Tensor, Seq})
      if (isIn(Result.Types, Candidate))
        return Candidate;
  }
  return NoneType::get(Context);
}

Expected<SmallVector<Value>> Upgrader::buildOp(Node &N) {
  const OpFacts *Facts = onnx::lookupOp(B.getContext(), N.Domain, N.OpType);
  if (!Facts || Facts->Domain != N.Domain)
    return createStringError("no such op");

  SmallVector<Value> Operands;
  SmallVector<int32_t> Segments;
  unsigned NotSingle = 0;
  for (auto [Index, Operand] : llvm::enumerate(Facts->Operands)) {
    size_t Before = Operands.size();
    NotSingle += Operand.Kind != Arity::Single;
    if (Operand.Kind == Arity::Variadic)
      for (Value Input :
           ArrayRef(N.Inputs).drop_front(std::min(Index, N.Inputs.size()))) {
        if (!Input)
          return createStringError("input '" + Operand.Name +
                                   "' has an empty name among its values");
        Operands.push_back(Input);
      }
    else if (Value Input = N.getInput(Index))
      Operands.push_back(Input);
    else if (Operand.Kind == Arity::Single)
      return createStringError("required input '" + Operand.Name +
                               "' is absent");
    Segments.push_back(Operands.size() - Before);
  }

  SmallVector<Type> Types;
  SmallVector<unsigned> ResultOf(N.ResultTypes.size());
  for (auto [Index, Result] : llvm::enumerate(Facts->Results)) {
    size_t Count =
        Result.Kind == Arity::Variadic
            ? N.ResultTypes.size() - std::min(Index, N.ResultTypes.size())
            : 1;
    for (size_t I = Index; I < Index + Count; ++I) {
      Type Known = I < N.ResultTypes.size() ? N.ResultTypes[I] : Type();
      if (!Known || isa<NoneType>(Known))
        Known = inferResultType(*Facts, Result, N);
      if (I < ResultOf.size())
        ResultOf[I] = Types.size();
      Types.push_back(Known);
    }
  }

  unsigned NumRegions = llvm::count_if(Facts->Attrs, [](const AttrFacts &A) {
    return A.Kind == AttrKind::Graph;
  });
  if (NotSingle > 1)
    N.Attrs.set("operandSegmentSizes", B.getDenseI32ArrayAttr(Segments));
  OperationState State(N.Loc, Facts->OpName, Operands, Types, {});
  for (unsigned I = 0; I < NumRegions; ++I)
    State.addRegion();

  // The verifier's and the attributes' complaints become the reason of our
  // error.
  std::string Reason;
  ScopedDiagnosticHandler Catch(B.getContext(), [&](Diagnostic &Diag) {
    if (Diag.getSeverity() == DiagnosticSeverity::Error && Reason.empty()) {
      Reason = Diag.str();
      StringRef Text = Reason;
      if (Text.consume_front("'" + std::string(Facts->OpName) + "' op "))
        Reason = Text.str();
    }
    return success();
  });
  Operation *Op = B.create(State);
  auto EmitError = [&] { return emitError(N.Loc); };
  bool Ok = !Op->getPropertiesStorageSize() ||
            succeeded(Op->getName().setOpPropertiesFromAttribute(
                Op->getName(), Op->getPropertiesStorage(),
                N.Attrs.getDictionary(B.getContext()), EmitError));
  unsigned RegionIndex = 0;
  for (const AttrFacts &Attr : Facts->Attrs) {
    if (Attr.Kind != AttrKind::Graph)
      continue;
    for (auto &[Name, Body] : N.Graphs)
      if (Name == Attr.Name)
        Op->getRegion(RegionIndex).takeBody(*Body);
    ++RegionIndex;
  }
  // Not verify(): that would also look at the dominance of what subgraphs use,
  // while the subgraph around them is not attached yet. The finished module is
  // verified.
  if (!Ok || failed(Op->getName().verifyInvariants(Op)) ||
      failed(Op->getName().verifyRegionInvariants(Op))) {
    Op->erase();
    return createStringError(Reason.empty() ? "does not follow its schema"
                                            : Reason);
  }

  if (Inference)
    Inference->refine(Op);
  SmallVector<Value> Results;
  for (auto [Index, Type] : llvm::enumerate(N.ResultTypes))
    Results.push_back(Type ? Op->getResult(ResultOf[Index]) : Value());
  return Results;
}

Expected<SmallVector<Value>> Upgrader::build(Node N) {
  for (;;) {
    ArrayRef<OpFacts> Versions = getVersions(N.Domain, N.OpType);
    const OpFacts *Newest = onnx::lookupOp(B.getContext(), N.Domain, N.OpType);
    if (Versions.empty() || (Newest && Newest->SinceVersion == N.Version))
      break;
    auto Next = llvm::find_if(
        Versions, [&](const OpFacts &S) { return S.SinceVersion > N.Version; });
    if (Next == Versions.end())
      break;
    unsigned From = N.Version, To = Next->SinceVersion;
    N.Version = To;
    if (isUnchanged(N.Domain, N.OpType, From, To))
      continue;
    const Step *S = findStep(N.Domain, N.OpType, From, To);
    if (!S)
      return createStringError("no rule lifts it from opset " + Twine(From) +
                               " to " + Twine(To) +
                               "; export the model with a newer opset");
    if (!S->Fn)
      return createStringError("its form of opset " + Twine(From) +
                               " is not supported (" + S->Reason +
                               "); export the model with opset " + Twine(To) +
                               " or newer");
    Error E = S->Fn(N, *this);
    if (E)
      return std::move(E);
    if (!Pending.empty())
      return createStringError(std::exchange(Pending, {}));
    if (N.Replacement)
      return std::move(*N.Replacement);
  }
  return buildOp(N);
}

Value Upgrader::emit(Location Loc, StringRef OpType, unsigned Version,
                     ArrayRef<Value> Inputs, ArrayRef<NamedAttribute> Attrs,
                     Type Result) {
  if (!Pending.empty())
    return {};
  Node N(Loc);
  N.OpType = OpType;
  N.Version = Version;
  N.Inputs.assign(Inputs.begin(), Inputs.end());
  N.Attrs.append(Attrs);
  N.ResultTypes.push_back(Result ? Result : NoneType::get(B.getContext()));
  Expected<SmallVector<Value>> Values = build(std::move(N));
  if (Values)
    return Values->front();
  Pending = llvm::toString(Values.takeError());
  return {};
}

Value Upgrader::constant(Location Loc, ElementsAttr Value) {
  return onnx::ConstantOp::create(B, Loc, Value);
}

Value Upgrader::ints(Location Loc, ArrayRef<int64_t> Values) {
  return constant(
      Loc, DenseIntElementsAttr::get(
               RankedTensorType::get(int64_t(Values.size()), B.getI64Type()),
               Values));
}

Value Upgrader::intScalar(Location Loc, int64_t V) {
  return constant(Loc, DenseIntElementsAttr::get(
                           RankedTensorType::get({}, B.getI64Type()), V));
}

Value Upgrader::floats(Location Loc, ArrayRef<float> Values) {
  return constant(
      Loc, DenseFPElementsAttr::get(
               RankedTensorType::get(int64_t(Values.size()), B.getF32Type()),
               Values));
}

Value Upgrader::scalarLike(Location Loc, Value Like, double V) {
  Type Element = getElementTypeOf(Like);
  if (auto Float = dyn_cast_or_null<FloatType>(Element)) {
    APFloat F(V);
    bool Lossy;
    F.convert(Float.getFloatSemantics(), APFloat::rmNearestTiesToEven, &Lossy);
    return constant(
        Loc, DenseElementsAttr::get(RankedTensorType::get({}, Element), F));
  }
  if (auto Int = dyn_cast_or_null<IntegerType>(Element)) {
    llvm::APSInt I(Int.getWidth(), /*isUnsigned=*/Int.isUnsigned());
    bool Exact;
    APFloat(V).convertToInteger(I, APFloat::rmTowardZero, &Exact);
    return constant(Loc, DenseElementsAttr::get(
                             RankedTensorType::get({}, Element), APInt(I)));
  }
  return {};
}

NamedAttribute Upgrader::attr(StringRef Name, int64_t Value) {
  return B.getNamedAttr(Name, B.getI64IntegerAttr(Value));
}

NamedAttribute Upgrader::attr(StringRef Name, StringRef Value) {
  return B.getNamedAttr(Name, B.getStringAttr(Value));
}

NamedAttribute Upgrader::attr(StringRef Name, ArrayRef<int64_t> Values) {
  return B.getNamedAttr(Name, B.getDenseI64ArrayAttr(Values));
}
