//===- ShapeInferenceReshape.cpp - Shapes of reshaping and moving --- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Inference.h"

using namespace mlir;
using namespace lathe::onnx;

/// The sizes that a 1-D integer operand holds, unknown ones as new symbols;
/// nullopt if not even their number is known.
static std::optional<Dims> sizesOf(Inference &I, unsigned Operand) {
  if (const Data *Elements = I.data(Operand)) {
    Dims Sizes;
    for (const Element &E : *Elements)
      Sizes.push_back(E.Int ? *E.Int : I.unknown());
    return Sizes;
  }
  const Dims *Shape = I.dims(Operand);
  if (Shape && Shape->size() == 1)
    if (auto Count = (*Shape)[0].getConstant(); Count && *Count <= 64)
      return I.unknowns(*Count);
  return std::nullopt;
}

static LogicalResult inferReshape(Inference &I) {
  Type Element = I.elementType(0);
  const Dims *Input = I.dims(0);
  const Data *Target = I.data(1);
  auto Shape = sizesOf(I, 1);
  if (!Shape)
    return I.setUnranked(0, Element);
  bool ZeroIsZero = I.getInt("allowzero") != 0;
  std::optional<unsigned> Free;
  bool Open = !Target; // something of the target is not known
  for (unsigned D = 0; Target && D < Shape->size(); ++D) {
    auto Size = (*Shape)[D].getConstant();
    Open |= (*Target)[D].isUnknown();
    if (!Size)
      continue;
    if (*Size == -1) {
      if (Free)
        return I.error() << "the target shape has more than one -1";
      Free = D;
    } else if (*Size < -1) {
      return I.error() << "the target shape has the size " << *Size;
    } else if (*Size == 0 && !ZeroIsZero) {
      if (Input && D >= Input->size())
        return I.error() << "the target shape copies dimension " << D
                         << " but the input has " << Input->size()
                         << " dimensions";
      if (Input)
        (*Shape)[D] = (*Input)[D];
      else {
        (*Shape)[D] = I.unknown();
        Open = true;
      }
    }
  }
  std::optional<SymExpr> Total;
  if (Input)
    Total = I.product(*Input);
  if (Free) {
    SymExpr Others = 1;
    for (unsigned D = 0; D < Shape->size(); ++D)
      if (D != *Free)
        Others = I.mul(Others, (*Shape)[D]);
    SymExpr Size = I.unknown();
    if (Total && !Open) {
      auto N = Total->getConstant(), M = Others.getConstant();
      if (N && M && (*M == 0 ? *N != 0 : *N % *M != 0))
        return I.error() << *N << " elements do not fit the target shape "
                         << toString(*Shape);
      if (!(M && *M == 0))
        Size = I.floorDiv(*Total, Others);
      else
        Size = 0;
    }
    (*Shape)[*Free] = Size;
  } else if (Total) {
    auto N = Total->getConstant(), M = I.product(*Shape).getConstant();
    if (N && M && *N != *M)
      return I.error() << "the input " << toString(*Input) << " has " << *N
                       << " elements but the target shape " << toString(*Shape)
                       << " has " << *M;
    // One open size is what is left.
    if (N && !M) {
      std::optional<unsigned> Unknown;
      int64_t Known = 1;
      for (unsigned D = 0; D < Shape->size(); ++D) {
        if (auto Size = (*Shape)[D].getConstant())
          Known *= *Size;
        else if (Unknown)
          Known = 0;
        else
          Unknown = D;
      }
      if (Unknown && Known > 0 && *N % Known == 0)
        (*Shape)[*Unknown] = *N / Known;
    }
  }
  return I.set(0, Element, *Shape);
}

static LogicalResult inferFlatten(Inference &I) {
  const Dims *Input = I.dims(0);
  if (!Input)
    return I.set(0, I.elementType(0), I.unknowns(2));
  int64_t Rank = Input->size(), Axis = I.getInt("axis");
  if (Axis < -Rank || Axis > Rank)
    return I.error() << "axis " << Axis << " is out of range for a tensor with "
                     << Rank << " dimensions";
  if (Axis < 0)
    Axis += Rank;
  ArrayRef<SymExpr> Sizes(*Input);
  return I.set(
      0, I.elementType(0),
      {I.product(Sizes.take_front(Axis)), I.product(Sizes.drop_front(Axis))});
}

/// Axes of a 1-D operand as a mask over \p Rank; nullopt after an error.
static std::optional<SmallVector<bool>>
axisMask(Inference &I, ArrayRef<int64_t> Axes, int64_t Rank) {
  SmallVector<bool> Mask(Rank, false);
  for (int64_t A : Axes) {
    auto Axis = I.axis(A, Rank);
    if (!Axis)
      return std::nullopt;
    if (Mask[*Axis]) {
      I.error() << "axis " << A << " occurs twice";
      return std::nullopt;
    }
    Mask[*Axis] = true;
  }
  return Mask;
}

static LogicalResult inferSqueeze(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Element = I.elementType(0);
  if (!Input)
    return I.setUnranked(0, Element);
  Dims Shape;
  if (!I.has(1)) {
    // A size that only the run knows is taken for more than 1: the rank must be
    // known now, and a model that squeezes such a size by chance is not well
    // defined anyway.
    for (const SymExpr &Size : *Input)
      if (!Size.isConstant(1))
        Shape.push_back(Size);
    return I.set(0, Element, Shape);
  }
  auto Axes = I.constants(1);
  if (!Axes) {
    const Dims *Count = I.dims(1);
    auto N =
        Count && Count->size() == 1 ? (*Count)[0].getConstant() : std::nullopt;
    if (N && *N <= int64_t(Input->size()))
      return I.set(0, Element, I.unknowns(Input->size() - *N));
    return I.setUnranked(0, Element);
  }
  auto Mask = axisMask(I, *Axes, Input->size());
  if (!Mask)
    return failure();
  for (auto [Size, Gone] : llvm::zip(*Input, *Mask)) {
    if (Gone && Size.getConstant().value_or(1) != 1)
      return I.error() << "a dimension of size " << *Size.getConstant()
                       << " cannot be squeezed; the shape is "
                       << toString(*Input);
    if (!Gone)
      Shape.push_back(Size);
  }
  return I.set(0, Element, Shape);
}

static LogicalResult inferUnsqueeze(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Element = I.elementType(0);
  if (!Input)
    return I.setUnranked(0, Element);
  auto Axes = I.constants(1);
  if (!Axes) {
    const Dims *Count = I.dims(1);
    auto N =
        Count && Count->size() == 1 ? (*Count)[0].getConstant() : std::nullopt;
    return N && *N <= 64 ? I.set(0, Element, I.unknowns(Input->size() + *N))
                         : I.setUnranked(0, Element);
  }
  auto Mask = axisMask(I, *Axes, Input->size() + Axes->size());
  if (!Mask)
    return failure();
  Dims Shape;
  auto Next = Input->begin();
  for (bool New : *Mask)
    Shape.push_back(New ? SymExpr(1) : *Next++);
  return I.set(0, Element, Shape);
}

static LogicalResult inferTranspose(Inference &I) {
  const Dims *Input = I.dims(0);
  if (!Input)
    return I.setUnranked(0, I.elementType(0));
  Dims Shape;
  if (auto Perm = I.findInts("perm")) {
    if (Perm->size() != Input->size())
      return I.error() << "perm has " << Perm->size()
                       << " values for a tensor with " << Input->size()
                       << " dimensions";
    SmallVector<bool> Seen(Perm->size(), false);
    for (int64_t P : *Perm) {
      if (P < 0 || P >= int64_t(Seen.size()) || Seen[P])
        return I.error() << "perm is no permutation of the dimensions";
      Seen[P] = true;
      Shape.push_back((*Input)[P]);
    }
  } else {
    Shape.assign(Input->rbegin(), Input->rend());
  }
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferExpand(Inference &I) {
  const Dims *Input = I.dims(0);
  auto Target = sizesOf(I, 1);
  if (!Input || !Target)
    return I.setUnranked(0, I.elementType(0));
  Dims Shape = *Input;
  if (failed(I.broadcast(Shape, *Target)))
    return failure();
  return I.set(0, I.elementType(0), Shape);
}

static LogicalResult inferTile(Inference &I) {
  const Dims *Input = I.dims(0);
  auto Repeats = sizesOf(I, 1);
  if (!Input)
    return I.setUnranked(0, I.elementType(0));
  if (!Repeats)
    return I.set(0, I.elementType(0), I.unknowns(Input->size()));
  if (Repeats->size() != Input->size())
    return I.error() << Repeats->size() << " repeats for a tensor with "
                     << Input->size() << " dimensions";
  Dims Shape;
  for (auto [Size, Times] : llvm::zip(*Input, *Repeats))
    Shape.push_back(I.mul(Size, Times));
  return I.set(0, I.elementType(0), Shape);
}

/// Result 0: the operands one after the other along \p Axis.
static LogicalResult concat(Inference &I, ValueRange Operands, Type Element) {
  std::optional<Dims> Shape;
  int64_t Axis = 0;
  for (Value V : Operands) {
    const Dims *Next = I.dims(V);
    if (!Next)
      return I.setUnranked(0, Element);
    if (!Shape) {
      Shape = *Next;
      auto A = I.axis(I.getInt("axis"), Next->size());
      if (!A)
        return failure();
      Axis = *A;
      continue;
    }
    if (Next->size() != Shape->size())
      return I.error() << "the shapes " << toString(*Shape) << " and "
                       << toString(*Next)
                       << " differ in their number of dimensions";
    for (int64_t D = 0; D < int64_t(Shape->size()); ++D) {
      if (D == Axis)
        (*Shape)[D] = I.add((*Shape)[D], (*Next)[D]);
      else if (failed(I.unify((*Shape)[D], (*Next)[D], (*Shape)[D],
                              "dimension " + Twine(D))))
        return failure();
    }
  }
  return I.set(0, Element, *Shape);
}

static LogicalResult inferConcat(Inference &I) {
  return concat(I, I.operandsFrom(0), I.elementType(0));
}

/// Scale, zero point, then triples of tensor, scale and zero point.
static LogicalResult inferQLinearConcat(Inference &I) {
  SmallVector<Value> Tensors;
  for (auto [Index, V] : llvm::enumerate(I.operandsFrom(2)))
    if (Index % 3 == 0)
      Tensors.push_back(V);
  return concat(I, Tensors, I.elementType(1));
}

static LogicalResult inferSplit(Inference &I) {
  unsigned Count = I.getOp()->getNumResults();
  const Dims *Input = I.dims(0);
  Type Element = I.elementType(0);
  if (!Input) {
    for (unsigned R = 0; R < Count; ++R)
      if (failed(I.setUnranked(R, Element)))
        return failure();
    return success();
  }
  auto Axis = I.axis(I.getInt("axis"), Input->size());
  if (!Axis)
    return failure();
  const SymExpr &Size = (*Input)[*Axis];
  SmallVector<SymExpr> Parts;
  if (I.has(1)) {
    auto Given = sizesOf(I, 1);
    if (Given && Given->size() != Count)
      return I.error() << "split has " << Given->size() << " values for "
                       << Count << " outputs";
    SymExpr Sum = 0;
    for (unsigned R = 0; R < Count; ++R) {
      Parts.push_back(Given ? (*Given)[R] : I.unknown());
      Sum = I.add(Sum, Parts.back());
    }
    if (Sum.getConstant() && Size.getConstant() && Sum != Size)
      return I.error() << "the parts of the split add up to "
                       << *Sum.getConstant() << " but the axis has "
                       << *Size.getConstant();
  } else {
    if (auto Number = I.findInt("num_outputs"); Number && *Number != Count)
      return I.error() << "num_outputs = " << *Number << " but there are "
                       << Count << " outputs";
    // Equal parts, the last one smaller if need be.
    SymExpr Part = I.ceilDiv(Size, Count);
    Parts.assign(Count - 1, Part);
    Parts.push_back(I.sub(Size, I.mul(Part, Count - 1)));
  }
  for (unsigned R = 0; R < Count; ++R) {
    Dims Shape = *Input;
    Shape[*Axis] = Parts[R];
    if (failed(I.set(R, Element, Shape)))
      return failure();
  }
  return success();
}

/// An image, and blocks whose number of elements can be counted.
static LogicalResult checkBlocks(Inference &I, int64_t Block) {
  if (failed(I.checkRank(0, 4)))
    return failure();
  if (Block < 1 || Block > INT16_MAX)
    return I.error() << "blocksize = " << Block << " is out of range";
  return success();
}

static LogicalResult inferDepthToSpace(Inference &I) {
  const Dims *X = I.dims(0);
  int64_t Block = I.getInt("blocksize");
  if (failed(checkBlocks(I, Block)))
    return failure();
  if (!X)
    return I.set(0, I.elementType(0), I.unknowns(4));
  if (auto C = (*X)[1].getConstant(); C && *C % (Block * Block) != 0)
    return I.error() << "the " << *C << " channels are no multiple of "
                     << Block * Block;
  return I.set(0, I.elementType(0),
               {(*X)[0], I.floorDiv((*X)[1], Block * Block),
                I.mul((*X)[2], Block), I.mul((*X)[3], Block)});
}

static LogicalResult inferSpaceToDepth(Inference &I) {
  const Dims *X = I.dims(0);
  int64_t Block = I.getInt("blocksize");
  if (failed(checkBlocks(I, Block)))
    return failure();
  if (!X)
    return I.set(0, I.elementType(0), I.unknowns(4));
  for (unsigned D : {2, 3})
    if (auto Size = (*X)[D].getConstant(); Size && *Size % Block != 0)
      return I.error() << "the size " << *Size << " is no multiple of "
                       << Block;
  return I.set(0, I.elementType(0),
               {(*X)[0], I.mul((*X)[1], Block * Block),
                I.floorDiv((*X)[2], Block), I.floorDiv((*X)[3], Block)});
}

static LogicalResult inferShape(Inference &I) {
  const Dims *Input = I.dims(0);
  Type Element = I.builder().getI64Type();
  if (!Input)
    return I.set(0, Element, I.unknowns(1));
  int64_t Rank = Input->size();
  auto Bound = [&](int64_t V) {
    return std::clamp<int64_t>(V < 0 ? V + Rank : V, 0, Rank);
  };
  int64_t Start = Bound(I.getInt("start")),
          End = Bound(I.findInt("end").value_or(Rank));
  return I.set(0, Element, {SymExpr(std::max<int64_t>(End - Start, 0))});
}

static LogicalResult inferScalarIndex(Inference &I) {
  return I.set(0, I.builder().getI64Type(), {});
}

ArrayRef<InferRow> lathe::onnx::getReshapeRows() {
  static constexpr InferRow Rows[] = {
      {"Concat", inferConcat},       {"DepthToSpace", inferDepthToSpace},
      {"Expand", inferExpand},       {"Flatten", inferFlatten},
      {"Reshape", inferReshape},     {"Shape", inferShape},
      {"Size", inferScalarIndex},    {"SpaceToDepth", inferSpaceToDepth},
      {"Split", inferSplit},         {"Squeeze", inferSqueeze},
      {"Tile", inferTile},           {"Transpose", inferTranspose},
      {"Unsqueeze", inferUnsqueeze}, {"ms.QLinearConcat", inferQLinearConcat},
  };
  return Rows;
}
