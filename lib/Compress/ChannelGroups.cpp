//===- ChannelGroups.cpp - Channels that shrink together ------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ChannelGroups.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/Facts.h"
#include "lathe/ONNX/ONNX.h"
#include "llvm/ADT/StringSet.h"
#include <numeric>

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

//===----------------------------------------------------------------------===//
// Atoms
//===----------------------------------------------------------------------===//

int ChannelGroups::find(int Atom) {
  while (Parent[Atom] != Atom)
    Atom = Parent[Atom] = Parent[Parent[Atom]];
  return Atom;
}

void ChannelGroups::join(int A, int B) {
  A = find(A);
  B = find(B);
  if (A == B)
    return;
  // The older one stands for both: results do not depend on the order.
  if (B < A)
    std::swap(A, B);
  Parent[B] = A;
  IsPinned[A] = IsPinned[A] || IsPinned[B];
}

void ChannelGroups::pin(const Atoms &List) {
  for (int A : List)
    IsPinned[find(A)] = true;
}

ChannelGroups::Atoms ChannelGroups::fresh(int64_t Number, bool Pinned) {
  Atoms List;
  for (int64_t I = 0; I < Number; ++I) {
    List.push_back(Parent.size());
    Parent.push_back(Parent.size());
    IsPinned.push_back(Pinned);
  }
  return List;
}

const ChannelGroups::Tracked *ChannelGroups::tracked(Value V) const {
  auto It = Values.find(V);
  return It == Values.end() ? nullptr : &It->second;
}

static RankedTensorType typeOf(Value V) {
  return dyn_cast<RankedTensorType>(V.getType());
}

void ChannelGroups::track(Value V, unsigned Axis, Atoms List) {
  RankedTensorType Type = typeOf(V);
  if (!Type || Axis >= Type.getRank() ||
      Type.getDimSize(Axis) != int64_t(List.size())) {
    pin(List);
    return;
  }
  Values[V] = {Axis, std::move(List)};
}

/// Registers rows of a constant; false if it is none of that size.
bool ChannelGroups::cut(Operation *Op, unsigned Operand, unsigned Axis,
                        const Atoms &List) {
  auto View = onnx::ConstantView::get(Op->getOperand(Operand));
  if (!View || View->isElided() || Axis >= View->getShape().size() ||
      View->getShape()[Axis] != int64_t(List.size()) ||
      View->getType().getElementTypeBitWidth() < 8)
    return false;
  Cuts.push_back({Op, Operand, Axis, List});
  return true;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static int64_t intAttr(Operation *Op, StringRef Name, int64_t Default) {
  auto A = dyn_cast_or_null<IntegerAttr>(onnx::getAttrOrDefault(Op, Name));
  return A ? A.getInt() : Default;
}

bool ChannelGroups::visitLayer(Operation *Op) {
  std::optional<Weights> W = weightsOf(Op);
  if (!W)
    return false;
  Value X = Op->getOperand(0), Y = Op->getResult(0);
  RankedTensorType XType = typeOf(X), YType = typeOf(Y);
  if (!XType || !YType)
    return false;
  bool Dense = isa<onnx::GemmOp, onnx::MatMulOp>(Op);
  bool Window = isa<onnx::ConvOp, onnx::ConvTransposeOp>(Op);
  if (!Dense && !Window)
    return false;
  if (intAttr(Op, "transA", 0) || (Dense && W->View.getShape().size() != 2))
    return false;
  unsigned InAxis = Dense ? XType.getRank() - 1 : 1;
  unsigned OutAxis = Dense ? YType.getRank() - 1 : 1;
  const Tracked *In = tracked(X);
  if (In && In->Axis != InAxis)
    return false;
  bool Stays = isNamed(Op, Skip);

  int64_t Inputs = XType.getDimSize(InAxis);
  if (W->Groups != 1) {
    // Depthwise: one filter a channel, which goes with it.
    if (W->OutPerGroup || W->Groups != Inputs || W->outputs() != Inputs)
      return false;
    Atoms List = In ? In->List : fresh(Inputs, true);
    if (Stays)
      pin(List);
    if (!cut(Op, W->Operand, W->Out, List) ||
        (Op->getNumOperands() > 2 && !cut(Op, 2, 0, List)))
      return false;
    Depthwise.push_back(Op);
    track(Y, 1, List);
    return true;
  }
  if (In && !cut(Op, W->Operand, W->In, In->List))
    return false;
  Atoms List = fresh(W->outputs(), Stays);
  bool Good = cut(Op, W->Operand, W->Out, List);
  if (Op->getNumOperands() > 2) {
    RankedTensorType Bias = typeOf(Op->getOperand(2));
    // A bias of one number serves every channel.
    bool Broadcast =
        Bias &&
        (Bias.getRank() == 0 ||
         (Bias.getDimSize(Bias.getRank() - 1) == 1 && List.size() != 1));
    if (!Broadcast)
      Good = Good && Bias && cut(Op, 2, Bias.getRank() - 1, List);
  }
  if (!Good)
    pin(List);
  Producers.push_back({*W, List});
  track(Y, OutAxis, List);
  return true;
}

/// Values of the result are made of values of the operands at the same place,
/// with broadcasting.
bool ChannelGroups::visitElementwise(Operation *Op,
                                     ArrayRef<unsigned> Operands) {
  RankedTensorType Type = typeOf(Op->getResult(0));
  if (!Type)
    return false;
  int64_t Rank = Type.getRank();
  std::optional<int64_t> Axis;
  const Atoms *List = nullptr;
  for (unsigned I : Operands)
    if (const Tracked *T = tracked(Op->getOperand(I))) {
      int64_t Here = T->Axis + Rank - typeOf(Op->getOperand(I)).getRank();
      if (Type.getDimSize(Here) != int64_t(T->List.size()))
        continue; // spread over the axis: it stays as it is
      if (Axis && *Axis != Here)
        return false;
      Axis = Here;
      List = List ? List : &T->List;
    }
  if (!Axis)
    return false;
  Atoms Mine = *List;
  for (unsigned I : Operands) {
    Value V = Op->getOperand(I);
    RankedTensorType T = typeOf(V);
    if (!T)
      return false;
    int64_t At = *Axis - (Rank - T.getRank());
    if (const Tracked *Other = tracked(V)) {
      if (int64_t(Other->Axis) != At || Other->List.size() != Mine.size()) {
        pin(Other->List);
        if (At >= 0 && T.getDimSize(At) != 1)
          return false;
        continue;
      }
      for (auto [A, B] : llvm::zip_equal(Mine, Other->List))
        join(A, B);
    } else if (At >= 0 && T.getDimSize(At) != 1) {
      if (!cut(Op, I, At, Mine))
        return false;
    }
  }
  track(Op->getResult(0), *Axis, Mine);
  return true;
}

bool ChannelGroups::visitNormalization(Operation *Op, unsigned Parameters) {
  const Tracked *T = tracked(Op->getOperand(0));
  if (!T || T->Axis != 1)
    return false;
  Atoms List = T->List;
  for (unsigned I = 1; I <= Parameters; ++I)
    if (!cut(Op, I, 0, List))
      return false;
  track(Op->getResult(0), 1, List);
  return true;
}

bool ChannelGroups::visitConcat(Operation *Op) {
  RankedTensorType Type = typeOf(Op->getResult(0));
  if (!Type)
    return false;
  int64_t Along = intAttr(Op, "axis", 0);
  Along += Along < 0 ? Type.getRank() : 0;
  std::optional<unsigned> Axis;
  for (Value V : Op->getOperands())
    if (const Tracked *T = tracked(V)) {
      if (Axis && *Axis != T->Axis)
        return false;
      Axis = T->Axis;
    }
  if (!Axis)
    return false;
  Atoms All;
  for (auto [I, V] : llvm::enumerate(Op->getOperands())) {
    const Tracked *T = tracked(V);
    if (int64_t(*Axis) != Along) {
      // The same channels, one below the other.
      if (!T)
        return false;
      if (I == 0)
        All = T->List;
      for (auto [A, B] : llvm::zip_equal(All, T->List))
        join(A, B);
      continue;
    }
    RankedTensorType Part = typeOf(V);
    if (!T && (!Part || Part.isDynamicDim(*Axis)))
      return false;
    Atoms More = T ? T->List : fresh(Part.getDimSize(*Axis), true);
    All.append(More);
  }
  track(Op->getResult(0), *Axis, All);
  return true;
}

bool ChannelGroups::visitSplit(Operation *Op) {
  const Tracked *T = tracked(Op->getOperand(0));
  RankedTensorType Type = typeOf(Op->getOperand(0));
  if (!T || !Type)
    return false;
  int64_t Along = intAttr(Op, "axis", 0);
  Along += Along < 0 ? Type.getRank() : 0;
  Tracked From = *T;
  if (int64_t(From.Axis) != Along) {
    for (Value R : Op->getResults())
      track(R, From.Axis, From.List);
    return true;
  }
  // The sizes must be written down, so that they can be changed.
  if (Op->getNumOperands() < 2 || !onnx::ConstantView::get(Op->getOperand(1)))
    return false;
  size_t At = 0;
  for (auto [I, R] : llvm::enumerate(Op->getResults())) {
    RankedTensorType Part = typeOf(R);
    if (!Part || Part.isDynamicDim(Along) ||
        At + Part.getDimSize(Along) > From.List.size())
      return false;
    Atoms List(From.List.begin() + At,
               From.List.begin() + At + Part.getDimSize(Along));
    At += Part.getDimSize(Along);
    Counts.push_back({Op, 1, unsigned(I), List});
    track(R, Along, List);
  }
  return true;
}

/// Reshape and its relatives where the axis stays in its place, alone or
/// together with all that follows it.
bool ChannelGroups::visitView(Operation *Op) {
  const Tracked *T = tracked(Op->getOperand(0));
  RankedTensorType From = typeOf(Op->getOperand(0)),
                   To = typeOf(Op->getResult(0));
  if (!T || !From || !To || To.getRank() <= int64_t(T->Axis))
    return false;
  unsigned Axis = T->Axis;
  for (unsigned I = 0; I < Axis; ++I)
    if (From.getDimSize(I) != To.getDimSize(I))
      return false;
  auto Tail = [&](RankedTensorType Type) {
    int64_t Product = 1;
    for (int64_t Size : Type.getShape().drop_front(Axis + 1))
      Product =
          ShapedType::isDynamic(Size) || Product < 0 ? -1 : Product * Size;
    return Product;
  };
  int64_t Before = Tail(From), After = Tail(To);
  if (Before < 0 || After < 0)
    return false;
  int64_t Repeat = To.getDimSize(Axis) == From.getDimSize(Axis) ? 1 : Before;
  if (Repeat != 1 && After != 1)
    return false;
  Atoms List;
  for (int A : T->List)
    List.append(Repeat, A);
  if (To.getDimSize(Axis) != int64_t(List.size()))
    return false;
  if (isa<onnx::ReshapeOp>(Op)) {
    auto Shape = onnx::ConstantView::get(Op->getOperand(1));
    if (!Shape || Shape->isElided())
      return false;
    if (Shape->getInt(Axis) > 0)
      Counts.push_back({Op, 1, Axis, List});
  }
  track(Op->getResult(0), Axis, List);
  return true;
}

bool ChannelGroups::visitTranspose(Operation *Op) {
  const Tracked *T = tracked(Op->getOperand(0));
  if (!T)
    return false;
  unsigned Rank = typeOf(Op->getOperand(0)).getRank();
  SmallVector<int64_t> Perm;
  if (auto A = Op->getAttrOfType<DenseI64ArrayAttr>("perm"))
    Perm.assign(A.asArrayRef().begin(), A.asArrayRef().end());
  else
    for (unsigned I = 0; I < Rank; ++I)
      Perm.push_back(Rank - 1 - I);
  auto *At = llvm::find(Perm, int64_t(T->Axis));
  if (At == Perm.end())
    return false;
  track(Op->getResult(0), At - Perm.begin(), T->List);
  return true;
}

bool ChannelGroups::visitReduce(Operation *Op) {
  const Tracked *T = tracked(Op->getOperand(0));
  if (!T || Op->getNumOperands() < 2)
    return false;
  auto Axes = onnx::ConstantView::get(Op->getOperand(1));
  if (!Axes || Axes->isElided() || !Axes->size())
    return false;
  unsigned Rank = typeOf(Op->getOperand(0)).getRank(), Axis = T->Axis;
  bool Keep = intAttr(Op, "keepdims", 1);
  for (int64_t I = 0; I < Axes->size(); ++I) {
    int64_t A = Axes->getInt(I);
    A += A < 0 ? Rank : 0;
    if (A == int64_t(T->Axis))
      return false;
    Axis -= !Keep && A < int64_t(T->Axis);
  }
  track(Op->getResult(0), Axis, T->List);
  return true;
}

/// One value in, one out, each by itself.
static bool isActivation(StringRef Name) {
  static const llvm::StringSet<> Names = {
      "onnx.Abs",
      "onnx.Cast",
      "onnx.Celu",
      "onnx.Clip",
      "onnx.Dropout",
      "onnx.Elu",
      "onnx.Erf",
      "onnx.Exp",
      "onnx.Gelu",
      "onnx.HardSigmoid",
      "onnx.HardSwish",
      "onnx.Identity",
      "onnx.LeakyRelu",
      "onnx.Log",
      "onnx.Mish",
      "onnx.Neg",
      "onnx.Reciprocal",
      "onnx.Relu",
      "onnx.Selu",
      "onnx.Sigmoid",
      "onnx.Softplus",
      "onnx.Softsign",
      "onnx.Sqrt",
      "onnx.Swish",
      "onnx.ThresholdedRelu",
      "onnx.Tanh",
      "onnx.ms.Gelu",
      "onnx.ms.QuickGelu",
  };
  return Names.contains(Name);
}

/// Each channel by itself, over a window of the dimensions behind axis 1.
static bool isPerChannel(StringRef Name) {
  static const llvm::StringSet<> Names = {
      "onnx.AveragePool",  "onnx.GlobalAveragePool",
      "onnx.GlobalLpPool", "onnx.GlobalMaxPool",
      "onnx.LpPool",       "onnx.MaxPool",
  };
  return Names.contains(Name);
}

void ChannelGroups::visit(Operation *Op) {
  StringRef Name = Op->getName().getStringRef();
  bool Any = llvm::any_of(Op->getOperands(),
                          [&](Value V) { return tracked(V) != nullptr; });
  bool Known = false;
  if (weightsOf(Op))
    Known = visitLayer(Op);
  else if (!Any)
    Known = true;
  else if (isActivation(Name))
    Known = visitElementwise(Op, {0});
  else if (isa<onnx::AddOp, onnx::SubOp, onnx::MulOp, onnx::DivOp,
               onnx::PReluOp, onnx::PowOp>(Op))
    Known = visitElementwise(Op, {0, 1});
  else if (isa<onnx::SumOp, onnx::MaxOp, onnx::MinOp, onnx::MeanOp>(Op))
    Known = visitElementwise(
        Op, llvm::to_vector(llvm::seq<unsigned>(0, Op->getNumOperands())));
  else if (isa<onnx::BatchNormalizationOp>(Op))
    Known = visitNormalization(Op, 4);
  else if (isa<onnx::InstanceNormalizationOp>(Op))
    Known = visitNormalization(Op, 2);
  else if (isPerChannel(Name) ||
           (isa<onnx::ResizeOp>(Op) && Op->getNumOperands() < 4) ||
           isa<onnx::PadOp>(Op)) {
    const Tracked *T = tracked(Op->getOperand(0));
    RankedTensorType From = typeOf(Op->getOperand(0)),
                     To = typeOf(Op->getResult(0));
    if (T && T->Axis == 1 && To && From &&
        From.getDimSize(1) == To.getDimSize(1)) {
      track(Op->getResult(0), 1, T->List);
      Known = true;
    }
  } else if (isa<onnx::ConcatOp>(Op))
    Known = visitConcat(Op);
  else if (isa<onnx::SplitOp>(Op))
    Known = visitSplit(Op);
  else if (isa<onnx::FlattenOp, onnx::ReshapeOp, onnx::SqueezeOp,
               onnx::UnsqueezeOp>(Op))
    Known = visitView(Op);
  else if (isa<onnx::TransposeOp>(Op))
    Known = visitTranspose(Op);
  else if (isa<onnx::ReduceMeanOp, onnx::ReduceSumOp, onnx::ReduceMaxOp,
               onnx::ReduceMinOp, onnx::ReduceL2Op>(Op))
    Known = visitReduce(Op);
  else if (isa<onnx::ShapeOp>(Op))
    Known = true; // asked for at run time, of what is there then

  for (Value R : Op->getResults())
    if (R != Op->getResult(0) && !R.use_empty() && !isa<onnx::SplitOp>(Op))
      Known = false;
  if (!Known)
    for (Value V : Op->getOperands())
      if (const Tracked *T = tracked(V))
        pin(T->List);
  if (!Known)
    for (Value R : Op->getResults())
      if (const Tracked *T = tracked(R))
        pin(T->List);
  for (Region &R : Op->getRegions())
    R.walk([&](Operation *Inner) {
      for (Value V : Inner->getOperands())
        if (const Tracked *T = tracked(V))
          pin(T->List);
    });
}

ChannelGroups::ChannelGroups(func::FuncOp Main, ArrayRef<std::string> Skip)
    : Skip(Skip) {
  for (Operation &Op : Main.getBody().front())
    visit(&Op);
}

//===----------------------------------------------------------------------===//
// Scores and removal
//===----------------------------------------------------------------------===//

std::vector<ChannelGroups::Set> ChannelGroups::sets() {
  // Producers with a class in common are one set.
  llvm::DenseMap<int, unsigned> SetOf;
  std::vector<unsigned> Leader(Producers.size());
  std::iota(Leader.begin(), Leader.end(), 0);
  auto Top = [&](unsigned I) {
    while (Leader[I] != I)
      I = Leader[I];
    return I;
  };
  for (auto [I, P] : llvm::enumerate(Producers))
    for (int A : P.List) {
      auto [It, New] = SetOf.try_emplace(find(A), I);
      unsigned L = Top(It->second), R = Top(I);
      Leader[std::max(L, R)] = std::min(L, R);
    }
  std::vector<Set> All;
  llvm::DenseMap<unsigned, unsigned> Number;
  llvm::DenseMap<int, std::pair<unsigned, unsigned>> Place;
  std::vector<llvm::SmallVector<unsigned>> Parts;
  for (auto [I, P] : llvm::enumerate(Producers)) {
    auto [It, New] = Number.try_emplace(Top(I), All.size());
    if (New) {
      All.emplace_back();
      All.back().Layer = P.W.Op;
      Parts.emplace_back();
    }
    unsigned N = It->second;
    Set &S = All[N];
    // Squares of each output's weights.
    ArrayRef<int64_t> Shape = P.W.View.getShape();
    int64_t Outputs = P.W.outputs(), Inner = 1;
    for (int64_t Size : Shape.drop_front(P.W.Out + 1))
      Inner *= Size;
    std::vector<double> Squares(Outputs);
    double Total = 0;
    readFloats(P.W.View, [&](int64_t At, float F) {
      Squares[At / Inner % Outputs] += double(F) * F;
      Total += double(F) * F;
    });
    for (auto [J, A] : llvm::enumerate(P.List)) {
      int Root = find(A);
      auto [At, NewClass] =
          Place.try_emplace(Root, std::make_pair(N, S.Classes.size()));
      if (NewClass) {
        S.Classes.push_back(Root);
        S.Pinned.push_back(IsPinned[Root]);
        S.Scores.push_back(0);
        Parts[N].push_back(0);
      }
      unsigned C = At->second.second;
      S.Scores[C] += Total > 0 ? Squares[J] * Outputs / Total : 0;
      ++Parts[N][C];
    }
  }
  for (auto [S, Count] : llvm::zip_equal(All, Parts))
    for (auto [Score, N] : llvm::zip_equal(S.Scores, Count))
      Score /= N;
  return All;
}

/// The rows \p Keep of dimension \p Axis.
static std::vector<char> sliceRows(ArrayRef<char> From, ArrayRef<int64_t> Shape,
                                   unsigned Axis, unsigned ElementBytes,
                                   ArrayRef<int64_t> Keep) {
  int64_t Outer = 1, Inner = ElementBytes;
  for (int64_t S : Shape.take_front(Axis))
    Outer *= S;
  for (int64_t S : Shape.drop_front(Axis + 1))
    Inner *= S;
  std::vector<char> To;
  To.reserve(Outer * Keep.size() * Inner);
  for (int64_t O = 0; O < Outer; ++O)
    for (int64_t K : Keep) {
      const char *Row = From.data() + (O * Shape[Axis] + K) * Inner;
      To.insert(To.end(), Row, Row + Inner);
    }
  return To;
}

int64_t ChannelGroups::remove(ArrayRef<int> Classes) {
  llvm::BitVector Gone(Parent.size());
  for (int C : Classes)
    Gone.set(find(C));
  auto Kept = [&](const Atoms &List) {
    llvm::SmallVector<int64_t> Keep;
    for (auto [I, A] : llvm::enumerate(List))
      if (!Gone.test(find(A)))
        Keep.push_back(I);
    return Keep;
  };

  int64_t Removed = 0;
  for (const Producer &P : Producers)
    Removed += P.List.size() - Kept(P.List).size();
  if (!Removed)
    return 0;

  for (const Cut &C : Cuts) {
    llvm::SmallVector<int64_t> Keep = Kept(C.List);
    if (Keep.size() == C.List.size())
      continue;
    Value Old = C.Op->getOperand(C.Operand);
    auto View = *onnx::ConstantView::get(Old);
    auto Type = cast<RankedTensorType>(View.getType());
    unsigned Bytes = Type.getElementTypeBitWidth() / 8;
    SmallVector<int64_t> Shape(Type.getShape());
    std::vector<char> All;
    ArrayRef<char> From = View.getRawData();
    if (View.isSplat()) {
      All = expandBytes(View);
      From = All;
    }
    std::vector<char> New = sliceRows(From, Shape, C.Axis, Bytes, Keep);
    Shape[C.Axis] = Keep.size();
    OpBuilder B(C.Op);
    Value Sliced = makeConstant(B, Old.getLoc(), Type.clone(Shape),
                                std::move(New), "channels");
    C.Op->setOperand(C.Operand, Sliced);
    if (Old.use_empty())
      Old.getDefiningOp()->erase();
  }
  for (const Count &C : Counts) {
    auto View = *onnx::ConstantView::get(C.Op->getOperand(C.Operand));
    SmallVector<int64_t> Numbers = *View.getInts();
    Numbers[C.Index] = Kept(C.List).size();
    OpBuilder B(C.Op);
    Value New = onnx::ConstantOp::create(
        B, C.Op->getLoc(),
        onnx::makeInts(cast<RankedTensorType>(View.getType()), Numbers));
    C.Op->setOperand(C.Operand, New);
  }
  for (auto &[V, T] : Values) {
    auto Type = cast<RankedTensorType>(V.getType());
    SmallVector<int64_t> Shape(Type.getShape());
    Shape[T.Axis] = Kept(T.List).size();
    // Other results (a mask, indices, statistics) are unused; their shapes are
    // inferred again.
    if (Operation *Op = V.getDefiningOp(); Op && !isa<onnx::SplitOp>(Op))
      for (Value R : Op->getResults().drop_front())
        R.setType(UnrankedTensorType::get(getElementTypeOrSelf(R.getType())));
    V.setType(Type.clone(Shape));
  }
  for (Operation *Op : Depthwise) {
    auto Type = cast<RankedTensorType>(Op->getOperand(1).getType());
    Op->setAttr("group",
                IntegerAttr::get(IntegerType::get(Op->getContext(), 64),
                                 Type.getDimSize(0)));
  }
  return Removed;
}
