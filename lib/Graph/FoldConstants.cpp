//===- FoldConstants.cpp - graph-fold-constants ---------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Three walks over the module, each linear:
//   1. In order: which ops depend on constants alone (*foldable*)? Those that
//   only
//      move elements are replaced at once.
//   2. Backwards: which of their results does anything else use (the
//   *frontier*)?
//      One that is too large there makes its op unfoldable, and its operands
//      part of the frontier.
//   3. All of the frontier is computed by one module, in which large constants
//      are inputs. If that does not compile or run, by two of half the
//      frontier.
//
// Invariant: an op is replaced by exactly the value that it would have given;
// one that cannot be evaluated stays as it is.
//
//===----------------------------------------------------------------------===//

#include "FoldMovement.h"
#include "Match.h"
#include "lathe/Graph/Passes.h"
#include "lathe/ONNX/Diagnostics.h"
#include "lathe/ONNX/Evaluator.h"
#include "lathe/ONNX/Work.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/FormatVariadic.h"

namespace lathe::graph {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "lathe/Graph/Passes.h.inc"
} // namespace lathe::graph

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

/// Results up to this size may be larger than what they are made from ...
static constexpr int64_t SmallBytes = 1 << 20;
/// ... as long as there are not more of them than this together.
static constexpr int64_t SmallTotal = 16 << 20;
/// How much a larger result may grow: f16 to f64.
static constexpr int64_t MaxGrowth = 4;
/// Memory of one value on the way.
static constexpr int64_t MaxStepBytes = int64_t(256) << 20;
/// Multiply-accumulates of one op, in scalar loops: a few seconds.
static constexpr int64_t MaxMACs = int64_t(1) << 30;
/// Trips of a Loop.
static constexpr int64_t MaxTrips = 1 << 10;
/// Modules that are compiled to find out which ops fail.
static constexpr unsigned MaxCompiles = 48;
/// Constants above this are inputs of the module, not part of its code.
static constexpr int64_t MaxInlineBytes = 1 << 10;

static std::optional<int64_t> bytesOf(Type T) {
  auto Tensor = dyn_cast<RankedTensorType>(T);
  if (!Tensor || !Tensor.hasStaticShape())
    return std::nullopt;
  Type Element = Tensor.getElementType();
  int64_t Bits = 8;
  if (auto Complex = dyn_cast<ComplexType>(Element))
    Bits = 2 * Complex.getElementType().getIntOrFloatBitWidth();
  else if (Element.isIntOrFloat() && Element.getIntOrFloatBitWidth() > 1)
    Bits = Element.getIntOrFloatBitWidth();
  std::optional<int64_t> All = llvm::checkedMul(Tensor.getNumElements(), Bits);
  return All ? std::optional(llvm::divideCeil(*All, 8)) : std::nullopt;
}

static std::string megabytes(int64_t Bytes) {
  return llvm::formatv("{0:f1} MB", Bytes / 1e6).str();
}

static bool hasStrings(TypeRange Types) {
  return llvm::any_of(Types, [](Type T) {
    return isa<onnx::StringType>(getElementTypeOrSelf(T));
  });
}

/// A string where \p Op, whose operands are constant, must stay in any case.
static std::optional<std::string> reasonToStay(Operation *Op, bool Dequantize) {
  if (!isMemoryEffectFree(Op))
    return "it draws random numbers";
  if (isa<onnx::DequantizeLinearOp>(Op) && !Dequantize)
    return "integer kernels want the integers";
  if (hasStrings(Op->getOperandTypes()) || hasStrings(Op->getResultTypes()))
    return "strings are not evaluated";
  std::optional<std::string> Reason;
  Op->walk([&](Operation *Inner) {
    if (auto Loop = dyn_cast<onnx::LoopOp>(Inner)) {
      std::optional<SmallVector<int64_t>> Trips = getInts(Loop.getM());
      if (!Trips || Trips->size() != 1 || Trips->front() > MaxTrips)
        Reason = "its loop may take long";
    }
    for (Type T : Inner->getResultTypes())
      if (std::optional<int64_t> Bytes = bytesOf(T); Bytes > MaxStepBytes)
        Reason = "it needs " + megabytes(*Bytes) + " of memory";
    if (onnx::countMACs(Inner).value_or(MaxMACs + 1) > MaxMACs)
      Reason = "it takes long to compute";
  });
  return Reason;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
/// What is known of a constant or foldable value.
struct Known {
  /// Bytes of the constants behind it, at least its own if it is one.
  int64_t SourceBytes = 0;
  bool Splat = false;
};

class FoldConstants
    : public lathe::graph::impl::FoldConstantsBase<FoldConstants> {
public:
  explicit FoldConstants(const FoldConstantsOptions &Options = {},
                         onnx::Evaluator *Evaluator = nullptr)
      : FoldConstantsBase(Options), Evaluator(Evaluator) {}

  void runOnOperation() override;

private:
  bool noteConstant(Value V);
  void visit(Operation *Op);
  void findFrontier();
  bool isUsedOutside(Value V) const;
  std::string reasonAgainst(Operation *Op, Value Result);
  void demote(Operation *Op, const llvm::Twine &Reason);

  void fold(ArrayRef<Value> Values);
  llvm::Expected<std::vector<onnx::EvaluatedTensor>>
  evaluate(ArrayRef<Value> Values);
  llvm::Error replace(Value V, onnx::EvaluatedTensor Result);
  void eraseDead();

  onnx::Evaluator *Evaluator = nullptr;
  llvm::DenseMap<Value, Known> Facts;
  /// Foldable ops in order, and with them all that is in their regions.
  std::vector<Operation *> Order;
  llvm::DenseSet<Operation *> Members;
  std::vector<Value> Frontier;
  /// Ops that may be dead once the frontier is replaced.
  llvm::SetVector<Operation *> Candidates;
  int64_t SmallSum = 0;
  unsigned Compiles = 0;
};
} // namespace

/// Whether \p V is a constant whose elements can be read.
bool FoldConstants::noteConstant(Value V) {
  auto Constant = V.getDefiningOp<onnx::ConstantOp>();
  if (!Constant)
    return false;
  std::optional<onnx::ConstantView> View = getConstant(V);
  if (!View)
    return false;
  bool Splat = View->isSplat();
  Facts.try_emplace(V, Known{Splat ? 0 : bytesOf(V.getType()).value_or(0),
                             Splat || View->size() == 1});
  return true;
}

/// Decides on \p Op, whose operands have been decided on.
void FoldConstants::visit(Operation *Op) {
  llvm::SetVector<Value> Needed;
  Needed.insert_range(Op->getOperands());
  if (Op->getNumRegions())
    getUsedValuesDefinedAbove(Op->getRegions(), Needed);
  for (Value V : Needed)
    if (!Facts.contains(V) && !noteConstant(V))
      return;
  if (std::optional<std::string> Reason = reasonToStay(Op, Dequantize))
    return demote(Op, *Reason);

  Known Result;
  for (Value V : Needed) {
    // Counted low rather than high where it overflows.
    std::optional<int64_t> Sum =
        llvm::checkedAdd(Result.SourceBytes, Facts[V].SourceBytes);
    Result.SourceBytes = Sum.value_or(Result.SourceBytes);
  }
  Result.Splat = isa<onnx::ConstantOfShapeOp>(Op) ||
                 (onlyMovesElements(Op) && Facts[Op->getOperand(0)].Splat);
  for (Value V : Op->getResults())
    Facts[V] = Result;

  if (ElementsAttr Moved = foldMovement(Op)) {
    // A splat of any size costs nothing; a view or transposition is as large as
    // its source, which has to go if that is large.
    Value Only = Op->getResult(0);
    if (reasonAgainst(Op, Only).empty() && Moved.getType() == Only.getType()) {
      OpBuilder B(Op);
      Value Constant = onnx::ConstantOp::create(B, Op->getLoc(), Moved);
      Candidates.insert_range(llvm::map_range(
          Op->getOperands(), [](Value V) { return V.getDefiningOp(); }));
      Facts[Constant] = Result;
      Only.replaceAllUsesWith(Constant);
      // Nothing may stand for what is allocated at its place next.
      Facts.erase(Only);
      Op->erase();
      ++NumMoved;
      return;
    }
  }
  Order.push_back(Op);
  Op->walk([&](Operation *Inner) { Members.insert(Inner); });
}

/// Why \p Result of \p Op shall not become a constant; empty if it may.
std::string FoldConstants::reasonAgainst(Operation *Op, Value Result) {
  auto Type = dyn_cast<RankedTensorType>(Result.getType());
  if (!Type || !onnx::getDataType(Type.getElementType()))
    return "its value is no tensor";
  if (!Type.hasStaticShape()) {
    // Users take a more precise type, but what ends a block has one declared.
    for (Operation *User : Result.getUsers())
      if (User->hasTrait<OpTrait::IsTerminator>())
        return "its shape is not known";
    return {};
  }
  std::optional<int64_t> Bytes = bytesOf(Type);
  Known Fact = Facts[Result];
  if (!Bytes)
    return "its value is too large";
  if (Fact.Splat && *Bytes <= Limit)
    return {};
  if (*Bytes > Limit) {
    int64_t Freed = 0;
    for (Value V :
         llvm::SetVector<Value>(Op->operand_begin(), Op->operand_end()))
      if (V.getDefiningOp<onnx::ConstantOp>() &&
          llvm::all_of(V.getUsers(), [&](Operation *U) { return U == Op; }))
        Freed += Facts[V].SourceBytes;
    if (Fact.Splat || *Bytes > Freed)
      return "its value takes " + megabytes(*Bytes) + ", the limit is " +
             megabytes(Limit);
    return {};
  }
  if (*Bytes / MaxGrowth <= Fact.SourceBytes)
    return {};
  if (*Bytes > SmallBytes)
    return "its value takes " + megabytes(*Bytes) +
           ", the constants behind it " + megabytes(Fact.SourceBytes);
  if (SmallSum + *Bytes > SmallTotal)
    return "there are too many results that are larger than the constants "
           "behind them";
  SmallSum += *Bytes;
  return {};
}

void FoldConstants::demote(Operation *Op, const llvm::Twine &Reason) {
  Op->walk([&](Operation *Inner) { Members.erase(Inner); });
  for (Value V : Op->getResults())
    Facts.erase(V);
  // What nothing uses is not worth a word.
  if (Op->use_empty())
    return;
  ++NumLeft;
  if (!Remarks)
    return;
  StringRef Node = onnx::getNodeName(Op->getLoc());
  emitRemark(Op->getLoc()) << (Node.empty() ? ""
                                            : ("node '" + Node + "' (").str())
                           << onnx::getOpName(Op) << (Node.empty() ? "" : ")")
                           << ": stays although its inputs are constant: "
                           << Reason.str();
}

bool FoldConstants::isUsedOutside(Value V) const {
  return llvm::any_of(V.getUsers(),
                      [&](Operation *User) { return !Members.contains(User); });
}

void FoldConstants::findFrontier() {
  for (Operation *Op : llvm::reverse(Order)) {
    SmallVector<Value> Wanted;
    for (Value V : Op->getResults())
      if (isUsedOutside(V))
        Wanted.push_back(V);
    std::string Reason;
    for (Value V : Wanted)
      if (Reason.empty())
        Reason = reasonAgainst(Op, V);
    if (!Reason.empty())
      demote(Op, Reason);
    else
      llvm::append_range(Frontier, Wanted);
  }
  llvm::erase_if(Order, [&](Operation *Op) { return !Members.contains(Op); });
  std::reverse(Frontier.begin(), Frontier.end());
}

/// Runs one module that computes \p Values.
llvm::Expected<std::vector<onnx::EvaluatedTensor>>
FoldConstants::evaluate(ArrayRef<Value> Values) {
  // What they depend on.
  llvm::DenseSet<Operation *> Slice;
  llvm::SetVector<Value> Sources;
  SmallVector<Operation *> Work;
  auto Visit = [&](Value V) {
    Operation *Producer = V.getDefiningOp();
    if (isa<onnx::ConstantOp>(Producer))
      Sources.insert(V);
    else if (Slice.insert(Producer).second)
      Work.push_back(Producer);
  };
  for (Value V : Values)
    Visit(V);
  while (!Work.empty()) {
    Operation *Op = Work.pop_back_val();
    llvm::SetVector<Value> Captured;
    if (Op->getNumRegions())
      getUsedValuesDefinedAbove(Op->getRegions(), Captured);
    for (Value V : Op->getOperands())
      Visit(V);
    for (Value V : Captured)
      Visit(V);
  }

  // A module that takes the large constants and gives the values.
  Location Loc = getOperation().getLoc();
  OwningOpRef<ModuleOp> Module = ModuleOp::create(Loc);
  std::vector<std::vector<char>> Storage(Sources.size());
  std::vector<onnx::TensorView> Inputs;
  SmallVector<Value> Given;
  for (Value V : Sources) {
    onnx::ConstantView View = *getConstant(V);
    if (View.isSplat() || bytesOf(V.getType()).value_or(0) <= MaxInlineBytes)
      continue;
    Inputs.push_back({cast<RankedTensorType>(V.getType()),
                      View.getBytes(Storage[Given.size()])});
    Given.push_back(V);
  }
  OpBuilder B = OpBuilder::atBlockEnd(Module->getBody());
  auto Main =
      func::FuncOp::create(B, Loc, "main",
                           B.getFunctionType(ValueRange(Given).getTypes(),
                                             ValueRange(Values).getTypes()));
  Block *Body = Main.addEntryBlock();
  B.setInsertionPointToStart(Body);
  IRMapping Mapping;
  Mapping.map(Given, Body->getArguments());
  for (Value V : Sources)
    if (!Mapping.contains(V))
      B.clone(*V.getDefiningOp(), Mapping);
  for (Operation *Op : Order)
    if (Slice.contains(Op))
      B.clone(*Op, Mapping);
  SmallVector<Value> Results;
  for (Value V : Values)
    Results.push_back(Mapping.lookup(V));
  func::ReturnOp::create(B, Loc, Results);

  ++Compiles;
  llvm::Expected<std::unique_ptr<onnx::Evaluation>> Compiled =
      Evaluator->compile(*Module);
  if (!Compiled)
    return Compiled.takeError();
  return (*Compiled)->run(Inputs);
}

llvm::Error FoldConstants::replace(Value V, onnx::EvaluatedTensor Result) {
  auto Declared = cast<RankedTensorType>(V.getType());
  if (Result.Type.getElementType() != Declared.getElementType() ||
      failed(verifyCompatibleShape(Result.Type, Declared)))
    return llvm::createStringError("its value contradicts its type");
  if (!Declared.hasStaticShape() && int64_t(Result.Bytes.size()) > Limit)
    return llvm::createStringError("its value takes " +
                                   megabytes(Result.Bytes.size()) +
                                   ", the limit is " + megabytes(Limit));
  Operation *Op = V.getDefiningOp();
  OpBuilder B(Op);
  StringRef Node = onnx::getNodeName(Op->getLoc());
  ElementsAttr Value = shrinkSplat(onnx::makeTensor(
      Result.Type, std::move(Result.Bytes), Node.empty() ? "folded" : Node));
  V.replaceAllUsesWith(onnx::ConstantOp::create(B, Op->getLoc(), Value));
  ++NumFolded;
  return llvm::Error::success();
}

void FoldConstants::fold(ArrayRef<Value> Values) {
  if (Values.empty())
    return;
  std::string Reason;
  if (Compiles >= MaxCompiles) {
    Reason = "too much else could not be evaluated";
  } else if (auto Results = evaluate(Values)) {
    for (auto [V, Result] : llvm::zip_equal(Values, *Results))
      if (llvm::Error E = replace(V, std::move(Result)))
        demote(V.getDefiningOp(), llvm::toString(std::move(E)));
    return;
  } else {
    Reason = llvm::toString(Results.takeError());
  }
  if (Values.size() == 1)
    return demote(Values.front().getDefiningOp(), Reason);
  // One of them spoils the others.
  fold(Values.take_front(Values.size() / 2));
  fold(Values.drop_front(Values.size() / 2));
}

void FoldConstants::eraseDead() {
  Candidates.insert_range(Order);
  while (!Candidates.empty()) {
    Operation *Op = Candidates.pop_back_val();
    if (!Op || !isOpTriviallyDead(Op))
      continue;
    llvm::SetVector<Value> Used;
    Used.insert_range(Op->getOperands());
    getUsedValuesDefinedAbove(Op->getRegions(), Used);
    // Nothing inside may be looked at again.
    Op->walk([&](Operation *Inner) { Candidates.remove(Inner); });
    Op->erase();
    for (Value V : Used)
      if (Operation *Producer = V.getDefiningOp())
        Candidates.insert(Producer);
  }
}

void FoldConstants::runOnOperation() {
  auto Reset = llvm::make_scope_exit([this] {
    Facts.clear();
    Order.clear();
    Members.clear();
    Frontier.clear();
    SmallSum = 0;
    Compiles = 0;
  });
  if (Limit <= 0)
    return;
  for (auto Function : getOperation().getOps<func::FuncOp>())
    Function.walk<WalkOrder::PreOrder>([&](Operation *Op) {
      if (!isa_and_nonnull<onnx::ONNXDialect>(Op->getDialect()) ||
          isa<onnx::ConstantOp, onnx::YieldOp>(Op))
        return WalkResult::advance();
      size_t Before = Order.size();
      // Gone if it only moved elements.
      bool Nested = Op->getNumRegions() != 0;
      visit(Op);
      return Nested && Order.size() == Before ? WalkResult::advance()
                                              : WalkResult::skip();
    });
  findFrontier();
  if (Evaluator)
    fold(Frontier);
  eraseDead();
}

std::unique_ptr<Pass>
graph::createFoldConstants(const FoldConstantsOptions &Options,
                           onnx::Evaluator *Evaluator) {
  return std::make_unique<FoldConstants>(Options, Evaluator);
}
