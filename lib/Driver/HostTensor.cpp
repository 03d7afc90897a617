//===- HostTensor.cpp - Elements, comparison, random values ---------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/HostTensor.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstring>

using namespace lathe::run;

namespace {
struct TypeRow {
  int32_t Type;
  unsigned Bits;
  char Kind; // f: a float of LLVM's Semantics, i, u, b, c, s
  const char *Name;
  const llvm::fltSemantics &(*Semantics)();
};
} // namespace

static const llvm::fltSemantics &none() { return llvm::APFloat::IEEEdouble(); }

static const TypeRow Types[] = {
    {LATHE_FLOAT, 32, 'f', "float", llvm::APFloat::IEEEsingle},
    {LATHE_UINT8, 8, 'u', "uint8", none},
    {LATHE_INT8, 8, 'i', "int8", none},
    {LATHE_UINT16, 16, 'u', "uint16", none},
    {LATHE_INT16, 16, 'i', "int16", none},
    {LATHE_INT32, 32, 'i', "int32", none},
    {LATHE_INT64, 64, 'i', "int64", none},
    {LATHE_STRING, 0, 's', "string", none},
    {LATHE_BOOL, 8, 'b', "bool", none},
    {LATHE_FLOAT16, 16, 'f', "float16", llvm::APFloat::IEEEhalf},
    {LATHE_DOUBLE, 64, 'f', "double", llvm::APFloat::IEEEdouble},
    {LATHE_UINT32, 32, 'u', "uint32", none},
    {LATHE_UINT64, 64, 'u', "uint64", none},
    {LATHE_COMPLEX64, 64, 'c', "complex64", llvm::APFloat::IEEEsingle},
    {LATHE_COMPLEX128, 128, 'c', "complex128", llvm::APFloat::IEEEdouble},
    {LATHE_BFLOAT16, 16, 'f', "bfloat16", llvm::APFloat::BFloat},
    {LATHE_FLOAT8E4M3FN, 8, 'f', "float8e4m3fn", llvm::APFloat::Float8E4M3FN},
    {LATHE_FLOAT8E4M3FNUZ, 8, 'f', "float8e4m3fnuz",
     llvm::APFloat::Float8E4M3FNUZ},
    {LATHE_FLOAT8E5M2, 8, 'f', "float8e5m2", llvm::APFloat::Float8E5M2},
    {LATHE_FLOAT8E5M2FNUZ, 8, 'f', "float8e5m2fnuz",
     llvm::APFloat::Float8E5M2FNUZ},
    {LATHE_UINT4, 4, 'u', "uint4", none},
    {LATHE_INT4, 4, 'i', "int4", none},
    {LATHE_FLOAT4E2M1, 4, 'f', "float4e2m1", llvm::APFloat::Float4E2M1FN},
    {LATHE_FLOAT8E8M0, 8, 'f', "float8e8m0", llvm::APFloat::Float8E8M0FNU},
    {LATHE_UINT2, 2, 'u', "uint2", none},
    {LATHE_INT2, 2, 'i', "int2", none},
};

static const TypeRow *rowOf(int32_t Type) {
  for (const TypeRow &Row : Types)
    if (Row.Type == Type)
      return &Row;
  return nullptr;
}

std::string lathe::run::typeName(int32_t Type) {
  const TypeRow *Row = rowOf(Type);
  return Row ? Row->Name : "type " + std::to_string(Type);
}

unsigned lathe::run::numbersPerElement(int32_t Type) {
  const TypeRow *Row = rowOf(Type);
  return Row && Row->Kind == 'c' ? 2 : 1;
}

std::string lathe::run::shapeText(llvm::ArrayRef<int64_t> Shape) {
  std::string Text = "[";
  for (int64_t D : Shape)
    Text += (Text.size() > 1 ? ", " : "") + std::to_string(D);
  return Text + "]";
}

int64_t HostTensor::elements() const {
  int64_t Count = 1;
  for (int64_t D : Shape)
    Count *= D;
  return Count;
}

/// The \p Bits-wide pattern number \p Index of \p Data, packed low bits first.
static uint64_t patternAt(const std::vector<char> &Data, unsigned Bits,
                          int64_t Index) {
  uint64_t Pattern = 0;
  if (Bits >= 8) {
    std::memcpy(&Pattern, Data.data() + Index * (Bits / 8), Bits / 8);
    return Pattern;
  }
  uint8_t Byte = Data[Index * Bits / 8];
  return (Byte >> (Index * Bits % 8)) & ((1u << Bits) - 1);
}

long double lathe::run::numberAt(const HostTensor &T, int64_t Index) {
  const TypeRow &Row = *rowOf(T.Type);
  unsigned Bits = Row.Kind == 'c' ? Row.Bits / 2 : Row.Bits;
  uint64_t Pattern = patternAt(T.Data, Bits, Index);
  switch (Row.Kind) {
  case 'i':
    return int64_t(Pattern << (64 - Bits)) >> (64 - Bits);
  case 'u':
    return Pattern;
  case 'b':
    return Pattern != 0;
  default:
    break;
  }
  if (&Row.Semantics() == &llvm::APFloat::IEEEsingle())
    return llvm::bit_cast<float>(uint32_t(Pattern));
  if (&Row.Semantics() == &llvm::APFloat::IEEEdouble())
    return llvm::bit_cast<double>(Pattern);
  llvm::APFloat F(Row.Semantics(), llvm::APInt(Bits, Pattern));
  return F.convertToDouble();
}

/// The number of element \p Index as its place: "[0, 12]".
static std::string placeOf(int64_t Index, llvm::ArrayRef<int64_t> Shape) {
  std::vector<int64_t> Place(Shape.size());
  for (size_t I = Shape.size(); I-- > 0; Index /= Shape[I])
    Place[I] = Index % Shape[I];
  return shapeText(Place);
}

std::string lathe::run::compare(const HostTensor &Got,
                                const HostTensor &Expected, double RTol,
                                double ATol) {
  if (Got.Type != Expected.Type)
    return "type " + typeName(Got.Type) + ", expected " +
           typeName(Expected.Type);
  if (Got.Shape != Expected.Shape)
    return "shape " + shapeText(Got.Shape) + ", expected " +
           shapeText(Expected.Shape);
  unsigned Per = numbersPerElement(Got.Type);
  int64_t Count = Got.elements() * Per, Wrong = 0, Worst = -1;
  long double WorstBy = -1;
  for (int64_t I = 0; I < Count; ++I) {
    long double G = numberAt(Got, I), E = numberAt(Expected, I);
    if (G == E || (std::isnan(G) && std::isnan(E)))
      continue;
    long double Limit = (long double)ATol + (long double)RTol * std::fabs(E);
    long double By = std::fabs(G - E);
    if (By <= Limit && std::isfinite(E) && std::isfinite(G))
      continue;
    ++Wrong;
    // NaN, or a wrong infinity, is worse than any number.
    long double Badness = std::isfinite(By) ? By - Limit : HUGE_VALL;
    if (Badness > WorstBy) {
      WorstBy = Badness;
      Worst = I;
    }
  }
  if (!Wrong)
    return {};
  std::string Text;
  llvm::raw_string_ostream OS(Text);
  double G = numberAt(Got, Worst), E = numberAt(Expected, Worst);
  OS << Wrong << " of " << Count << " elements differ; the worst is "
     << placeOf(Worst / Per, Got.Shape) << ": " << llvm::format("%.9g", G)
     << ", expected " << llvm::format("%.9g", E) << " (off by "
     << llvm::format("%.3g", std::fabs(G - E)) << ", allowed "
     << llvm::format("%.3g", ATol + RTol * std::fabs(E)) << ")";
  return Text;
}

/// SplitMix64: the same numbers on every machine.
static uint64_t next(uint64_t &State) {
  uint64_t Z = (State += 0x9e3779b97f4a7c15);
  Z = (Z ^ (Z >> 30)) * 0xbf58476d1ce4e5b9;
  Z = (Z ^ (Z >> 27)) * 0x94d049bb133111eb;
  return Z ^ (Z >> 31);
}

static double normal(uint64_t &State) {
  double U = (double(next(State) >> 11) + 1) * 0x1p-53,
         V = double(next(State) >> 11) * 0x1p-53;
  return std::sqrt(-2 * std::log(U)) * std::cos(2 * 3.14159265358979323846 * V);
}

HostTensor lathe::run::randomTensor(int32_t Type, llvm::ArrayRef<int64_t> Shape,
                                    uint64_t &State) {
  HostTensor T;
  T.Type = Type;
  T.Shape = Shape.vec();
  const TypeRow &Row = *rowOf(Type);
  unsigned Per = numbersPerElement(Type), Bits = Row.Bits / Per;
  int64_t Count = T.elements() * Per;
  T.Data.resize((uint64_t(Count) * Bits + 7) / 8);
  for (int64_t I = 0; I < Count; ++I) {
    uint64_t Pattern;
    if (Row.Kind == 'f' || Row.Kind == 'c') {
      llvm::APFloat F(normal(State));
      bool Lost;
      F.convert(Row.Semantics(), llvm::APFloat::rmNearestTiesToEven, &Lost);
      Pattern = F.bitcastToAPInt().getZExtValue();
    } else {
      Pattern = next(State) >> 63;
    }
    if (Bits >= 8)
      std::memcpy(T.Data.data() + I * (Bits / 8), &Pattern, Bits / 8);
    else
      T.Data[I * Bits / 8] |= Pattern << (I * Bits % 8);
  }
  return T;
}
