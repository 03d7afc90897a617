//===- KernelDialect.cpp - The dialect and its attributes -----------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Kernel/Kernel.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lathe::kernel;

#include "lathe/Kernel/KernelDialect.cpp.inc"

static FailureOr<lathe::DotKind> parseDotKind(AsmParser &Parser) {
  StringRef Name;
  SMLoc At = Parser.getCurrentLocation();
  if (failed(Parser.parseKeyword(&Name)))
    return failure();
  if (std::optional<lathe::DotKind> Kind = lathe::findDotKind(Name))
    return *Kind;
  return Parser.emitError(At, "no form of products of bytes is called '")
         << Name << "'";
}

/// `, limit = 4, blocks = [...]`: either may be left out.
static ParseResult parseLimitAndBlocks(AsmParser &Parser, int64_t &Limit,
                                       SmallVector<BlocksAttr> &Blocks) {
  Limit = 0;
  if (failed(Parser.parseOptionalComma()))
    return success();
  if (succeeded(Parser.parseOptionalKeyword("limit"))) {
    if (Parser.parseEqual() || Parser.parseInteger(Limit))
      return failure();
    if (failed(Parser.parseOptionalComma()))
      return success();
  }
  return failure(
      Parser.parseKeyword("blocks") || Parser.parseEqual() ||
      Parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
        FailureOr<BlocksAttr> B = FieldParser<BlocksAttr>::parse(Parser);
        if (succeeded(B))
          Blocks.push_back(*B);
        return ParseResult(B);
      }));
}

static void printLimitAndBlocks(AsmPrinter &Printer, int64_t Limit,
                                ArrayRef<BlocksAttr> Blocks) {
  if (Limit)
    Printer << ", limit = " << Limit;
  if (Blocks.empty())
    return;
  Printer << ", blocks = [";
  Printer.printStrippedAttrOrType(Blocks);
  Printer << ']';
}

#define GET_ATTRDEF_CLASSES
#include "lathe/Kernel/KernelAttrs.cpp.inc"

void KernelDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "lathe/Kernel/KernelAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "lathe/Kernel/KernelOps.cpp.inc"
      >();
}

LogicalResult PackingAttr::verify(function_ref<InFlightDiagnostic()> Error,
                                  ArrayRef<int64_t> Outer,
                                  ArrayRef<int64_t> Blocks,
                                  ArrayRef<int64_t> Tiles) {
  int64_t Rank = Outer.size();
  llvm::BitVector Seen(Rank), Blocked(Rank);
  for (int64_t D : Outer) {
    if (D < 0 || D >= Rank || Seen.test(D))
      return Error() << "'outer' must be a permutation";
    Seen.set(D);
  }
  if (Blocks.size() != Tiles.size())
    return Error() << "needs one tile size per blocked dimension";
  for (auto [D, T] : llvm::zip_equal(Blocks, Tiles)) {
    if (D < 0 || D >= Rank || Blocked.test(D))
      return Error() << "blocks an absent dimension, or one twice: " << D;
    Blocked.set(D);
    if (T < 1)
      return Error() << "tile sizes must be positive";
  }
  return success();
}

SmallVector<int64_t> PackingAttr::packedShape(ArrayRef<int64_t> Source) const {
  SmallVector<int64_t> Outer(Source);
  for (auto [D, T] : llvm::zip_equal(getBlocks(), getTiles()))
    Outer[D] = llvm::divideCeil(Source[D], T);
  SmallVector<int64_t> Result;
  for (int64_t D : getOuter())
    Result.push_back(Outer[D]);
  llvm::append_range(Result, getTiles());
  return Result;
}

PackingAttr PackingAttr::after(PackingAttr First) const {
  assert(First.getBlocks().empty() && "only a transposition can come first");
  ArrayRef<int64_t> P = First.getOuter();
  SmallVector<int64_t> Outer, Blocks;
  for (int64_t D : getOuter())
    Outer.push_back(P[D]);
  for (int64_t D : getBlocks())
    Blocks.push_back(P[D]);
  return PackingAttr::get(getContext(), Outer, Blocks, getTiles());
}
