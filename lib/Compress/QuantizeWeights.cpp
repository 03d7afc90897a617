//===- QuantizeWeights.cpp - The pass compress-quantize-weights -----------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Quantized.h"
#include "lathe/Compress/Passes.h"
#include "lathe/ONNX/Facts.h"
#include "lathe/ONNX/OnnxBuilder.h"

namespace lathe::compress {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
struct QuantizeWeightsPass
    : compress::impl::QuantizeWeightsBase<QuantizeWeightsPass> {
  using QuantizeWeightsBase::QuantizeWeightsBase;

  void runOnOperation() override {
    ModuleOp Module = getOperation();
    if (failed(checkNames(Module, skip)))
      return signalPassFailure();
    onnx::ResourceUses Uses(Module);
    for (const Weights &W : findWeights(Module, skip)) {
      if (!W.View.getElementType().isF32() ||
          !isa<onnx::ConvOp, onnx::GemmOp, onnx::MatMulOp>(W.Op))
        continue;
      if (bits == 4 && toNibbles(W, Uses))
        ++layers;
      else if (isa<onnx::ConvOp>(W.Op) || W.View.getShape().size() == 2) {
        quantizeWeights(W, Uses);
        ++layers;
      }
    }
    eraseUnusedConstants(Module);
  }

  /// MatMul, or a Gemm that is one with a bias, with blocks of 32 weights along
  /// the inputs that share a scale: [outputs, blocks, 16 bytes].
  static bool toNibbles(const Weights &W, onnx::ResourceUses &Uses) {
    auto One = [&](StringRef Name) {
      auto A = W.Op->getAttrOfType<FloatAttr>(Name);
      return !A || A.getValueAsDouble() == 1;
    };
    auto TransA = W.Op->getAttrOfType<IntegerAttr>("transA");
    if (!isa<onnx::MatMulOp, onnx::GemmOp>(W.Op) ||
        W.View.getShape().size() != 2 || (TransA && TransA.getInt()) ||
        !One("alpha") || !One("beta"))
      return false;
    Value Bias = W.Op->getNumOperands() > 2 ? W.Op->getOperand(2) : Value();
    if (Bias) {
      auto Type = dyn_cast<RankedTensorType>(Bias.getType());
      if (!Type || Type.getRank() != 1 || Type.getDimSize(0) != W.outputs())
        return false;
    }
    constexpr int64_t Block = 32;
    int64_t N = W.outputs(), K = W.inputs(), Blocks = (K + Block - 1) / Block;
    std::vector<float> Values = readFloats(W.View);
    auto At = [&](int64_t Out, int64_t In) {
      return W.Out < W.In ? Values[Out * K + In] : Values[In * N + Out];
    };
    std::vector<char> Bytes(N * Blocks * Block / 2, char(0x88));
    std::vector<float> Scales(N * Blocks);
    for (int64_t Out = 0; Out < N; ++Out)
      for (int64_t B = 0; B < Blocks; ++B) {
        // The weight of greatest magnitude becomes -8: the whole range serves.
        float Most = 0;
        for (int64_t I = B * Block; I < std::min(K, (B + 1) * Block); ++I)
          if (std::fabs(At(Out, I)) > std::fabs(Most))
            Most = At(Out, I);
        float Scale = Most == 0 ? 1.0f : Most / -8.0f;
        Scales[Out * Blocks + B] = Scale;
        for (int64_t I = B * Block; I < std::min(K, (B + 1) * Block); ++I) {
          float Q = std::nearbyintf(At(Out, I) / Scale) + 8;
          auto Nibble = uint8_t(std::fmin(15.0f, std::fmax(0.0f, Q)));
          char &Byte = Bytes[(Out * Blocks + B) * Block / 2 + I % Block / 2];
          Byte = I % 2 ? char((Byte & 0x0f) | Nibble << 4)
                       : char((Byte & 0xf0) | Nibble);
        }
      }
    onnx::OnnxBuilder B(W.Op);
    Type Byte = IntegerType::get(B.getContext(), 8, IntegerType::Unsigned);
    Location Loc = W.Op->getOperand(W.Operand).getLoc();
    Value Packed = makeConstant(
        B, Loc, RankedTensorType::get({N, Blocks, Block / 2}, Byte),
        std::move(Bytes), "nibbles");
    const char *Raw = reinterpret_cast<const char *>(Scales.data());
    Value Steps = makeConstant(
        B, Loc, RankedTensorType::get({N, Blocks}, B.getF32Type()),
        std::vector<char>(Raw, Raw + Scales.size() * sizeof(float)), "steps");
    OperationState State(W.Op->getLoc(), "onnx.ms.MatMulNBits");
    SmallVector<Value> In = {W.Op->getOperand(0), Packed, Steps};
    if (Bias)
      In.push_back(Bias);
    State.addOperands(In);
    State.addAttribute("operandSegmentSizes",
                       B.getDenseI32ArrayAttr({1, 1, 1, 0, 0, Bias ? 1 : 0}));
    State.addAttribute("K", B.getI64IntegerAttr(K));
    State.addAttribute("N", B.getI64IntegerAttr(N));
    State.addAttribute("bits", B.getI64IntegerAttr(4));
    State.addAttribute("block_size", B.getI64IntegerAttr(Block));
    State.addTypes(W.Op->getResult(0).getType());
    Operation *New = B.create(State);
    W.Op->getResult(0).replaceAllUsesWith(New->getResult(0));
    Value Old = W.Op->getOperand(W.Operand);
    W.Op->erase();
    Uses.drop(Old);
    return true;
  }
};
} // namespace
