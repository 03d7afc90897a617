//===- TextOps.cpp - Counting n-grams -------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// TfIdfVectorizer over integers. The n-grams of each length are a sorted table
// that each place of the input is looked up in by halves: the cost does not
// grow with the size of a vocabulary.
//
//===----------------------------------------------------------------------===//

#include "IndexHelpers.h"
#include "Node.h"
#include "lathe/Lower/MovementPatterns.h"

using namespace mlir;

namespace lathe::lower {

namespace {
/// The n-grams of one length in lexicographic order, and where each counts.
struct Grams {
  int64_t Length;
  std::vector<std::vector<int64_t>> Items;
  std::vector<int64_t> Columns;
};
} // namespace

/// The pool cut into n-grams, those of the lengths that count; nothing with a
/// reason if the attributes do not fit together.
static std::optional<std::vector<Grams>>
readGrams(Node &N, ArrayRef<int64_t> Pool, std::string &Why) {
  SmallVector<int64_t> Starts = N.ints("ngram_counts"),
                       Columns = N.ints("ngram_indexes");
  int64_t Min = N.i64("min_gram_length", 1), Max = N.i64("max_gram_length", 1);
  std::vector<Grams> Result;
  size_t Next = 0;
  for (auto [I, Start] : llvm::enumerate(Starts)) {
    int64_t Length = I + 1, End = Length < int64_t(Starts.size())
                                      ? Starts[Length]
                                      : int64_t(Pool.size());
    if (Start < 0 || End < Start || End > int64_t(Pool.size()) ||
        (End - Start) % Length) {
      Why = "'ngram_counts' does not divide the pool into n-grams";
      return std::nullopt;
    }
    std::vector<std::pair<std::vector<int64_t>, int64_t>> Sorted;
    for (int64_t At = Start; At < End; At += Length, ++Next) {
      if (Next >= Columns.size() || Columns[Next] < 0) {
        Why = "'ngram_indexes' must hold a column for each n-gram";
        return std::nullopt;
      }
      Sorted.emplace_back(
          std::vector<int64_t>(Pool.begin() + At, Pool.begin() + At + Length),
          Columns[Next]);
    }
    if (Length < Min || Length > Max || Sorted.empty())
      continue;
    llvm::sort(Sorted);
    Grams G{Length, {}, {}};
    for (auto &[Gram, Column] : Sorted) {
      G.Items.push_back(Gram);
      G.Columns.push_back(Column);
    }
    Result.push_back(std::move(G));
  }
  return Result;
}

static Value intTable(TensorBuilder &B, ArrayRef<int64_t> V) {
  auto T = RankedTensorType::get({int64_t(V.size())}, B.getI64Type());
  return arith::ConstantOp::create(B, DenseElementsAttr::get(T, V));
}

/// Adds 1 to the column of the n-gram \p Items (i64), if the table has it.
static Values countGram(TensorBuilder &B, const Grams &G,
                        ArrayRef<Scalar> Items, ArrayRef<Scalar> Row,
                        ValueRange Outs) {
  std::vector<int64_t> Flat;
  for (const std::vector<int64_t> &Gram : G.Items)
    llvm::append_range(Flat, Gram);
  Value Table = intTable(B, Flat), Columns = intTable(B, G.Columns);
  Scalar Length = B.index(G.Length), Count = B.index(G.Columns.size());
  auto Item = [&](Scalar Gram, int64_t K) {
    return B.load(Table, {Gram * Length + K});
  };
  // The first n-gram that is not less.
  Values Range = B.loopWhile(
      {B.index(0), Count},
      [&](ValueRange S) { return B.wrap(S[0]) < B.wrap(S[1]); },
      [&](ValueRange S) -> Values {
        Scalar Low = B.wrap(S[0]), High = B.wrap(S[1]);
        Scalar Middle = (Low + High) / B.index(2);
        Scalar Less = B.constant(B.getI1Type(), 0);
        for (int64_t K = G.Length - 1; K >= 0; --K) {
          Scalar Have = Item(Middle, K);
          Less = (Have < Items[K]) | ((Have == Items[K]) & Less);
        }
        return {select(Less, Middle + 1, Low), select(Less, High, Middle)};
      });
  Scalar At = smin(B.wrap(Range[0]), Count - 1);
  Scalar Same = B.constant(B.getI1Type(), 1);
  for (int64_t K = 0; K < G.Length; ++K)
    Same = Same & (Item(At, K) == Items[K]);
  return B.when(Same, Outs, [&]() -> Values {
    Scalars To(Row);
    To.push_back(B.load(Columns, {At}).toIndex());
    return {B.store(B.load(Outs[0], To) + 1.0, Outs[0], To)};
  });
}

static LogicalResult lowerTfIdf(Node &N) {
  TensorBuilder B(N);
  if (!N.strs("pool_strings").empty())
    return N.fail("n-grams of strings are not supported yet");
  std::string Why;
  auto Pools = readGrams(N, N.ints("pool_int64s"), Why);
  if (!Pools)
    return N.fail(Why);
  Value Data = N.in(0);
  RankedTensorType T = N.outType();
  int64_t Rank = N.inRank(0);
  if (Rank < 1 || Rank > 2)
    return N.fail("only vectors and matrices are supported");
  int64_t Columns = T.getShape().back();
  if (ShapedType::isDynamic(Columns))
    return N.fail("the number of columns is not known");
  for (const Grams &G : *Pools)
    if (llvm::any_of(G.Columns, [&](int64_t C) { return C >= Columns; }))
      return N.fail("'ngram_indexes' goes beyond the columns of the output");
  int64_t Skips = N.i64("max_skip_count", 0);
  Scalar Items = B.dim(Data, Rank - 1);
  Scalars Extents;
  Sizes To;
  if (Rank == 2) {
    Extents.push_back(B.dim(Data, 0));
    To.push_back(B.size(Data, 0));
  }
  Extents.push_back(Items);
  To.push_back(B.attr(Columns));
  Value Zero = B.fill(T, To, B.constant(T.getElementType(), 0.0));
  Values Counts = B.loopKernel([&] {
    return B.nest(Extents, Zero,
                  [&](ArrayRef<Scalar> I, ValueRange Outs) -> Values {
                    Values Now(Outs);
                    for (int64_t Skip = 0; Skip <= Skips; ++Skip)
                      for (const Grams &G : *Pools) {
                        // Words alone know no distance: they count once.
                        if (Skip && G.Length == 1)
                          continue;
                        Scalar Last = I.back() + (G.Length - 1) * (Skip + 1);
                        Now = B.when(Last < Items, Now, [&]() -> Values {
                          Scalars Gram, At(I);
                          for (int64_t K = 0; K < G.Length; ++K) {
                            At.back() = I.back() + K * (Skip + 1);
                            Gram.push_back(B.load(Data, At).to(B.getI64Type()));
                          }
                          return countGram(B, G, Gram, I.drop_back(), Now);
                        });
                      }
                    return Now;
                  });
  });

  StringRef Mode = N.str("mode");
  SmallVector<double> Weights = N.floats("weights");
  if (Mode == "TF" || (Mode == "TFIDF" && Weights.empty()))
    return N.replace(Counts);
  if (Weights.empty())
    Weights.assign(Columns, 1.0);
  if (int64_t(Weights.size()) != Columns)
    return N.fail("'weights' must hold one number for each column");
  SmallVector<Attribute> Numbers;
  for (double W : Weights)
    Numbers.push_back(B.getFloatAttr(T.getElementType(), W));
  Value Table = arith::ConstantOp::create(
      B, DenseElementsAttr::get(
             RankedTensorType::get({Columns}, T.getElementType()), Numbers));
  AffineMap Column = AffineMap::get(
      T.getRank(), 0, {B.getAffineDimExpr(T.getRank() - 1)}, B.getContext());
  return N.replace(B.map(T, To, {Counts[0], Table},
                         {B.getMultiDimIdentityMap(T.getRank()), Column},
                         [&](Indices &, ArrayRef<Scalar> In) {
                           return Mode == "IDF" ? select(In[0] > 0.0, In[1],
                                                         In[0].same(0.0))
                                                : In[0] * In[1];
                         }));
}

void populateTextLoweringPatterns(const StorageTypeConverter &Types,
                                  RewritePatternSet &Patterns) {
  static constexpr Lowering Table[] = {{"onnx.TfIdfVectorizer", lowerTfIdf}};
  addLowerings(Table, Types, Patterns);
}

} // namespace lathe::lower
