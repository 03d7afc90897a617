//===- Inference.h - What shape inference knows and says -------*- C++ -*- ===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// InferenceContext holds what is known of every value: type, dimensions as
// symbolic expressions, and, of small tensors, the elements. Inference is the
// view that the function of one op gets of it: operands and attributes by the
// schema, checked ways to set the results.
//
// Invariant: what is recorded of a result never contradicts the type it has in
// the IR; a contradiction is an error that names the node.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_ONNX_INFERENCE_H
#define LATHE_ONNX_INFERENCE_H

#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/ONNX.h"
#include "lathe/ONNX/Symbolic.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SetVector.h"

namespace lathe::onnx {

using Dims = llvm::SmallVector<SymExpr, 4>;

/// One element of a small tensor: unknown, an integer (a float with an integral
/// value too) or a float.
struct Element {
  Element() = default;
  Element(SymExpr E) : Int(std::move(E)) {}
  Element(std::optional<SymExpr> E) : Int(std::move(E)) {}
  static Element number(double Value);

  std::optional<int64_t> getInt() const {
    return Int ? Int->getConstant() : std::nullopt;
  }
  /// The value if it is a number, integral or not.
  std::optional<double> getNumber() const;
  bool isUnknown() const { return !Int && !Float; }
  bool operator==(const Element &E) const {
    return Int == E.Int && Float == E.Float;
  }

  std::optional<SymExpr> Int;
  std::optional<double> Float;
};

using Data = llvm::SmallVector<Element>;

struct ValueInfo {
  /// A tensor's is unranked: its shape is in Shape.
  mlir::Type Type;
  std::optional<Dims> Shape;
  /// Row-major, all elements.
  std::optional<Data> Elements;
  /// A sequence that certainly has no element: says nothing of their shape.
  bool Empty = false;
};

/// Branches taken on faith, for an If whose condition only the run knows.
using BranchChoices = llvm::DenseMap<mlir::Operation *, bool>;

/// What the types that results have before the inference are worth.
enum class Trust {
  Full,   ///< An inference found them: what it contradicts is an error.
  Hints,  ///< The file states them: they add what cannot be inferred.
  Nothing ///< They are known to be wrong somewhere: what is inferred holds.
};

class InferenceContext {
public:
  /// Tensors of more elements carry no data.
  static constexpr int64_t MaxElements = 128;

  explicit InferenceContext(mlir::MLIRContext *Context,
                            const BranchChoices &Choices = BranchChoices(),
                            Trust Stated = Trust::Full)
      : Stated(Stated), Context(Context), Choices(Choices) {}

  /// How far the types in the IR are believed.
  const Trust Stated;

  /// The branch that \p If takes: what its condition is known to be, else what
  /// was chosen.
  std::optional<bool> getBranch(IfOp If);
  /// Only the shapes tell the branch, not the condition.
  bool isTakenOnFaith(IfOp If);
  /// Ifs whose branches yield different ranks and that have no branch chosen.
  llvm::SetVector<mlir::Operation *> Conflicts;

  mlir::MLIRContext *getContext() const { return Context; }
  SymbolTable &getSymbols() { return Symbols; }

  /// What is known of \p V; from its type or constant at the first question.
  /// The reference lives until `set` is called for the same value.
  const ValueInfo &get(mlir::Value V);
  void set(mlir::Value V, ValueInfo Info) {
    Infos[V] = std::make_unique<ValueInfo>(std::move(Info));
  }

  void forget(mlir::Value V) { Infos.erase(V); }

  /// The info that a type alone gives. \p Names: of the dynamic dimensions, may
  /// be empty.
  ValueInfo fromType(mlir::Type Ty, mlir::ArrayAttr Names = {});
  mlir::Type toType(const ValueInfo &Info) const;

  /// What holds for both: differing dimensions become new symbols, but a symbol
  /// of
  /// \p Widened stays.
  ValueInfo join(const ValueInfo &A, const ValueInfo &B,
                 const ValueInfo *Widened = nullptr);

  /// Infers all ops of \p Body in order, anew.
  llvm::LogicalResult inferBody(mlir::Region &Body);

private:
  mlir::MLIRContext *Context;
  BranchChoices Choices;
  SymbolTable Symbols;
  llvm::DenseMap<mlir::Value, std::unique_ptr<ValueInfo>> Infos;
};

/// The view of one op. Operands and results are numbered as in the schema.
class Inference {
public:
  Inference(mlir::Operation *Op, InferenceContext &Context);

  mlir::Operation *getOp() const { return Op; }
  InferenceContext &getContext() { return Context; }
  SymbolTable &symbols() { return Context.getSymbols(); }
  mlir::Builder &builder() { return B; }

  mlir::InFlightDiagnostic error() { return emitNodeError(Op); }

  /// Operand \p I of the schema, of a variadic one its first; null if absent.
  mlir::Value operand(unsigned I) const;
  bool has(unsigned I) const { return bool(operand(I)); }
  /// All operands from schema position \p I on.
  mlir::OperandRange operandsFrom(unsigned I) const;
  const ValueInfo &info(mlir::Value V) { return Context.get(V); }
  mlir::Type elementType(unsigned I);
  const Dims *dims(unsigned I);
  const Dims *dims(mlir::Value V);
  const Data *data(unsigned I);
  /// The elements of any small tensor, unknown ones where nothing is known.
  std::optional<Data> elements(mlir::Value V);
  /// The elements of operand \p I if all are constant integers.
  std::optional<llvm::SmallVector<int64_t>> constants(unsigned I);

  /// Attributes; the precondition of the plain forms is a default or a required
  /// one.
  int64_t getInt(llvm::StringRef Name) const;
  llvm::StringRef getString(llvm::StringRef Name) const;
  std::optional<int64_t> findInt(llvm::StringRef Name) const;
  std::optional<llvm::ArrayRef<int64_t>> findInts(llvm::StringRef Name) const;
  bool hasAttr(llvm::StringRef Name) const { return bool(Op->getAttr(Name)); }

  /// Sets result \p R; a null element type keeps that of the IR.
  llvm::LogicalResult set(unsigned R, mlir::Type Element, Dims Shape);
  llvm::LogicalResult setUnranked(unsigned R, mlir::Type Element);
  /// The shape of operand \p I.
  llvm::LogicalResult setLike(unsigned R, mlir::Type Element, unsigned I);
  llvm::LogicalResult setType(unsigned R, mlir::Type Ty);
  llvm::LogicalResult setInfo(unsigned R, ValueInfo Info);
  /// Records the elements of result \p R, if its shape is small and matches.
  void setData(unsigned R, Data Elements);
  /// Null unless result \p R is known to be a tensor.
  mlir::Type resultElementType(unsigned R);
  const ValueInfo &result(unsigned R) { return Context.get(Op->getResult(R)); }

  //===-- Arithmetic: an overflow is remembered and reported by `set`
  //-------===//
  SymExpr unknown() { return symbols().fresh(); }
  SymExpr add(const SymExpr &A, const SymExpr &B) {
    return keep(SymExpr::add(A, B));
  }
  SymExpr sub(const SymExpr &A, const SymExpr &B) {
    return keep(SymExpr::sub(A, B));
  }
  SymExpr mul(const SymExpr &A, const SymExpr &B) {
    return keep(SymExpr::mul(A, B));
  }
  SymExpr floorDiv(const SymExpr &A, const SymExpr &B) {
    return keep(symbols().floorDiv(A, B));
  }
  SymExpr ceilDiv(const SymExpr &A, const SymExpr &B) {
    return keep(symbols().ceilDiv(A, B));
  }
  SymExpr min(const SymExpr &A, const SymExpr &B) {
    return keep(symbols().min(A, B));
  }
  SymExpr max(const SymExpr &A, const SymExpr &B) {
    return keep(symbols().max(A, B));
  }
  SymExpr product(llvm::ArrayRef<SymExpr> Sizes);
  /// A size no smaller than 0, unless it is a negative constant, which `set`
  /// reports.
  Dims unknowns(int64_t Rank);

  /// The axis counted from the front; reports one out of [-Rank, Rank).
  std::optional<int64_t> axis(int64_t Axis, int64_t Rank,
                              llvm::StringRef What = "axis");
  /// Reports unless both sizes can be equal; the better known one into \p Out.
  llvm::LogicalResult unify(const SymExpr &A, const SymExpr &B, SymExpr &Out,
                            const llvm::Twine &What);
  /// Reports unless operand \p I has \p Rank dimensions (or is unranked).
  llvm::LogicalResult checkRank(unsigned I, int64_t Rank);
  llvm::LogicalResult checkMinRank(unsigned I, int64_t Rank);
  /// Broadcasts \p B into \p A; reports sizes that do not go together.
  llvm::LogicalResult broadcast(Dims &A, const Dims &B);

private:
  SymExpr keep(std::optional<SymExpr> E);

  mlir::Operation *Op;
  InferenceContext &Context;
  mlir::Builder B;
  bool Overflow = false;
};

/// The sizes of a shape whose every size is constant.
std::optional<llvm::SmallVector<int64_t>> constantShape(const Dims *Shape);

/// \p E, or unknown where it is an integer that \p Ty does not hold.
Element fitOrUnknown(mlir::Type Ty, Element E);

/// Sizes for people: "[2, ?, 8]".
std::string toString(llvm::ArrayRef<SymExpr> Shape);

struct InferRow {
  llvm::StringLiteral Op; // "Conv", "ml.Scaler"
  InferFn Fn;
};

/// The tables of the families.
llvm::ArrayRef<InferRow> getElementwiseRows();
llvm::ArrayRef<InferRow> getContractionRows();
llvm::ArrayRef<InferRow> getWindowRows();
llvm::ArrayRef<InferRow> getReductionRows();
llvm::ArrayRef<InferRow> getReshapeRows();
llvm::ArrayRef<InferRow> getIndexingRows();
llvm::ArrayRef<InferRow> getNormalizationRows();
llvm::ArrayRef<InferRow> getGeneratorRows();
llvm::ArrayRef<InferRow> getSequenceRows();
llvm::ArrayRef<InferRow> getControlRows();
llvm::ArrayRef<InferRow> getMLRows();

/// What ops do to the elements of small tensors; called after the shapes are
/// set.
llvm::ArrayRef<InferRow> getDataRows();
llvm::ArrayRef<InferRow> getMovementRows();

} // namespace lathe::onnx

#endif // LATHE_ONNX_INFERENCE_H
