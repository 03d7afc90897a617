//===- Weights.cpp - Weights of linear layers -----------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Weights.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/ONNX.h"
#include "llvm/Support/Format.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
enum class Form { Conv, ConvTranspose, Gemm, MatMul };
struct LayerRow {
  llvm::StringLiteral Op;
  Form Kind;
  unsigned Input, Weight;
};
} // namespace

static constexpr LayerRow Layers[] = {
    {"onnx.Conv", Form::Conv, 0, 1},
    {"onnx.ConvTranspose", Form::ConvTranspose, 0, 1},
    {"onnx.Gemm", Form::Gemm, 0, 1},
    {"onnx.MatMul", Form::MatMul, 0, 1},
    {"onnx.ms.FusedConv", Form::Conv, 0, 1},
    {"onnx.ms.FusedGemm", Form::Gemm, 0, 1},
    {"onnx.ms.FusedMatMul", Form::MatMul, 0, 1},
};

static bool flag(Operation *Op, StringRef Name) {
  auto A = Op->getAttrOfType<IntegerAttr>(Name);
  return A && A.getInt() != 0;
}

std::optional<Weights> compress::weightsOf(Operation *Op) {
  StringRef Name = Op->getName().getStringRef();
  const LayerRow *Row =
      llvm::find_if(Layers, [&](const LayerRow &R) { return R.Op == Name; });
  if (Row == std::end(Layers) || Op->getNumOperands() <= Row->Weight)
    return std::nullopt;
  // A constant on both sides is no layer.
  if (onnx::ConstantView::get(Op->getOperand(Row->Input)))
    return std::nullopt;
  auto View = onnx::ConstantView::get(Op->getOperand(Row->Weight));
  if (!View || !View->isFloat() || View->isElided() ||
      View->getShape().size() < 2)
    return std::nullopt;
  unsigned Rank = View->getShape().size();
  Weights W{Op, Row->Weight, *View, 0, 1, 1, false};
  if (auto Group = Op->getAttrOfType<IntegerAttr>("group"))
    W.Groups = Group.getInt();
  switch (Row->Kind) {
  case Form::Conv:
    break;
  case Form::ConvTranspose:
    std::swap(W.Out, W.In);
    W.OutPerGroup = true;
    break;
  case Form::Gemm:
    if (!flag(Op, "transB"))
      std::swap(W.Out, W.In);
    break;
  case Form::MatMul:
    W.Out = Rank - 1;
    W.In = Rank - 2;
    if (flag(Op, "transB"))
      std::swap(W.Out, W.In);
    if (flag(Op, "transBatchB"))
      return std::nullopt;
    break;
  }
  return W;
}

std::string compress::plain(double Number) {
  std::string Text;
  llvm::raw_string_ostream(Text) << llvm::format("%g", Number);
  return Text;
}

static bool isNamed(Location Loc, ArrayRef<std::string> Names) {
  if (auto Name = dyn_cast<NameLoc>(Loc))
    return llvm::is_contained(Names, Name.getName().strref());
  if (auto Fused = dyn_cast<FusedLoc>(Loc))
    return llvm::any_of(Fused.getLocations(),
                        [&](Location Part) { return ::isNamed(Part, Names); });
  return false;
}

bool compress::isNamed(Operation *Op, ArrayRef<std::string> Names) {
  return !Names.empty() && ::isNamed(Op->getLoc(), Names);
}

LogicalResult compress::checkNames(ModuleOp Module,
                                   ArrayRef<std::string> Skip) {
  for (const std::string &Name : Skip) {
    bool Found = false;
    Module.walk([&](Operation *Op) { Found |= isNamed(Op, Name); });
    if (!Found)
      return Module.emitError()
             << "--prune-skip=" << Name << ": no node has this name";
  }
  return success();
}

std::vector<Weights> compress::findWeights(ModuleOp Module,
                                           ArrayRef<std::string> Skip) {
  std::vector<Weights> All;
  Module.walk([&](Operation *Op) {
    if (isNamed(Op, Skip))
      return;
    if (std::optional<Weights> W = weightsOf(Op))
      All.push_back(*W);
  });
  return All;
}

void compress::readFloats(const onnx::ConstantView &View,
                          llvm::function_ref<void(int64_t, float)> Each) {
  int64_t Count = View.size();
  if (View.getElementType().isF32()) {
    const char *Raw = View.getRawData().data();
    int64_t Step = View.isSplat() ? 0 : 4;
    for (int64_t I = 0; I < Count; ++I) {
      float F;
      std::memcpy(&F, Raw + I * Step, 4);
      Each(I, F);
    }
  } else {
    for (int64_t I = 0; I < Count; ++I)
      Each(I, float(View.getNumber(I)));
  }
  onnx::releaseBytes(View.getAttr());
}

std::vector<float> compress::readFloats(const onnx::ConstantView &View) {
  std::vector<float> All(View.size());
  readFloats(View, [&](int64_t I, float F) { All[I] = F; });
  return All;
}

Value compress::makeConstant(OpBuilder &B, Location Loc, RankedTensorType Type,
                             std::vector<char> Bytes, StringRef Name) {
  return onnx::ConstantOp::create(
      B, Loc, onnx::makeTensor(Type, std::move(Bytes), Name));
}

std::vector<char> compress::expandBytes(const onnx::ConstantView &View) {
  ArrayRef<char> Raw = View.getRawData();
  std::vector<char> Bytes(Raw.begin(), Raw.end());
  if (View.isSplat() && View.size() != 1) {
    Bytes.clear();
    Bytes.reserve(Raw.size() * View.size());
    for (int64_t I = 0; I < View.size(); ++I)
      Bytes.insert(Bytes.end(), Raw.begin(), Raw.end());
  }
  return Bytes;
}

int64_t compress::zeroWeights(const Weights &W, onnx::ResourceUses &Uses,
                              llvm::function_ref<bool(int64_t, float)> Pruned) {
  Value Old = W.Op->getOperand(W.Operand);
  MutableArrayRef<char> InPlace = Uses.writable(Old);
  std::vector<char> Copy;
  if (InPlace.empty())
    Copy = expandBytes(W.View);
  char *Bytes = InPlace.empty() ? Copy.data() : InPlace.data();
  unsigned Size = W.View.getElementType().getIntOrFloatBitWidth() / 8;
  int64_t Zeros = 0;
  readFloats(W.View, [&](int64_t I, float F) {
    if (!Pruned(I, F))
      return;
    Zeros += F != 0;
    std::memset(Bytes + I * Size, 0, Size);
  });
  if (Zeros && InPlace.empty()) {
    OpBuilder B(W.Op);
    W.Op->setOperand(W.Operand,
                     makeConstant(B, Old.getLoc(),
                                  cast<RankedTensorType>(W.View.getType()),
                                  std::move(Copy), "pruned"));
  }
  Uses.drop(Old);
  return Zeros;
}

void compress::eraseUnusedConstants(ModuleOp Module) {
  Module.walk([](onnx::ConstantOp Op) {
    if (Op->use_empty())
      Op->erase();
  });
}
