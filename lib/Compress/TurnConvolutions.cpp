//===- TurnConvolutions.cpp - The pass compress-turn-convolutions ---------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A ConvTranspose becomes a Conv whose outputs are all phases of the strides
// (TurnedWindow.h), laid side by side by a Transpose. Invariant: the same
// products are added for each element of the result; weights that are no
// weights of a phase are zeros, or zero points.
//
//===----------------------------------------------------------------------===//

#include "Weights.h"
#include "lathe/Compress/Passes.h"
#include "lathe/Compress/TurnedWindow.h"
#include "lathe/ONNX/ONNX.h"
#include "lathe/ONNX/OnnxBuilder.h"
#include "lathe/ONNX/WindowGeometry.h"

namespace lathe::compress {
#define GEN_PASS_DEF_TURNCONVOLUTIONS
#include "lathe/Compress/Passes.h.inc"
} // namespace lathe::compress

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

namespace {
/// A ConvTranspose with weights [C, M, k...] for each of Groups.
class Turner {
public:
  explicit Turner(onnx::ConvTransposeOp Op)
      : Op(Op), B(Op), X(dyn_cast<RankedTensorType>(Op.getX().getType())),
        Y(dyn_cast<RankedTensorType>(Op.getResult().getType())) {}

  /// False, with nothing changed, where the form is not supported.
  bool run();

private:
  bool readAxes();
  /// Elements of \p Bytes each for [Groups * phases * M, C / Groups, taps...];
  /// \p Fill holds what stands where no weight is, for each of the M outputs.
  std::vector<char> turn(ArrayRef<char> From, unsigned Bytes,
                         ArrayRef<char> Fill) const;
  /// The constant \p V, whose one dimension is the outputs of a group (of all
  /// groups with \p Whole), for each output of the Conv; one of one element as
  /// it is, null if it is no such constant.
  Value perOutput(Value V, bool Whole);
  Value turnedWeights();
  Value turnedBias();
  Value sideBySide(Value R);
  Value typed(Value V, ArrayRef<int64_t> Shape) {
    V.setType(RankedTensorType::get(
        Shape, cast<ShapedType>(V.getType()).getElementType()));
    return V;
  }

  onnx::ConvTransposeOp Op;
  onnx::OnnxBuilder B;
  RankedTensorType X, Y;
  SmallVector<TurnedAxis> Axes;
  int64_t Groups = 1, Channels = 0, Outputs = 0, Phases = 1;
};
} // namespace

bool Turner::readAxes() {
  auto W = dyn_cast<RankedTensorType>(Op.getW().getType());
  if (!X || !Y || !W || !W.hasStaticShape() || W.getRank() < 3 ||
      X.getRank() != W.getRank() || Y.getRank() != W.getRank())
    return false;
  int64_t S = W.getRank() - 2;
  Groups = Op.getGroup();
  if (Groups <= 0 || W.getDimSize(0) % Groups)
    return false;
  Channels = W.getDimSize(0) / Groups;
  Outputs = W.getDimSize(1);
  auto At = [](std::optional<ArrayRef<int64_t>> List, int64_t I,
               int64_t Default) {
    return List && I < int64_t(List->size()) ? (*List)[I] : Default;
  };
  onnx::AutoPad Auto = onnx::getAutoPad(Op.getAutoPad());
  bool Same =
      Auto == onnx::AutoPad::SameUpper || Auto == onnx::AutoPad::SameLower;
  for (int64_t D = 0; D < S; ++D) {
    TurnedAxis A;
    A.Kernel = W.getDimSize(2 + D);
    A.Stride = At(Op.getStrides(), D, 1);
    A.Dilation = At(Op.getDilations(), D, 1);
    A.Extra = At(Op.getOutputPadding(), D, 0);
    int64_t In = X.getDimSize(2 + D), Out = Y.getDimSize(2 + D);
    if (Same || Op.getOutputShape()) {
      if (ShapedType::isDynamic(In) || ShapedType::isDynamic(Out))
        return false;
      // An output larger than everything reaches is zeros at the end.
      int64_t Spare = (In - 1) * A.Stride + A.extent() + A.Extra - Out;
      int64_t Total = std::max<int64_t>(Spare, 0), Half = Total / 2;
      A.Begin = Auto == onnx::AutoPad::SameUpper ? Half : Total - Half;
      A.End = Spare - A.Begin;
    } else if (Auto == onnx::AutoPad::NotSet) {
      A.Begin = At(Op.getPads(), D, 0);
      A.End = At(Op.getPads(), S + D, 0);
    }
    if (A.Stride < 1 || A.Dilation < 1 || A.Begin < 0)
      return false;
    Phases *= A.Stride;
    Axes.push_back(A);
  }
  return true;
}

std::vector<char> Turner::turn(ArrayRef<char> From, unsigned Bytes,
                               ArrayRef<char> Fill) const {
  int64_t Taps = 1, Window = 1;
  for (const TurnedAxis &A : Axes) {
    Taps *= A.taps();
    Window *= A.Kernel;
  }
  std::vector<char> To;
  To.reserve(Groups * Phases * Outputs * Channels * Taps * Bytes);
  for (int64_t G = 0; G < Groups; ++G)
    for (int64_t P = 0; P < Phases; ++P)
      for (int64_t M = 0; M < Outputs; ++M)
        for (int64_t C = 0; C < Channels; ++C)
          for (int64_t T = 0; T < Taps; ++T) {
            // The last axis counts fastest, in phases and in taps.
            int64_t Phase = P, Tap = T, Step = 1, At = 0;
            bool Is = true;
            for (const TurnedAxis &A : llvm::reverse(Axes)) {
              auto K = A.weight(Phase % A.Stride, Tap % A.taps());
              Is &= K.has_value();
              At += K.value_or(0) * Step;
              Step *= A.Kernel;
              Phase /= A.Stride;
              Tap /= A.taps();
            }
            const char *Source =
                Is ? From.data() +
                         (((G * Channels + C) * Outputs + M) * Window + At) *
                             Bytes
                   : Fill.data() + (Fill.size() == Bytes ? 0 : M * Bytes);
            To.insert(To.end(), Source, Source + Bytes);
          }
  return To;
}

Value Turner::perOutput(Value V, bool Whole) {
  auto View = onnx::ConstantView::get(V);
  int64_t Own = Outputs * (Whole ? Groups : 1);
  if (!View || View->isElided() || View->getShape().size() > 1)
    return {};
  if (!Whole && View->size() == 1)
    return V;
  if (View->size() != Own)
    return {};
  std::vector<char> From = expandBytes(*View), To;
  int64_t Bytes = From.size() / Own;
  for (int64_t G = 0; G < Groups; ++G)
    for (int64_t P = 0; P < Phases; ++P) {
      auto First = From.begin() + (Whole ? G * Outputs * Bytes : 0);
      To.insert(To.end(), First, First + Outputs * Bytes);
    }
  return makeConstant(B, V.getLoc(),
                      RankedTensorType::get({Groups * Phases * Outputs},
                                            View->getElementType()),
                      std::move(To), "turned");
}

Value Turner::turnedWeights() {
  SmallVector<int64_t> Shape = {Groups * Phases * Outputs, Channels};
  for (const TurnedAxis &A : Axes)
    Shape.push_back(A.taps());
  auto D = Op.getW().getDefiningOp<onnx::DequantizeLinearOp>();
  Value Constant = D ? D->getOperand(0) : Op.getW();
  auto View = onnx::ConstantView::get(Constant);
  if (!View || View->isElided() ||
      View->getElementType().getIntOrFloatBitWidth() % 8)
    return {};
  unsigned Bytes = View->getElementType().getIntOrFloatBitWidth() / 8;
  std::vector<char> Fill(Bytes, 0);
  Value Scale, Zero;
  if (D) {
    auto Axis = D->getAttrOfType<IntegerAttr>("axis");
    int64_t Along = Axis ? Axis.getInt() : 1;
    Scale = D->getOperand(1);
    Zero = D->getNumOperands() > 2 ? D->getOperand(2) : Value();
    auto Known = onnx::ConstantView::get(Scale);
    // Scales of its inputs do not leave a sum.
    if (!Known || (Known->size() != 1 && Along != 1 &&
                   Along != 1 - int64_t(Axes.size()) - 2))
      return {};
    Scale = perOutput(Scale, /*Whole=*/false);
    if (Zero) {
      auto Zeros = onnx::ConstantView::get(Zero);
      if (!Zeros || Zeros->isElided())
        return {};
      Fill = expandBytes(*Zeros);
      Zero = perOutput(Zero, /*Whole=*/false);
    }
    if (!Scale || (D->getNumOperands() > 2 && !Zero))
      return {};
  }
  Value W = makeConstant(B, Constant.getLoc(),
                         RankedTensorType::get(Shape, View->getElementType()),
                         turn(expandBytes(*View), Bytes, Fill), "turned");
  if (!D)
    return W;
  SmallVector<Value> In = {W, Scale};
  if (Zero)
    In.push_back(Zero);
  Value R = B.op("DequantizeLinear", In, B.attr("axis", int64_t(0)),
                 getElementTypeOrSelf(D->getResult(0)));
  return typed(R, Shape);
}

Value Turner::turnedBias() {
  Value Bias = Op.getB();
  auto D = Bias.getDefiningOp<onnx::DequantizeLinearOp>();
  if (!D)
    return perOutput(Bias, /*Whole=*/true);
  SmallVector<Value> In;
  for (Value V : D->getOperands()) {
    auto View = onnx::ConstantView::get(V);
    if (!View)
      return {};
    In.push_back(In.empty() || View->size() != 1 ? perOutput(V, true) : V);
    if (!In.back())
      return {};
  }
  Value R = B.op("DequantizeLinear", In, B.attr("axis", int64_t(0)),
                 getElementTypeOrSelf(D->getResult(0)));
  return typed(R, {Groups * Phases * Outputs});
}

/// [N, Groups * phases * M, q...] as [N, Groups * M, s * q...], cut to size.
Value Turner::sideBySide(Value R) {
  auto Type = cast<RankedTensorType>(R.getType());
  int64_t S = Axes.size(), Front = Groups > 1 ? 2 : 1;
  if (Phases > 1) {
    // N, [group], phases.., M, sizes..
    SmallVector<int64_t> Split = {Type.getDimSize(0)}, Perm = {0};
    if (Groups > 1) {
      Split.push_back(Groups);
      Perm.push_back(1);
    }
    for (const TurnedAxis &A : Axes)
      Split.push_back(A.Stride);
    Split.push_back(Outputs);
    Perm.push_back(Front + S);
    for (int64_t D = 0; D < S; ++D) {
      Split.push_back(Type.getDimSize(2 + D));
      Perm.append({Front + S + 1 + D, Front + D});
    }
    SmallVector<int64_t> Turned,
        Joined = {Type.getDimSize(0), Groups * Outputs};
    for (int64_t P : Perm)
      Turned.push_back(Split[P]);
    for (int64_t D = 0; D < S; ++D) {
      int64_t Size = Type.getDimSize(2 + D);
      Joined.push_back(ShapedType::isDynamic(Size) ? Size
                                                   : Size * Axes[D].Stride);
    }
    // Sizes that only the run knows are taken from the tensor itself.
    auto Reshape = [&](Value V, ArrayRef<int64_t> Shape,
                       llvm::function_ref<Value(int64_t)> SizeAt) {
      SmallVector<Value> Parts;
      for (auto [I, Size] : llvm::enumerate(Shape))
        Parts.push_back(ShapedType::isDynamic(Size) ? SizeAt(I)
                                                    : B.ints({Size}));
      bool Static = llvm::none_of(Shape, ShapedType::isDynamic);
      return typed(Static ? B.reshape(V, Shape)
                          : B.reshape(V, typed(B.concat(Parts, 0),
                                               {int64_t(Shape.size())})),
                   Shape);
    };
    auto Size = [&](Value V, int64_t D) { return typed(B.size(V, D), {1}); };
    Value Whole = R;
    R = Reshape(R, Split, [&](int64_t I) {
      return Size(Whole, I == 0 ? 0 : I - (Front + S + 1) + 2);
    });
    R = typed(B.transpose(R, Perm), Turned);
    R = Reshape(R, Joined, [&](int64_t I) -> Value {
      Value Old = Size(Whole, I);
      return I < 2 ? Old : typed(B.mul(Old, B.ints({Axes[I - 2].Stride})), {1});
    });
  }
  SmallVector<int64_t> Starts, Ends, Along;
  for (auto [D, A] : llvm::enumerate(Axes))
    if (A.cutFront() || A.cutBack()) {
      Starts.push_back(A.cutFront());
      Ends.push_back(A.cutBack() ? -A.cutBack()
                                 : std::numeric_limits<int64_t>::max());
      Along.push_back(2 + D);
    }
  if (Along.empty())
    return R;
  return B.op("Slice", {R, B.ints(Starts), B.ints(Ends), B.ints(Along)});
}

/// The function of one element that alone reads \p V; null if there is none.
static Operation *activationOf(Value V) {
  Operation *User = V.hasOneUse() ? *V.user_begin() : nullptr;
  return isa_and_present<onnx::ClipOp, onnx::EluOp, onnx::GeluOp,
                         onnx::HardSigmoidOp, onnx::HardSwishOp,
                         onnx::LeakyReluOp, onnx::MishOp, onnx::ReluOp,
                         onnx::SigmoidOp, onnx::SoftplusOp, onnx::TanhOp>(
             User) &&
                 User->getOperand(0) == V
             ? User
             : nullptr;
}

bool Turner::run() {
  if (!readAxes())
    return false;
  SmallVector<int64_t> Pads(2 * Axes.size()), Dilations, Starts, Ends, Along;
  SmallVector<int64_t> Sizes = {X.getDimSize(0), Groups * Phases * Outputs};
  SmallVector<int64_t> Read(X.getShape());
  for (auto [D, A] : llvm::enumerate(Axes)) {
    Pads[D] = std::max<int64_t>(A.low(), 0);
    Pads[Axes.size() + D] = std::max<int64_t>(A.high(), 0);
    Dilations.push_back(A.tapDilation());
    int64_t In = Read[2 + D], Cut = std::min<int64_t>(A.low(), 0) +
                                    std::min<int64_t>(A.high(), 0);
    if (Cut < 0) {
      // Fewer elements than that would leave nothing to convolve.
      if (ShapedType::isDynamic(In) || In + Cut < 1)
        return false;
      Starts.push_back(std::max<int64_t>(-A.low(), 0));
      Ends.push_back(A.high() < 0 ? A.high()
                                  : std::numeric_limits<int64_t>::max());
      Along.push_back(2 + D);
      Read[2 + D] = In + Cut;
    }
    Sizes.push_back(ShapedType::isDynamic(In)
                        ? In
                        : In + A.low() + A.high() -
                              (A.taps() - 1) * A.tapDilation());
    if (!ShapedType::isDynamic(Sizes.back()) && Sizes.back() < 1)
      return false;
  }
  Value W = turnedWeights();
  Value Bias = Op.getB() ? turnedBias() : Value();
  if (!W || (Op.getB() && !Bias))
    return false;
  Value Input = Op.getX();
  if (!Along.empty())
    Input = typed(
        B.op("Slice", {Input, B.ints(Starts), B.ints(Ends), B.ints(Along)}),
        Read);
  SmallVector<int64_t> Kernel(
      cast<ShapedType>(W.getType()).getShape().drop_front(2));
  SmallVector<NamedAttribute> Attrs = {
      B.attr("pads", ArrayRef(Pads)), B.attr("dilations", ArrayRef(Dilations)),
      B.attr("kernel_shape", ArrayRef(Kernel)), B.attr("group", Groups)};
  SmallVector<Value> In = {Input, W};
  if (Bias)
    In.push_back(Bias);
  Value R = typed(B.op("Conv", In, Attrs, Y.getElementType()), Sizes);
  // Functions of one element stay with the sums.
  SmallVector<Operation *> Done = {Op};
  while (Operation *Next = activationOf(Done.back()->getResult(0))) {
    B.setInsertionPoint(Next);
    Operation *Copy = B.clone(*Next);
    Copy->setOperand(0, R);
    R = typed(Copy->getResult(0), Sizes);
    Done.push_back(Next);
  }
  R = sideBySide(R);
  R.setType(Y);
  Done.back()->getResult(0).replaceAllUsesWith(R);
  for (Operation *Old : llvm::reverse(Done))
    Old->erase();
  return true;
}

namespace {
struct TurnConvolutionsPass
    : compress::impl::TurnConvolutionsBase<TurnConvolutionsPass> {
  using TurnConvolutionsBase::TurnConvolutionsBase;

  void runOnOperation() override {
    SmallVector<onnx::ConvTransposeOp> All;
    getOperation().walk([&](onnx::ConvTransposeOp Op) {
      auto W = dyn_cast<RankedTensorType>(Op.getW().getType());
      bool Integers = Op.getX().getDefiningOp<onnx::DequantizeLinearOp>(),
           Depthwise = W && Op.getGroup() > 1 &&
                       W.getDimSize(0) == int64_t(Op.getGroup());
      if (Integers || (floats && (depthwise || !Depthwise)))
        All.push_back(Op);
    });
    for (onnx::ConvTransposeOp Op : All)
      turned += Turner(Op).run();
  }
};
} // namespace
