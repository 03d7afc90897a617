//===- ChannelRemoval.cpp - Takes channels out of a network ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything that the rules wrote down shrinks: rows of constants, sizes in
// shapes, attributes, types. Or, with the shapes kept, the rows become zero:
// what the smaller network must compute.
//
//===----------------------------------------------------------------------===//

#include "ChannelGroups.h"
#include "lathe/ONNX/ONNX.h"
#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::compress;

class ChannelGroups::Remover {
public:
  Remover(ChannelGroups &Groups, ArrayRef<int> Classes,
          onnx::ResourceUses &Uses)
      : Groups(Groups), Gone(Groups.Parent.size()), Uses(Uses) {
    for (int C : Classes)
      Gone.set(Groups.find(C));
  }
  int64_t countRemoved();
  void zero();
  void shrink();

private:
  bool isGone(int Atom) { return Gone.test(Groups.find(Atom)); }
  SmallVector<int64_t> kept(ArrayRef<int> List) {
    SmallVector<int64_t> Keep;
    for (auto [I, A] : llvm::enumerate(List))
      if (!isGone(A))
        Keep.push_back(I);
    return Keep;
  }
  void put(const Cut &C, ElementsAttr New);
  void sliceRows(const Cut &C);
  void zeroRows(const Cut &C);
  void setNumbers(Operation *Op, unsigned Operand, ArrayRef<int64_t> Numbers);
  void gather(const Shuffle &S);

  ChannelGroups &Groups;
  llvm::BitVector Gone;
  onnx::ResourceUses &Uses;
};

int64_t ChannelGroups::Remover::countRemoved() {
  int64_t Removed = 0;
  for (const Producer &P : Groups.Producers)
    Removed += P.List.size() - kept(P.List).size();
  return Removed;
}

/// Calls \p Each with the offset of every row and its number.
template <typename Fn>
static void forEachRow(ArrayRef<int64_t> Shape, unsigned Axis, int64_t Bytes,
                       Fn Each) {
  for (int64_t O = 0,
               Outer = ShapedType::getNumElements(Shape.take_front(Axis));
       O < Outer; ++O)
    for (int64_t R = 0; R < Shape[Axis]; ++R)
      Each((O * Shape[Axis] + R) * Bytes, R);
}

static int64_t rowBytes(RankedTensorType Type, unsigned Axis) {
  // In the layout of a resource, where a bool is a byte.
  return ShapedType::getNumElements(Type.getShape().drop_front(Axis + 1)) *
         llvm::divideCeil(Type.getElementTypeBitWidth(), 8);
}

void ChannelGroups::Remover::sliceRows(const Cut &C) {
  SmallVector<int64_t> Keep = kept(C.List);
  if (Keep.size() == C.List.size())
    return;
  Value Old = C.Op->getOperand(C.Operand);
  auto View = *onnx::ConstantView::get(Old);
  auto Type = cast<RankedTensorType>(View.getType());
  std::vector<char> Storage, New;
  ArrayRef<char> From = View.getBytes(Storage);
  int64_t Bytes = rowBytes(Type, C.Axis);
  forEachRow(Type.getShape(), C.Axis, Bytes, [&](int64_t At, int64_t Row) {
    if (!isGone(C.List[Row]))
      New.insert(New.end(), From.data() + At, From.data() + At + Bytes);
  });
  SmallVector<int64_t> Shape(Type.getShape());
  Shape[C.Axis] = Keep.size();
  put(C, onnx::makeTensor(Type.clone(Shape), std::move(New), "channels"));
}

/// \p New takes the place of the constant that \p C cuts.
void ChannelGroups::Remover::put(const Cut &C, ElementsAttr New) {
  Value Old = C.Op->getOperand(C.Operand);
  OpBuilder B(C.Op);
  Value Cut = onnx::ConstantOp::create(B, Old.getLoc(), New);
  C.Op->setOperand(C.Operand, Cut);
  Uses.add(Cut);
  Uses.drop(Old);
}

void ChannelGroups::Remover::zeroRows(const Cut &C) {
  // What a channel of zeros is divided by does not matter, as long as it can
  // be.
  if (kept(C.List).size() == C.List.size() || isa<onnx::DivOp>(C.Op))
    return;
  Value Old = C.Op->getOperand(C.Operand);
  auto View = *onnx::ConstantView::get(Old);
  auto Type = cast<RankedTensorType>(View.getType());
  std::vector<char> Storage;
  ArrayRef<char> From = View.getBytes(Storage);
  std::vector<char> New(From.begin(), From.end());
  int64_t Bytes = rowBytes(Type, C.Axis);
  forEachRow(Type.getShape(), C.Axis, Bytes, [&](int64_t At, int64_t Row) {
    if (isGone(C.List[Row]))
      std::memset(New.data() + At, 0, Bytes);
  });
  put(C, onnx::makeTensor(Type, std::move(New), "channels"));
}

void ChannelGroups::Remover::setNumbers(Operation *Op, unsigned Operand,
                                        ArrayRef<int64_t> Numbers) {
  Value Old = Op->getOperand(Operand);
  auto Type = cast<RankedTensorType>(Old.getType());
  if (Type.getRank() == 1)
    Type = Type.clone({int64_t(Numbers.size())});
  OpBuilder B(Op);
  Op->setOperand(Operand, onnx::ConstantOp::create(
                              B, Old.getLoc(), onnx::makeInts(Type, Numbers)));
}

/// Where whole rows and columns went, an order by Reshape and Transpose is
/// none any more: positions take its place.
void ChannelGroups::Remover::gather(const Shuffle &S) {
  SmallVector<int64_t> Place(S.List.size()), Order;
  for (auto [New, Old] : llvm::enumerate(kept(S.List)))
    Place[Old] = New;
  for (int64_t I : S.Order)
    if (!isGone(S.List[I]))
      Order.push_back(Place[I]);
  if (Order.size() == S.Order.size())
    return;
  Operation *Last = S.To.getDefiningOp();
  OpBuilder B(Last);
  auto Type = RankedTensorType::get({int64_t(Order.size())}, B.getI64Type());
  Value Positions =
      onnx::ConstantOp::create(B, Last->getLoc(), onnx::makeInts(Type, Order));
  Value New = onnx::GatherOp::create(B, Last->getLoc(), S.To.getType(), S.From,
                                     Positions, B.getI64IntegerAttr(S.Axis));
  Value To = S.To;
  To.replaceAllUsesWith(New);
  // The chain that it was.
  for (Value V = To; V != S.From && V.use_empty();) {
    Operation *Op = V.getDefiningOp();
    V = Op->getOperand(0);
    Op->erase();
  }
}

void ChannelGroups::Remover::zero() {
  for (const Cut &C : Groups.Cuts)
    zeroRows(C);
}

void ChannelGroups::Remover::shrink() {
  for (const Cut &C : Groups.Cuts)
    sliceRows(C);
  for (const Count &C : Groups.Counts) {
    SmallVector<int64_t> Keep = kept(C.List);
    if (Keep.size() == C.List.size())
      continue;
    SmallVector<int64_t> Numbers =
        *onnx::ConstantView::get(C.Op->getOperand(C.Operand))->getInts();
    Numbers[C.Index] = Keep.size();
    setNumbers(C.Op, C.Operand, Numbers);
  }
  for (const Count &C : Groups.Positions) {
    SmallVector<int64_t> Place(C.List.size()), Numbers;
    for (auto [New, Old] : llvm::enumerate(kept(C.List)))
      Place[Old] = New;
    SmallVector<int64_t> Given =
        *onnx::ConstantView::get(C.Op->getOperand(C.Operand))->getInts();
    for (int64_t I : Given) {
      I += I < 0 ? C.List.size() : 0;
      if (!isGone(C.List[I]))
        Numbers.push_back(Place[I]);
    }
    setNumbers(C.Op, C.Operand, Numbers);
  }
  for (const Attr &A : Groups.Attrs)
    A.Op->setAttr(A.Name, Builder(A.Op).getI64IntegerAttr(kept(A.List).size()));
  for (auto &[V, T] : Groups.Values) {
    auto Type = cast<RankedTensorType>(V.getType());
    SmallVector<int64_t> Shape(Type.getShape());
    Shape[T.Axis] = kept(T.List).size();
    // Other results (a mask, indices, statistics) are unused; their shapes are
    // inferred again.
    if (Operation *Op = V.getDefiningOp(); Op && !isa<onnx::SplitOp>(Op))
      for (Value R : Op->getResults().drop_front())
        R.setType(UnrankedTensorType::get(getElementTypeOrSelf(R.getType())));
    V.setType(Type.clone(Shape));
  }
  for (const Shuffle &S : Groups.Shuffles)
    gather(S);
}

int64_t ChannelGroups::remove(ArrayRef<int> Classes, onnx::ResourceUses &Uses,
                              bool KeepShapes) {
  Remover R(*this, Classes, Uses);
  int64_t Removed = R.countRemoved();
  if (!Removed)
    return 0;
  if (KeepShapes)
    R.zero();
  else
    R.shrink();
  return Removed;
}
