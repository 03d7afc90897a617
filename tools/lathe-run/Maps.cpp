//===- Maps.cpp - Sequences of maps ---------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A model gives a sequence of maps as a matrix and the keys of its columns; a
// file holds it as [[[keys], [values]], ...]. Keys have no order.
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/HostTensor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>

using namespace lathe::run;
namespace json = llvm::json;

/// The column of \p Key, or nothing.
static std::optional<uint64_t> columnOf(const lathe_map_keys &Keys,
                                        const json::Value &Key) {
  for (uint64_t C = 0; C < Keys.count; ++C)
    if (Keys.ints ? Key.getAsInteger() == Keys.ints[C]
                  : Key.getAsString() == llvm::StringRef(Keys.strings[C]))
      return C;
  return std::nullopt;
}

/// JSON itself has no NaN and no infinities: they come as strings.
static std::optional<double> numberOf(const json::Value &V) {
  if (auto Number = V.getAsNumber())
    return Number;
  double D;
  if (auto Text = V.getAsString(); Text && !Text->getAsDouble(D))
    return D;
  return std::nullopt;
}

llvm::Expected<std::string> lathe::run::compareMaps(const HostTensor &Got,
                                                    const lathe_map_keys *Keys,
                                                    llvm::StringRef Path,
                                                    double RTol, double ATol) {
  auto Buffer = llvm::MemoryBuffer::getFile(Path);
  if (!Buffer)
    return llvm::createStringError(Path + ": " + Buffer.getError().message());
  llvm::Expected<json::Value> Root = json::parse((*Buffer)->getBuffer());
  if (!Root)
    return llvm::createStringError(Path + ": " +
                                   llvm::toString(Root.takeError()));
  const json::Array *Rows = Root->getAsArray();
  auto Bad = [&] {
    return llvm::createStringError(
        Path + ": it is no list of maps, [[[keys], [values]], ...]");
  };
  if (!Rows)
    return Bad();
  if (!Keys || !Keys->count || Got.Shape.size() != 2)
    return std::string("a tensor, expected a sequence of maps");
  if (int64_t(Rows->size()) != Got.Shape[0])
    return std::to_string(Got.Shape[0]) + " maps, expected " +
           std::to_string(Rows->size());
  std::string Worst;
  double WorstBy = -1;
  for (auto [R, Row] : llvm::enumerate(*Rows)) {
    const json::Array *Pair = Row.getAsArray();
    const json::Array *Names =
        Pair && Pair->size() == 2 ? (*Pair)[0].getAsArray() : nullptr;
    const json::Array *Values = Names ? (*Pair)[1].getAsArray() : nullptr;
    if (!Values || Values->size() != Names->size())
      return Bad();
    if (Names->size() != Keys->count)
      return "map " + std::to_string(R) + " has " +
             std::to_string(Keys->count) + " keys, expected " +
             std::to_string(Names->size());
    for (auto [Name, Value] : llvm::zip_equal(*Names, *Values)) {
      std::optional<uint64_t> Column = columnOf(*Keys, Name);
      std::optional<double> Expected = numberOf(Value);
      if (!Expected)
        return Bad();
      std::string Place;
      llvm::raw_string_ostream OS(Place);
      OS << "map " << R << ", key " << Name << ": ";
      if (!Column)
        return Place + "there is no such key";
      double Is = numberAt(Got, R * Keys->count + *Column);
      if (Is == *Expected || (std::isnan(Is) && std::isnan(*Expected)))
        continue;
      double By = std::fabs(Is - *Expected),
             Limit = ATol + RTol * std::fabs(*Expected);
      if (By <= Limit && std::isfinite(Is) && std::isfinite(*Expected))
        continue;
      double Badness = std::isfinite(By) ? By - Limit : HUGE_VAL;
      if (Badness <= WorstBy)
        continue;
      WorstBy = Badness;
      OS << llvm::format("%.9g", Is) << ", expected "
         << llvm::format("%.9g", *Expected);
      Worst = Place;
    }
  }
  return Worst.empty() ? Worst : "values differ; the worst is " + Worst;
}
