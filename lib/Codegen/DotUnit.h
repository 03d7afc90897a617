//===- DotUnit.h - What multiplies bytes on a target ------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The instructions behind a DotForm. The nest emitter (NestDot.cpp) decides
// what is loaded when; a unit says how bytes become operands, and how sums lie
// in registers. A cell is what one instruction works on: Form.Rows points of
// one vector of columns, of which the last may be missing.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_LIB_CODEGEN_DOTUNIT_H
#define LATHE_LIB_CODEGEN_DOTUNIT_H

#include "lathe/Support/TargetDescription.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include <memory>

namespace lathe::codegen {

class DotUnit {
public:
  /// How the body reads the bytes of rows.
  struct RowBytes {
    bool Signed = false;
    /// Their sign bit is flipped before they are extended.
    bool Flipped = false;
    /// Of columns, where the form takes both signs.
    bool UnsignedColumns = false;
  };
  static std::unique_ptr<DotUnit> create(DotKind Kind, RowBytes Rows,
                                         const TargetDescription &Target,
                                         mlir::OpBuilder &B,
                                         mlir::Location Loc);
  virtual ~DotUnit() = default;

  const DotForm &Form;
  /// Bytes of a row that one load takes at most and at least, multiples of
  /// Form.Terms.
  const int64_t RowTerms, LeastTerms;

  /// Registers with the sums of a cell of \p Width columns; 0: no instruction
  /// has this width.
  virtual unsigned sums(unsigned Width) const = 0;
  /// The sums of a cell from the vectors of its points, and back.
  virtual llvm::SmallVector<mlir::Value> enter(mlir::ValueRange Points,
                                               unsigned Width) {
    return llvm::to_vector(Points);
  }
  virtual llvm::SmallVector<mlir::Value>
  leave(mlir::ValueRange Sums, unsigned Points, unsigned Width) {
    return llvm::to_vector(Sums);
  }
  /// The loaded bytes of a cell's rows, ready for `group`.
  virtual mlir::Value rows(mlir::ValueRange Bytes) = 0;
  /// The operand that holds group number \p Group of \p Rows.
  virtual mlir::Value group(mlir::Value Rows, int64_t Group,
                            unsigned Width) = 0;
  /// The operands of the loaded bytes of \p Width columns, one for each sum.
  virtual llvm::SmallVector<mlir::Value> columns(mlir::Value Bytes,
                                                 unsigned Width) {
    return {Bytes};
  }
  /// The operand whose terms of a column are bytes of several vectors, at most
  /// Form.Terms; those that are missing may hold anything. Null: there is none.
  virtual mlir::Value interleaved(mlir::ValueRange Bytes, unsigned Width) {
    return nullptr;
  }
  /// What is in each byte of `interleaved` beyond the row's number, or null.
  virtual mlir::Value excess(unsigned Width) { return nullptr; }
  virtual mlir::Value multiply(mlir::Value Sum, mlir::Value Row,
                               mlir::Value Column) = 0;

protected:
  DotUnit(DotKind Kind, int64_t RowTerms, RowBytes Rows, mlir::OpBuilder &B,
          mlir::Location Loc)
      : Form(dotForm(Kind)), RowTerms(RowTerms),
        LeastTerms(
            std::min<int64_t>(std::max<int64_t>(Form.Terms, 4), RowTerms)),
        Bytes(Rows), B(B), Loc(Loc) {}

  const RowBytes Bytes;
  mlir::OpBuilder &B;
  mlir::Location Loc;

  mlir::VectorType vector(int64_t Lanes, unsigned Bits) {
    return mlir::VectorType::get({Lanes}, B.getIntegerType(Bits));
  }
  mlir::Value bitcast(mlir::VectorType Type, mlir::Value V);
  mlir::Value shuffle(mlir::Value X, mlir::Value Y,
                      llvm::ArrayRef<int64_t> Lanes);
  /// Lanes [\p From, \p From + \p Count).
  mlir::Value slice(mlir::Value X, int64_t From, int64_t Count);
  mlir::Value call(llvm::StringRef Intrinsic, mlir::Type Result,
                   mlir::ValueRange Operands);
  /// \p V with the sign bits of its bytes flipped, if \p Flip.
  mlir::Value flipped(mlir::Value V, bool Flip);
};

/// How the body of \p Op reads the bytes of rows and of columns, its input \p
/// Columns.
DotUnit::RowBytes rowBytes(mlir::linalg::GenericOp Op, unsigned Columns);

} // namespace lathe::codegen

#endif // LATHE_LIB_CODEGEN_DOTUNIT_H
