//===- PackingTest.cpp ----------------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Support/Packing.h"
#include "gtest/gtest.h"
#include <numeric>
#include <vector>

using namespace lathe;

/// The definition, element by element.
template <typename T>
static std::vector<T> reference(const std::vector<T> &From,
                                llvm::ArrayRef<int64_t> Shape,
                                const Packing &P) {
  llvm::SmallVector<int64_t> Packed = P.packedShape(Shape);
  int64_t Count = std::accumulate(Packed.begin(), Packed.end(), int64_t(1),
                                  std::multiplies<>());
  std::vector<T> Result(Count, T(0));
  for (int64_t Flat = 0; Flat < Count; ++Flat) {
    std::vector<int64_t> Index(Packed.size());
    for (int64_t Rest = Flat, I = Packed.size() - 1; I >= 0;
         Rest /= Packed[I], --I)
      Index[I] = Rest % Packed[I];
    std::vector<int64_t> Source(Shape.size());
    for (size_t I = 0; I < P.Outer.size(); ++I) {
      int64_t D = P.Outer[I];
      Source[D] = Index[I];
      for (size_t J = 0; J < P.Blocks.size(); ++J)
        if (P.Blocks[J] == D)
          Source[D] = Index[I] * P.Tiles[J] + Index[P.Outer.size() + J];
    }
    int64_t Offset = 0;
    bool Inside = true;
    for (size_t D = 0; D < Shape.size(); ++D) {
      Inside &= Source[D] < Shape[D];
      Offset = Offset * Shape[D] + Source[D];
    }
    if (Inside)
      Result[Flat] = From[Offset];
  }
  return Result;
}

template <typename T>
static void check(llvm::ArrayRef<int64_t> Shape, llvm::ArrayRef<int64_t> Outer,
                  llvm::ArrayRef<int64_t> Blocks,
                  llvm::ArrayRef<int64_t> Tiles) {
  int64_t Count = std::accumulate(Shape.begin(), Shape.end(), int64_t(1),
                                  std::multiplies<>());
  std::vector<T> From(Count);
  std::iota(From.begin(), From.end(), T(1));
  Packing P{Outer, Blocks, Tiles};
  std::vector<T> Expected = reference(From, Shape, P);
  std::vector<T> Got(Expected.size(), T(99));
  // In two pieces, as emission does.
  int64_t Rows = P.packedShape(Shape)[0], Half = Rows / 2;
  int64_t RowSize = Expected.size() / Rows;
  auto *Bytes = reinterpret_cast<const char *>(From.data());
  packRows(Bytes, Shape, sizeof(T), P, 0, Half,
           reinterpret_cast<char *>(Got.data()));
  packRows(Bytes, Shape, sizeof(T), P, Half, Rows,
           reinterpret_cast<char *>(Got.data() + Half * RowSize));
  EXPECT_EQ(Expected, Got);
}

TEST(Packing, Transposes) {
  check<float>({3, 5}, {1, 0}, {}, {});
  check<double>({2, 3, 4}, {2, 0, 1}, {}, {});
  check<uint8_t>({7}, {0}, {}, {});
}

TEST(Packing, PanelsWithPadding) {
  check<float>({5, 10}, {1, 0}, {1}, {4});
  check<uint16_t>({8, 8}, {0, 1}, {0, 1}, {3, 8});
  check<float>({6, 5, 3, 3}, {0, 2, 3, 1}, {0}, {4});
}

TEST(Packing, BlockedReduction) {
  // [N/NR][K/4][NR][4], as integer dot products want it.
  check<uint8_t>({10, 6}, {1, 0}, {1, 0}, {4, 4});
  check<uint8_t>({10, 6}, {1, 0}, {0, 1}, {4, 4});
}
