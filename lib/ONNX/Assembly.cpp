//===- Assembly.cpp - The text form of onnx ops --------------------- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One parser and one printer for all generated ops:
//
//   %y = onnx.Conv(%x, %w, none) {group = 2, pads = [1, 1, 1, 1]} :
//   (tensor<..>, ..) -> tensor<..> %r = onnx.Loop(%n, %c, %v) : (..) -> (..)
//   body(%i: tensor<i64>, ..) { .. onnx.Yield .. }
//
// An absent optional operand is `none`, trailing ones are left out, attributes
// that hold their default too. Numbers are written plainly: the facts of the op
// say their type.
//
//===----------------------------------------------------------------------===//

#include "lathe/ONNX/ONNX.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace lathe::onnx;

static constexpr StringLiteral SegmentSizes = "operandSegmentSizes";

static bool hasSegments(const OpFacts &Facts) {
  return llvm::count_if(Facts.Operands, [](const ValueFacts &V) {
           return V.Kind != Arity::Single;
         }) > 1;
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

static void printAttr(OpAsmPrinter &Printer, const AttrFacts *Facts,
                      Attribute Attr) {
  AttrKind Kind = Facts ? Facts->Kind : AttrKind::Tensor;
  if (auto Ints = dyn_cast<DenseI64ArrayAttr>(Attr);
      Ints && Kind == AttrKind::Ints) {
    Printer << '[';
    llvm::interleaveComma(Ints.asArrayRef(), Printer);
    Printer << ']';
    return;
  }
  if (auto Floats = dyn_cast<DenseF32ArrayAttr>(Attr);
      Floats && Kind == AttrKind::Floats) {
    Printer << '[';
    llvm::interleaveComma(Floats.asArrayRef(), Printer,
                          [&](float F) { Printer.printFloat(APFloat(F)); });
    Printer << ']';
    return;
  }
  if (Kind == AttrKind::Int || Kind == AttrKind::Float ||
      Kind == AttrKind::String)
    return Printer.printAttributeWithoutType(Attr);
  Printer.printAttribute(Attr);
}

static void printOperands(OpAsmPrinter &Printer, Operation *Op,
                          const OpFacts &Facts) {
  SmallVector<Value> Slots; // null: absent
  for (unsigned I = 0; I < Facts.Operands.size(); ++I) {
    auto [Start, Count] = getOperandSegment(Op, I);
    for (unsigned J = Start; J < Start + Count; ++J)
      Slots.push_back(Op->getOperand(J));
    if (Count == 0 && Facts.Operands[I].Kind == Arity::Optional)
      Slots.push_back({});
  }
  while (!Slots.empty() && !Slots.back())
    Slots.pop_back();
  Printer << '(';
  llvm::interleaveComma(Slots, Printer, [&](Value V) {
    if (V)
      Printer << V;
    else
      Printer << "none";
  });
  Printer << ')';
}

static void printAttrs(OpAsmPrinter &Printer, Operation *Op,
                       const OpFacts &Facts) {
  SmallVector<NamedAttribute> Shown;
  for (NamedAttribute Attr : Op->getAttrs()) {
    if (Attr.getName() == SegmentSizes)
      continue;
    const AttrFacts *Known = Facts.findAttr(Attr.getName());
    if (!Known || getDefault(Op->getContext(), *Known) != Attr.getValue())
      Shown.push_back(Attr);
  }
  if (Shown.empty())
    return;
  Printer << " {";
  llvm::interleaveComma(Shown, Printer, [&](NamedAttribute Attr) {
    Printer.printKeywordOrString(Attr.getName());
    if (isa<UnitAttr>(Attr.getValue()))
      return;
    Printer << " = ";
    printAttr(Printer, Facts.findAttr(Attr.getName()), Attr.getValue());
  });
  Printer << '}';
}

void lathe::onnx::detail::printOp(OpAsmPrinter &Printer, Operation *Op) {
  const OpFacts &Facts = *getFacts(Op);
  printOperands(Printer, Op, Facts);
  printAttrs(Printer, Op, Facts);
  Printer << " : ";
  Printer.printFunctionalType(Op);
  unsigned Index = 0;
  for (const AttrFacts &Attr : Facts.Attrs) {
    if (Attr.Kind != AttrKind::Graph)
      continue;
    Region &Body = Op->getRegion(Index++);
    if (Body.empty())
      continue;
    Printer << ' ' << Attr.Name;
    if (Body.getNumArguments()) {
      Printer << '(';
      llvm::interleaveComma(
          Body.getArguments(), Printer,
          [&](BlockArgument Arg) { Printer.printRegionArgument(Arg); });
      Printer << ')';
    }
    Printer << ' ';
    Printer.printRegion(Body, /*printEntryBlockArgs=*/false);
  }
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

static ParseResult parseAttr(OpAsmParser &Parser, const AttrFacts *Facts,
                             Attribute &Attr) {
  Builder &B = Parser.getBuilder();
  // The generic form of a list is read as well.
  bool Plain =
      Facts &&
      (Facts->Kind == AttrKind::Ints || Facts->Kind == AttrKind::Floats) &&
      succeeded(Parser.parseOptionalLSquare());
  if (Plain && Facts->Kind == AttrKind::Ints) {
    SmallVector<int64_t> Ints;
    if (failed(Parser.parseOptionalRSquare()) &&
        (Parser.parseCommaSeparatedList(
             [&] { return Parser.parseInteger(Ints.emplace_back()); }) ||
         Parser.parseRSquare()))
      return failure();
    Attr = B.getDenseI64ArrayAttr(Ints);
    return success();
  }
  if (Plain) {
    SmallVector<float> Floats;
    auto Element = [&]() -> ParseResult {
      APFloat F(0.0f);
      if (Parser.parseFloat(APFloat::IEEEsingle(), F))
        return failure();
      Floats.push_back(F.convertToFloat());
      return success();
    };
    if (failed(Parser.parseOptionalRSquare()) &&
        (Parser.parseCommaSeparatedList(Element) || Parser.parseRSquare()))
      return failure();
    Attr = B.getDenseF32ArrayAttr(Floats);
    return success();
  }
  if (Facts && Facts->Kind == AttrKind::Int)
    return Parser.parseAttribute(Attr, B.getI64Type());
  if (Facts && Facts->Kind == AttrKind::Float)
    return Parser.parseAttribute(Attr, B.getF32Type());
  return Parser.parseAttribute(Attr);
}

static ParseResult parseAttrs(OpAsmParser &Parser, const OpFacts &Facts,
                              NamedAttrList &Attrs) {
  if (failed(Parser.parseOptionalLBrace()) ||
      succeeded(Parser.parseOptionalRBrace()))
    return success();
  auto Entry = [&]() -> ParseResult {
    std::string Name;
    SMLoc Loc = Parser.getCurrentLocation();
    Attribute Attr = Parser.getBuilder().getUnitAttr();
    if (Parser.parseKeywordOrString(&Name))
      return failure();
    if (Attrs.get(Name))
      return Parser.emitError(Loc, "attribute '") << Name << "' occurs twice";
    if (succeeded(Parser.parseOptionalEqual()) &&
        parseAttr(Parser, Facts.findAttr(Name), Attr))
      return failure();
    Attrs.append(Name, Attr);
    return success();
  };
  return failure(Parser.parseCommaSeparatedList(Entry) || Parser.parseRBrace());
}

/// `(%a, none, %b)`: the operands and how many each of the schema's has.
static ParseResult
parseOperands(OpAsmParser &Parser, const OpFacts &Facts,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &Operands,
              SmallVectorImpl<int32_t> &Sizes) {
  SMLoc Loc = Parser.getCurrentLocation();
  Sizes.assign(Facts.Operands.size(), 0);
  unsigned Slot = 0;
  auto One = [&]() -> ParseResult {
    bool Variadic = Slot < Facts.Operands.size() &&
                    Facts.Operands[Slot].Kind == Arity::Variadic;
    if (Slot >= Facts.Operands.size())
      return Parser.emitError(Loc) << "too many operands: " << Facts.Name
                                   << " has " << Facts.Operands.size();
    if (succeeded(Parser.parseOptionalKeyword("none"))) {
      if (Facts.Operands[Slot].Kind != Arity::Optional)
        return Parser.emitError(Loc) << "operand '" << Facts.Operands[Slot].Name
                                     << "' cannot be left out";
      ++Slot;
      return success();
    }
    ++Sizes[Slot];
    Slot += !Variadic;
    return Parser.parseOperand(Operands.emplace_back());
  };
  if (Parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, One))
    return failure();
  for (auto [Value, Size] : llvm::zip(Facts.Operands, Sizes))
    if (Value.Kind == Arity::Single && Size == 0)
      return Parser.emitError(Loc)
             << "operand '" << Value.Name << "' is missing";
  return success();
}

static ParseResult parseRegions(OpAsmParser &Parser, const OpFacts &Facts,
                                OperationState &State) {
  for (const AttrFacts &Attr : Facts.Attrs) {
    if (Attr.Kind != AttrKind::Graph)
      continue;
    Region *Body = State.addRegion();
    if (failed(Parser.parseOptionalKeyword(Attr.Name))) {
      if (!Attr.Required)
        continue;
      return Parser.emitError(Parser.getCurrentLocation())
             << "expected the graph '" << Attr.Name << "'";
    }
    SmallVector<OpAsmParser::Argument> Arguments;
    if (Parser.parseArgumentList(Arguments, AsmParser::Delimiter::OptionalParen,
                                 /*allowType=*/true) ||
        Parser.parseRegion(*Body, Arguments))
      return failure();
  }
  return success();
}

ParseResult lathe::onnx::detail::parseOp(OpAsmParser &Parser,
                                         OperationState &State) {
  auto *Dialect = Parser.getContext()->getOrLoadDialect<ONNXDialect>();
  const OpFacts &Facts = *Dialect->getFacts(State.name);
  SmallVector<OpAsmParser::UnresolvedOperand> Operands;
  SmallVector<int32_t> Sizes;
  FunctionType Type;
  SMLoc Loc = Parser.getCurrentLocation();
  if (parseOperands(Parser, Facts, Operands, Sizes) ||
      parseAttrs(Parser, Facts, State.attributes) ||
      Parser.parseColonType(Type) ||
      Parser.resolveOperands(Operands, Type.getInputs(), Loc, State.operands) ||
      parseRegions(Parser, Facts, State))
    return failure();
  State.addTypes(Type.getResults());
  if (hasSegments(Facts))
    State.addAttribute(SegmentSizes,
                       Parser.getBuilder().getDenseI32ArrayAttr(Sizes));
  return success(
      succeeded(State.name.verifyInherentAttrs(State.attributes, [&]() {
        return Parser.emitError(Loc) << "'" << State.name << "' op ";
      })));
}
