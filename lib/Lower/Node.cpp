//===- Node.cpp - An onnx op as its lowering sees it ----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Node.h"
#include "lathe/ONNX/Facts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe::lower {

/// Casts only forget static sizes; the value before them knows more.
static Value skipCasts(Value V) {
  while (auto Cast = V.getDefiningOp<tensor::CastOp>()) {
    if (!isa<RankedTensorType>(Cast.getSource().getType()) ||
        !tensor::preservesStaticInformation(Cast.getType(),
                                            Cast.getSource().getType()))
      break;
    V = Cast.getSource();
  }
  return V;
}

Node::Node(Operation *Op, ValueRange Converted,
           ConversionPatternRewriter &Rewriter,
           const StorageTypeConverter &Types)
    : B(Op->getLoc(), Rewriter), Op(Op), Rewriter(Rewriter), Types(Types) {
  for (Value V : Converted)
    Inputs.push_back(skipCasts(V));
  if (const onnx::OpFacts *Facts = onnx::getFacts(Op))
    for (unsigned I = 0; I < Facts->Operands.size(); ++I)
      Segments.push_back(onnx::getOperandSegment(Op, I));
}

StringRef Node::name() const {
  StringRef Name = Op->getName().getStringRef();
  Name.consume_front("onnx.");
  return Name;
}

Value Node::in(unsigned I) const {
  return has(I) ? Inputs[Segments[I].first] : Value();
}

ArrayRef<Value> Node::ins(unsigned I) const {
  if (I >= Segments.size())
    return {};
  return ArrayRef<Value>(Inputs).slice(Segments[I].first, Segments[I].second);
}

RankedTensorType Node::inType(unsigned I) const {
  return cast<RankedTensorType>(in(I).getType());
}

Value Node::original(unsigned I) const {
  return has(I) ? Op->getOperand(Segments[I].first) : Value();
}

Type Node::inElem(unsigned I) const {
  return cast<ShapedType>(original(I).getType()).getElementType();
}

RankedTensorType Node::outType(unsigned I) const {
  return cast<RankedTensorType>(Types.convertType(Op->getResult(I).getType()));
}

Type Node::outElem(unsigned I) const {
  return cast<ShapedType>(Op->getResult(I).getType()).getElementType();
}

bool Node::outUsed(unsigned I) const {
  return I < Op->getNumResults() && !Op->getResult(I).use_empty();
}

int64_t Node::i64(StringRef Name, int64_t Default) const {
  auto Attr = dyn_cast_if_present<IntegerAttr>(Op->getAttr(Name));
  return Attr ? Attr.getValue().getSExtValue() : Default;
}

double Node::f32(StringRef Name, double Default) const {
  // ONNX keeps floats in single precision: a default is rounded like a value.
  auto Attr = dyn_cast_if_present<FloatAttr>(Op->getAttr(Name));
  return Attr ? Attr.getValueAsDouble() : static_cast<float>(Default);
}

StringRef Node::str(StringRef Name, StringRef Default) const {
  auto Attr = dyn_cast_if_present<StringAttr>(Op->getAttr(Name));
  return Attr ? Attr.getValue() : Default;
}

SmallVector<int64_t> Node::ints(StringRef Name) const {
  auto Attr = dyn_cast_if_present<DenseI64ArrayAttr>(Op->getAttr(Name));
  return Attr ? SmallVector<int64_t>(Attr.asArrayRef())
              : SmallVector<int64_t>();
}

SmallVector<double> Node::floats(StringRef Name) const {
  auto Attr = dyn_cast_if_present<DenseF32ArrayAttr>(Op->getAttr(Name));
  return Attr ? SmallVector<double>(Attr.asArrayRef()) : SmallVector<double>();
}

SmallVector<StringRef> Node::strs(StringRef Name) const {
  SmallVector<StringRef> Result;
  if (auto Attr = dyn_cast_if_present<ArrayAttr>(Op->getAttr(Name)))
    for (Attribute A : Attr)
      if (auto S = dyn_cast<StringAttr>(A))
        Result.push_back(S.getValue());
  return Result;
}

static ElementsAttr constantOf(Value V) {
  Operation *Def = V ? V.getDefiningOp() : nullptr;
  if (!Def || (Def->getName().getStringRef() != "onnx.Constant" &&
               !isa<arith::ConstantOp>(Def)))
    return {};
  return dyn_cast_if_present<ElementsAttr>(Def->getAttr("value"));
}

std::optional<SmallVector<int64_t>> constantInts(Value V) {
  auto Dense = dyn_cast_if_present<DenseIntElementsAttr>(constantOf(V));
  if (Dense) {
    bool Unsigned = Dense.getElementType().isUnsignedInteger() ||
                    Dense.getElementType().isInteger(1);
    return llvm::map_to_vector(Dense.getValues<APInt>(), [&](const APInt &I) {
      return Unsigned ? static_cast<int64_t>(I.getZExtValue())
                      : I.getSExtValue();
    });
  }
  // Long integer lists (a Gather over 100 rows, a big shape) are resources.
  auto Resource = dyn_cast_if_present<DenseResourceElementsAttr>(constantOf(V));
  if (!Resource || !Resource.getRawHandle().getBlob())
    return std::nullopt;
  ArrayRef<char> Bytes = Resource.getRawHandle().getBlob()->getData();
  Type Elem = Resource.getType().getElementType();
  if (!Elem.isInteger(64) && !Elem.isInteger(32))
    return std::nullopt;
  size_t Width = Elem.getIntOrFloatBitWidth() / 8,
         Count = Resource.getType().getNumElements();
  if (Bytes.size() < Width * Count)
    return std::nullopt;
  SmallVector<int64_t> Result(Count);
  for (size_t I = 0; I < Count; ++I) {
    if (Width == 8) {
      std::memcpy(&Result[I], Bytes.data() + 8 * I, 8);
    } else {
      int32_t Value;
      std::memcpy(&Value, Bytes.data() + 4 * I, 4);
      Result[I] =
          Elem.isUnsignedInteger() ? static_cast<uint32_t>(Value) : Value;
    }
  }
  return Result;
}

std::optional<SmallVector<double>> constantFloats(Value V) {
  auto Dense = dyn_cast_if_present<DenseFPElementsAttr>(constantOf(V));
  if (!Dense)
    return std::nullopt;
  return llvm::map_to_vector(Dense.getValues<APFloat>(), [](APFloat F) {
    bool Inexact;
    F.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &Inexact);
    return F.convertToDouble();
  });
}

std::optional<SmallVector<int64_t>> Node::constInts(unsigned I) const {
  if (!has(I))
    return std::nullopt;
  if (auto Values = constantInts(original(I)))
    return Values;
  return constantInts(in(I));
}

std::optional<SmallVector<double>> Node::constFloats(unsigned I) const {
  if (!has(I))
    return std::nullopt;
  if (auto Values = constantFloats(original(I)))
    return Values;
  return constantFloats(in(I));
}

LogicalResult Node::fail(const Twine &Why) const {
  Types.refuse(Op, Why);
  return Rewriter.notifyMatchFailure(Op, Why);
}

LogicalResult Node::replace(ValueRange Values) {
  SmallVector<Value> Results;
  for (auto [I, V] : llvm::enumerate(Values)) {
    Type Wanted = Types.convertType(Op->getResult(I).getType());
    if (V && V.getType() != Wanted)
      V = tensor::CastOp::create(B, Wanted, V);
    if (!V) {
      // Nobody reads it: any value of the type will do, and it dies at once.
      auto Type = cast<TensorType>(Wanted);
      ArrayRef<int64_t> Shape =
          Type.hasRank() ? Type.getShape() : ArrayRef<int64_t>();
      SmallVector<OpFoldResult> Sizes;
      for (int64_t S : Shape)
        Sizes.push_back(B.getIndexAttr(ShapedType::isDynamic(S) ? 0 : S));
      V = tensor::EmptyOp::create(B, Sizes, Type.getElementType());
      if (V.getType() != Wanted)
        V = tensor::CastOp::create(B, Wanted, V);
    }
    Results.push_back(V);
  }
  Rewriter.replaceOp(Op, Results);
  return success();
}

namespace {
/// The one pattern class: finds its lowering by the name of the op.
class NodePattern : public ConversionPattern {
public:
  NodePattern(const StorageTypeConverter &Types, StringRef OpName, LowerFn Fn,
              MLIRContext *Context)
      : ConversionPattern(Types, OpName, /*benefit=*/1, Context), Types(Types),
        Fn(std::move(Fn)) {
    setDebugName(OpName);
  }

  LogicalResult
  matchAndRewrite(Operation *Op, ArrayRef<Value> Operands,
                  ConversionPatternRewriter &Rewriter) const override {
    for (Type T : Op->getResultTypes())
      if (!Types.convertType(T))
        return refuse(Op, "values of type " + describe(T) +
                              " are not supported yet");
    // Without its shape a value that somebody reads cannot be made.
    for (OpResult R : Op->getResults())
      if (isa<UnrankedTensorType>(R.getType()) && !R.use_empty())
        return refuse(Op, "the shape of its result is not known");
    for (auto [V, Before] : llvm::zip_equal(Operands, Op->getOperands()))
      if (!V ||
          (isa<TensorType>(V.getType()) && !isa<RankedTensorType>(V.getType())))
        return refuse(Op, "an input of type " + describe(Before.getType()) +
                              " is not supported yet");
    for (OpResult V : Op->getResults())
      if (isa<UnrankedTensorType>(V.getType()) &&
          (V.getResultNumber() == 0 || !V.use_empty()))
        return refuse(Op, "the rank of its result is not known; run shape "
                          "inference first");
    Node N(Op, Operands, Rewriter, Types);
    return Fn(N);
  }

private:
  LogicalResult refuse(Operation *Op, const Twine &Why) const {
    Types.refuse(Op, Why);
    return failure();
  }
  static std::string describe(Type T) {
    std::string Text;
    llvm::raw_string_ostream(Text) << T;
    return Text;
  }

  const StorageTypeConverter &Types;
  LowerFn Fn;
};
} // namespace

void addLowering(StringRef OpName, LowerFn Fn,
                 const StorageTypeConverter &Types,
                 RewritePatternSet &Patterns) {
  Patterns.add<NodePattern>(Types, OpName, std::move(Fn),
                            Patterns.getContext());
}

void addLowerings(ArrayRef<Lowering> Table, const StorageTypeConverter &Types,
                  RewritePatternSet &Patterns) {
  for (const Lowering &L : Table)
    addLowering(L.Op, L.Fn, Types, Patterns);
}

} // namespace lathe::lower
