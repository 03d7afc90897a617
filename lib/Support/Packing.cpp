//===- Packing.cpp - Laying out the bytes of a constant -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/Packing.h"
#include "llvm/ADT/STLExtras.h"
#include <cassert>
#include <cstring>

using namespace lathe;

llvm::SmallVector<int64_t>
Packing::packedShape(llvm::ArrayRef<int64_t> Source) const {
  llvm::SmallVector<int64_t> Counts(Source), Result;
  for (auto [Block, Tile] : llvm::zip_equal(Blocks, Tiles))
    Counts[Block] = (Counts[Block] + Tile - 1) / Tile;
  for (int64_t D : Outer)
    Result.push_back(Counts[D]);
  llvm::append_range(Result, Tiles);
  return Result;
}

namespace {
/// Walks the packed form in its own order, keeping for each source dimension
/// the coordinate reached, so that padding shows.
struct Packer {
  struct Dim {
    int64_t Size;   // of the packed form
    int64_t Source; // dimension of the source that it counts
    int64_t Step;   // elements of it that one count moves by
  };
  llvm::SmallVector<Dim> Dims;
  llvm::SmallVector<int64_t> Shape, Strides, At;
  unsigned Bytes;

  const char *Base;

  /// \p From is an offset from Base: in padding it lies outside of the source.
  char *walk(unsigned Depth, int64_t Begin, int64_t End, int64_t From,
             char *To) {
    const Dim &D = Dims[Depth];
    int64_t Stride = Strides[D.Source] * D.Step * Bytes;
    int64_t &Here = At[D.Source], Saved = Here;
    Here += Begin * D.Step;
    From += Begin * Stride;
    if (Depth + 1 == Dims.size()) {
      // The last dimension: how many lie inside of the source, then padding.
      int64_t Inside = 0;
      bool Padding = false;
      for (auto [A, S] : llvm::zip_equal(At, Shape))
        Padding |= A >= S;
      if (!Padding)
        Inside = std::min(End - Begin,
                          (Shape[D.Source] - Here + D.Step - 1) / D.Step);
      if (Stride == int64_t(Bytes)) {
        if (Inside)
          std::memcpy(To, Base + From, Inside * Bytes);
        To += Inside * Bytes;
      } else {
        To = gather(From, Inside, Stride, To);
      }
      int64_t Rest = (End - Begin - Inside) * Bytes;
      std::memset(To, 0, Rest);
      To += Rest;
    } else {
      for (int64_t I = Begin; I < End; ++I, Here += D.Step, From += Stride)
        To = walk(Depth + 1, 0, Dims[Depth + 1].Size, From, To);
    }
    Here = Saved;
    return To;
  }

  char *gather(int64_t From, int64_t Count, int64_t Stride, char *To) const {
    // Known sizes let the copy become one move.
    auto Each = [&](auto Size) {
      for (int64_t I = 0; I < Count; ++I, From += Stride, To += Size)
        std::memcpy(To, Base + From, Size);
    };
    switch (Bytes) {
    case 1:
      Each(std::integral_constant<size_t, 1>());
      break;
    case 2:
      Each(std::integral_constant<size_t, 2>());
      break;
    case 4:
      Each(std::integral_constant<size_t, 4>());
      break;
    case 8:
      Each(std::integral_constant<size_t, 8>());
      break;
    default:
      Each(size_t(Bytes));
      break;
    }
    return To;
  }
};
} // namespace

void lathe::packRows(const char *From, llvm::ArrayRef<int64_t> Shape,
                     unsigned ElementBytes, const Packing &P, int64_t Begin,
                     int64_t End, char *To) {
  assert(P.Outer.size() == Shape.size() && !Shape.empty() &&
         "not a packing of this tensor");
  Packer W;
  W.Base = From;
  W.Bytes = ElementBytes;
  W.Shape.assign(Shape.begin(), Shape.end());
  W.At.assign(Shape.size(), 0);
  W.Strides.assign(Shape.size(), 1);
  for (size_t I = Shape.size() - 1; I > 0; --I)
    W.Strides[I - 1] = W.Strides[I] * Shape[I];
  llvm::SmallVector<int64_t> Steps(Shape.size(), 1);
  for (auto [Block, Tile] : llvm::zip_equal(P.Blocks, P.Tiles))
    Steps[Block] = Tile;
  llvm::SmallVector<int64_t> Packed = P.packedShape(Shape);
  for (auto [I, D] : llvm::enumerate(P.Outer))
    W.Dims.push_back({Packed[I], D, Steps[D]});
  for (auto [Block, Tile] : llvm::zip_equal(P.Blocks, P.Tiles))
    W.Dims.push_back({Tile, Block, 1});
  W.walk(0, Begin, End, 0, To);
}
