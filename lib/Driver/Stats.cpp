//===- Stats.cpp - Figures of a model at each stage -----------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Stats.h"
#include "lathe/Compress/Reasons.h"
#include "lathe/Kernel/Kernel.h"
#include "lathe/ONNX/ConstantView.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/Facts.h"
#include "lathe/ONNX/ONNX.h"
#include "lathe/ONNX/Work.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

using namespace lathe;
using namespace lathe::driver;
using namespace mlir;

//===----------------------------------------------------------------------===//
// The onnx dialect
//===----------------------------------------------------------------------===//

/// Whether a constant of this type is a weight, not an axis, a shape or an
/// index.
static bool isWeightType(ShapedType Type) {
  mlir::Type Element = Type.getElementType();
  // Scalars are parameters of operators: a ratio, a bound, a zero point.
  if (Type.getRank() == 0)
    return false;
  if (isa<FloatType, ComplexType>(Element))
    return true;
  return Element.isIntOrFloat() && Element.getIntOrFloatBitWidth() <= 16 &&
         Element.getIntOrFloatBitWidth() > 1;
}

static void addWeight(StageStats &Stats, ShapedType Type) {
  if (!isWeightType(Type))
    return;
  int64_t Bits = 64;
  if (auto C = dyn_cast<ComplexType>(Type.getElementType()))
    Bits = 2 * C.getElementType().getIntOrFloatBitWidth();
  else
    Bits = Type.getElementType().getIntOrFloatBitWidth();
  Stats.Parameters += Type.getNumElements();
  Stats.WeightBytes += (Type.getNumElements() * Bits + 7) / 8;
}

static void addMACs(StageStats &Stats, std::optional<int64_t> More) {
  if (!More || !Stats.MACs)
    Stats.MACs = std::nullopt;
  else
    *Stats.MACs += *More;
}

static void collectONNX(ModuleOp Module, StageStats &Stats) {
  Module.walk([&](Operation *Op) {
    if (Op->getName().getDialectNamespace() != "onnx" ||
        Op->hasTrait<OpTrait::IsTerminator>())
      return;
    if (auto Constant = dyn_cast<onnx::ConstantOp>(Op)) {
      if (!Op->use_empty())
        if (auto Type = dyn_cast<ShapedType>(Constant.getType());
            Type && Type.hasStaticShape())
          addWeight(Stats, Type);
      return;
    }
    ++Stats.Nodes;
    addMACs(Stats, onnx::countMACs(Op));
  });
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

static int64_t countNonzeros(const onnx::ConstantView &View) {
  if (View.isElided() || !(View.isFloat() || View.isInteger()))
    return View.size();
  if (View.isSplat())
    return View.getNumber(0) != 0 ? View.size() : 0;
  int64_t Count = 0;
  for (int64_t I = 0; I < View.size(); ++I)
    Count += View.getNumber(I) != 0;
  return Count;
}

std::vector<LayerStats> driver::collectLayers(ModuleOp Module) {
  std::vector<LayerStats> Layers;
  llvm::StringMap<unsigned> Unnamed;
  Module.walk([&](Operation *Op) {
    Value Right = onnx::getFactor(Op);
    if (!Right)
      return;
    // Weights kept in integers are named where they are turned to floats.
    if (auto Dequantize = Right.getDefiningOp<onnx::DequantizeLinearOp>())
      Right = Dequantize->getOperand(0);
    auto View = onnx::ConstantView::get(Right);
    if (!View)
      return;
    LayerStats L;
    L.Op = onnx::getOpName(Op).str();
    L.Node = onnx::getNodeName(Op->getLoc()).str();
    if (L.Node.empty())
      L.Node = L.Op + "_" + std::to_string(Unnamed[L.Op]++);
    L.Before = {View->size(), countNonzeros(*View), onnx::countMACs(Op)};
    Layers.push_back(std::move(L));
  });
  return Layers;
}

std::vector<FloatLayer>
driver::collectFloatLayers(ModuleOp Module, const compress::Options &Asked,
                           const compress::ByteUnit &Unit) {
  std::vector<FloatLayer> Floats;
  bool Quantized = Asked.Quantize != compress::Options::Kind::None;
  llvm::StringMap<unsigned> Unnamed;
  Module.walk([&](Operation *Op) {
    if (!onnx::getFactor(Op) || !Op->getNumResults())
      return;
    bool Float = true;
    for (Value V : Op->getOperands())
      if (auto Type = dyn_cast<ShapedType>(V.getType()))
        Float &= !Type.getElementType().isInteger(8);
    Quantized |= !Float;
    if (!Float)
      return;
    FloatLayer L;
    L.Op = onnx::getOpName(Op).str();
    L.Node = onnx::getNodeName(Op->getLoc()).str();
    if (L.Node.empty())
      L.Node = L.Op + "_" + std::to_string(Unnamed[L.Op]++);
    L.Reason = compress::reasonForFloats(Op, Asked, Unit);
    Floats.push_back(std::move(L));
  });
  return Quantized ? Floats : std::vector<FloatLayer>();
}

void driver::joinLayers(std::vector<LayerStats> &Layers,
                        std::vector<LayerStats> Compressed) {
  size_t Old = Layers.size();
  for (LayerStats &New : Compressed) {
    auto Known = llvm::MutableArrayRef(Layers).take_front(Old);
    auto *It = llvm::find_if(
        Known, [&](const LayerStats &L) { return L.Node == New.Node; });
    if (It != Known.end()) {
      It->After = New.Before;
      It->Op = New.Op;
      continue;
    }
    std::swap(New.Before, New.After);
    Layers.push_back(std::move(New));
  }
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// Multiply-accumulates of a structured op: its iterations, if it reduces sums
/// of products.
static std::optional<int64_t> macsOf(linalg::LinalgOp Op) {
  if (!Op.getNumReductionLoops())
    return 0;
  bool Multiplies = false;
  Op.getBlock()->walk([&](Operation *Inner) {
    Multiplies |= isa<arith::MulFOp, arith::MulIOp>(Inner);
  });
  if (!Multiplies || Op.getNumDpsInputs() < 2)
    return 0;
  int64_t Count = 1;
  for (int64_t Range : Op.getStaticLoopRanges()) {
    if (ShapedType::isDynamic(Range))
      return std::nullopt;
    Count *= Range;
  }
  return Count;
}

static void collectKernels(ModuleOp Module, StageStats &Stats) {
  llvm::DenseMap<StringAttr, std::optional<int64_t>> MACs;
  for (auto Kernel : Module.getOps<kernel::FuncOp>()) {
    StageStats Own;
    Own.MACs = 0;
    Kernel.walk([&](linalg::LinalgOp Op) { addMACs(Own, macsOf(Op)); });
    MACs[Kernel.getSymNameAttr()] = Own.MACs;
  }
  llvm::DenseSet<std::pair<Attribute, Attribute>> Seen;
  for (Operation &Top : *Module.getBody()) {
    if (isa<kernel::FuncOp>(Top))
      continue;
    Top.walk([&](Operation *Op) {
      if (auto Call = dyn_cast<kernel::CallOp>(Op)) {
        ++Stats.Nodes;
        addMACs(Stats, MACs.lookup(Call.getCalleeAttr().getAttr()));
      } else if (auto Weight = dyn_cast<kernel::WeightOp>(Op)) {
        if (Seen.insert({Weight.getValue(), Weight.getPackingAttr()}).second)
          addWeight(Stats, Weight.getValue().getShapedType());
      } else if (isa<scf::ForOp, scf::WhileOp, scf::IfOp>(Op)) {
        ++Stats.Nodes;
      }
    });
  }
  if (auto Bytes = Module->getAttrOfType<IntegerAttr>("lathe.weights_bytes"))
    Stats.WeightBytes = Bytes.getInt();
}

StageStats driver::collectStats(ModuleOp Module, Stage S) {
  StageStats Stats;
  Stats.Stage = stageName(S).str();
  Stats.MACs = 0;
  if (S == Stage::Kernel)
    collectKernels(Module, Stats);
  else
    collectONNX(Module, Stats);
  return Stats;
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

static llvm::json::Value orNull(std::optional<int64_t> Number) {
  return Number ? llvm::json::Value(*Number) : llvm::json::Value(nullptr);
}

void driver::printStatsJSON(llvm::raw_ostream &OS,
                            llvm::ArrayRef<StageStats> Stages,
                            llvm::ArrayRef<LayerStats> Layers,
                            llvm::ArrayRef<FloatLayer> Floats,
                            std::optional<int64_t> WorkspaceBytes,
                            int64_t CodeBytes) {
  llvm::json::OStream J(OS);
  J.object([&] {
    J.attributeArray("stages", [&] {
      for (const StageStats &S : Stages)
        J.object([&] {
          J.attribute("stage", S.Stage);
          J.attribute("nodes", S.Nodes);
          J.attribute("parameters", S.Parameters);
          J.attribute("macs", orNull(S.MACs));
          J.attribute("weight_bytes", S.WeightBytes);
        });
    });
    J.attributeArray("layers", [&] {
      for (const LayerStats &L : Layers)
        J.object([&] {
          J.attribute("node", L.Node);
          J.attribute("op", L.Op);
          auto Figures = [&](llvm::StringRef When,
                             const LayerStats::Figures &F) {
            J.attributeObject(When, [&] {
              J.attribute("weights", F.Weights);
              J.attribute("nonzeros", F.Nonzeros);
              J.attribute("macs", orNull(F.MACs));
            });
          };
          Figures("before", L.Before);
          Figures("after", L.After);
        });
    });
    J.attributeArray("left_in_float", [&] {
      for (const FloatLayer &L : Floats)
        J.object([&] {
          J.attribute("node", L.Node);
          J.attribute("op", L.Op);
          J.attribute("reason", L.Reason);
        });
    });
    J.attribute("workspace_bytes", orNull(WorkspaceBytes));
    J.attribute("code_bytes", CodeBytes);
  });
  OS << "\n";
}

void driver::printStatsText(llvm::raw_ostream &OS,
                            llvm::ArrayRef<StageStats> Stages,
                            llvm::ArrayRef<LayerStats> Layers,
                            llvm::ArrayRef<FloatLayer> Floats,
                            std::optional<int64_t> WorkspaceBytes,
                            int64_t CodeBytes) {
  OS << llvm::format("%-10s %8s %14s %16s %14s\n", "stage", "nodes",
                     "parameters", "multiply-adds", "weight bytes");
  for (const StageStats &S : Stages)
    OS << llvm::format("%-10s %8lld %14lld %16s %14lld\n", S.Stage.c_str(),
                       (long long)S.Nodes, (long long)S.Parameters,
                       S.MACs ? std::to_string(*S.MACs).c_str() : "by shapes",
                       (long long)S.WeightBytes);
  if (!Layers.empty())
    OS << llvm::format("%-28s %-12s %23s %25s\n", "layer", "op",
                       "nonzero weights", "multiply-adds");
  auto Number = [](std::optional<int64_t> N) {
    return N ? std::to_string(*N) : std::string("by shapes");
  };
  for (const LayerStats &L : Layers)
    OS << llvm::format(
        "%-28s %-12s %10lld -> %9lld %12s -> %s\n", L.Node.c_str(),
        L.Op.c_str(), (long long)L.Before.Nonzeros, (long long)L.After.Nonzeros,
        Number(L.Before.MACs).c_str(), Number(L.After.MACs).c_str());
  for (const FloatLayer &L : Floats)
    OS << "in floats: " << L.Node << " (" << L.Op << "): " << L.Reason << "\n";
  OS << "workspace: "
     << (WorkspaceBytes ? std::to_string(*WorkspaceBytes) + " bytes"
                        : "by the shapes of the inputs")
     << "\ncode: " << CodeBytes << " bytes\n";
}
