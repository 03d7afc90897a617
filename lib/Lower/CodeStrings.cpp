//===- CodeStrings.cpp - Names as numbers: the pass lower-code-strings ----===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The strings of most models are names of classes and categories: all of them
// stand in the model, and ops only choose, move and compare them. Each name of
// the model gets a number, its position in one list, and every tensor of
// strings becomes one of numbers. Where main takes or returns them, `onnx.keys`
// of the argument or result holds the list; who calls translates.
//
// Invariant: equal names have equal numbers. A model that looks into strings,
// or makes new ones, stays as it is.
//
//===----------------------------------------------------------------------===//

#include "lathe/Lower/Passes.h"
#include "lathe/ONNX/ConstantView.h"
#include "lathe/ONNX/ONNX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe::lower {

#define GEN_PASS_DEF_LOWERCODESTRINGS
#include "lathe/Lower/Passes.h.inc"

namespace {

bool isStrings(Type T) {
  auto Tensor = dyn_cast<TensorType>(T);
  return Tensor && isa<onnx::StringType>(Tensor.getElementType());
}

Type coded(Type T) {
  return cast<TensorType>(T).cloneWith(std::nullopt,
                                       IntegerType::get(T.getContext(), 64));
}

/// Attributes that hold names, and those that hold numbers in their place.
constexpr std::pair<StringLiteral, StringLiteral> NumberForm[] = {
    {"classlabels_strings", "classlabels_ints"},
    {"cats_strings", "cats_int64s"},
    {"keys_strings", "keys_int64s"},
    {"values_strings", "values_int64s"},
};

class Coder {
public:
  explicit Coder(func::FuncOp Main) : Main(Main), B(Main.getContext()) {}

  /// Every op that touches strings is one that chooses, moves or compares.
  bool fits();
  void run();

private:
  int64_t number(StringRef Name) {
    return Numbers.insert({B.getStringAttr(Name), Numbers.size()})
        .first->second;
  }
  void codeConstant(onnx::ConstantOp Op);
  void codeAttributes(Operation *Op);

  func::FuncOp Main;
  OpBuilder B;
  llvm::MapVector<StringAttr, int64_t> Numbers;
};

bool movesOrCompares(Operation *Op) {
  if (auto Cast = dyn_cast<onnx::CastOp>(Op))
    return isStrings(Cast.getInput().getType()) &&
           isStrings(Cast->getResult(0).getType());
  return isa<onnx::ConstantOp, onnx::IdentityOp, onnx::ReshapeOp,
             onnx::TransposeOp, onnx::SqueezeOp, onnx::UnsqueezeOp,
             onnx::FlattenOp, onnx::GatherOp, onnx::GatherElementsOp,
             onnx::GatherNDOp, onnx::SliceOp, onnx::ConcatOp, onnx::SplitOp,
             onnx::ExpandOp, onnx::TileOp, onnx::WhereOp, onnx::EqualOp,
             onnx::ShapeOp, onnx::SizeOp, onnx::IfOp, onnx::LoopOp,
             onnx::ScanOp, onnx::YieldOp, onnx::MLArrayFeatureExtractorOp,
             onnx::MLLabelEncoderOp, onnx::MLLinearClassifierOp,
             onnx::MLSVMClassifierOp, onnx::MLTreeEnsembleClassifierOp,
             onnx::MLOneHotEncoderOp, func::ReturnOp>(Op);
}

bool Coder::fits() {
  // Names from outside that the model does not know all have one number, so
  // they may not be told apart, nor returned.
  llvm::DenseSet<Value> Foreign;
  for (BlockArgument Arg : Main.getArguments())
    if (isStrings(Arg.getType()))
      Foreign.insert(Arg);
  bool Any = !Foreign.empty(), Good = true;
  Main.walk([&](Operation *Op) {
    if (Op == Main || !(llvm::any_of(Op->getOperandTypes(), isStrings) ||
                        llvm::any_of(Op->getResultTypes(), isStrings)))
      return;
    Any = true;
    Good &= movesOrCompares(Op);
    auto IsForeign = [&](Value V) { return Foreign.contains(V); };
    if (llvm::any_of(Op->getOperands(), IsForeign)) {
      Good &= Op->getNumRegions() == 0 &&
              !isa<func::ReturnOp, onnx::YieldOp>(Op) &&
              !(isa<onnx::EqualOp>(Op) &&
                llvm::all_of(Op->getOperands(), IsForeign));
      if (!isa<onnx::MLLabelEncoderOp>(Op))
        for (Value V : Op->getResults())
          if (isStrings(V.getType()))
            Foreign.insert(V);
    }
    // The tensor forms of a LabelEncoder's lists.
    for (StringRef Name : {"keys_tensor", "values_tensor"})
      if (auto T = Op->getAttrOfType<ElementsAttr>(Name))
        Good &= !isa<onnx::StringType>(T.getElementType());
  });
  return Any && Good;
}

void Coder::codeConstant(onnx::ConstantOp Op) {
  auto View = onnx::ConstantView::get(Op.getResult());
  SmallVector<int64_t> Codes;
  for (int64_t I = 0; I < View->size(); ++I)
    Codes.push_back(number(View->getString(I)));
  auto T = cast<RankedTensorType>(coded(Op.getType()));
  B.setInsertionPoint(Op);
  auto New = onnx::ConstantOp::create(
      B, Op.getLoc(), DenseElementsAttr::get(T, ArrayRef(Codes)));
  Op->replaceAllUsesWith(New);
  Op.erase();
}

void Coder::codeAttributes(Operation *Op) {
  // What a map of main's results is keyed by stays a list of names.
  if (isa<onnx::MLZipMapOp>(Op))
    return;
  for (auto [Names, Ints] : NumberForm) {
    auto List = Op->getAttrOfType<ArrayAttr>(Names);
    if (!List || List.empty())
      continue;
    SmallVector<int64_t> Codes;
    for (Attribute Name : List)
      Codes.push_back(number(cast<StringAttr>(Name).getValue()));
    StringRef To = Ints;
    if (isa<onnx::MLTreeEnsembleClassifierOp>(Op))
      To = "classlabels_int64s";
    Op->removeAttr(Names);
    Op->setAttr(To, B.getDenseI64ArrayAttr(Codes));
    if (Names == "values_strings") {
      auto Default = Op->getAttrOfType<StringAttr>("default_string");
      Op->setAttr("default_int64",
                  B.getI64IntegerAttr(
                      number(Default ? Default.getValue() : "_Unused")));
    }
  }
}

void Coder::run() {
  SmallVector<onnx::ConstantOp> Constants;
  SmallVector<Operation *> Ops;
  Main.walk([&](Operation *Op) {
    auto Constant = dyn_cast<onnx::ConstantOp>(Op);
    if (Constant && isStrings(Constant.getType()))
      Constants.push_back(Constant);
    else if (Op != Main)
      Ops.push_back(Op);
  });
  for (onnx::ConstantOp Op : Constants)
    codeConstant(Op);
  for (Operation *Op : Ops) {
    codeAttributes(Op);
    for (Value V : Op->getResults())
      if (isStrings(V.getType()))
        V.setType(coded(V.getType()));
    for (Region &R : Op->getRegions())
      for (BlockArgument Arg : R.getArguments())
        if (isStrings(Arg.getType()))
          Arg.setType(coded(Arg.getType()));
  }
  for (Operation *Op : Ops)
    if (auto Cast = dyn_cast<onnx::CastOp>(Op);
        Cast &&
        int64_t(Cast.getTo()) ==
            onnx::getDataType(onnx::StringType::get(Op->getContext()))) {
      Op->getResult(0).replaceAllUsesWith(Cast.getInput());
      Op->erase();
    }
  // What main takes and returns.
  SmallVector<Attribute> List;
  for (auto &[Name, Number] : Numbers)
    List.push_back(Name);
  for (BlockArgument Arg : Main.getArguments())
    if (isStrings(Arg.getType())) {
      Arg.setType(coded(Arg.getType()));
      Main.setArgAttr(Arg.getArgNumber(), "onnx.keys", B.getArrayAttr(List));
    }
  SmallVector<Type> Results(Main.getResultTypes());
  for (auto [I, T] : llvm::enumerate(Results))
    if (isStrings(T)) {
      T = coded(T);
      Main.setResultAttr(I, "onnx.keys", B.getArrayAttr(List));
    }
  Main.setFunctionType(FunctionType::get(
      Main.getContext(), Main.getBody().getArgumentTypes(), Results));
}

struct LowerCodeStringsPass : impl::LowerCodeStringsBase<LowerCodeStringsPass> {
  void runOnOperation() override {
    for (auto Main : getOperation().getOps<func::FuncOp>())
      if (Coder C(Main); !Main.isExternal() && C.fits())
        C.run();
  }
};

} // namespace
} // namespace lathe::lower
