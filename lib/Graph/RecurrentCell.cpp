//===- RecurrentCell.cpp - One step of an LSTM or GRU, written out --------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From the last line of a cell's formula up: the elementwise part as a few
// forms; the sums in front of its gates are GateSums.h's.
//
//===----------------------------------------------------------------------===//

#include "RecurrentCell.h"
#include "GateSums.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::graph;

bool MatrixBlock::operator==(const MatrixBlock &Other) const {
  if (!Source || !Other.Source)
    return Source == Other.Source;
  return Transposed == Other.Transposed && Row == Other.Row &&
         Column == Other.Column &&
         (Source == Other.Source || getConstant(Source)->getAttr() ==
                                        getConstant(Other.Source)->getAttr());
}

/// Bias blocks as numbers.
static SmallVector<double> sumOf(ArrayRef<BiasBlock> Blocks, int64_t Count) {
  SmallVector<double> Total(Count, 0.0);
  for (const BiasBlock &B : Blocks) {
    auto View = getConstant(B.Source);
    for (int64_t I = 0; I < Count; ++I)
      Total[I] += View->getFloat(B.Column < 0 ? 0 : B.Column + I);
  }
  return Total;
}

SmallVector<double> RecurrentCell::bias(unsigned Gate) const {
  return sumOf(Biases[Gate], Hidden);
}

SmallVector<double> RecurrentCell::recurrentBias() const {
  return sumOf(RecurrentBias, Hidden);
}

//===----------------------------------------------------------------------===//
// Elementwise parts
//===----------------------------------------------------------------------===//

/// \p V as a function of a value that recurrent ops know by name.
static Value asFunction(Value V, CellFunction &F, Trail &T) {
  V = peel(V, &T);
  Operation *Op = V.getDefiningOp();
  if (!Op || !isa<onnx::SigmoidOp, onnx::TanhOp, onnx::ReluOp,
                  onnx::HardSigmoidOp, onnx::SoftsignOp, onnx::EluOp>(Op))
    return {};
  F = {Op->getName().stripDialect(), {}, {}};
  auto Number = [&](StringRef Name) -> std::optional<double> {
    auto Attr = dyn_cast_or_null<FloatAttr>(
        Op->hasAttr(Name) ? onnx::getAttrOrDefault(Op, Name) : Attribute());
    if (!Attr)
      return std::nullopt;
    return Attr.getValueAsDouble();
  };
  F.Alpha = Number("alpha");
  F.Beta = Number("beta");
  T.pass(Op);
  return Op->getOperand(0);
}

namespace {
/// The state of an attempt to read a cell; every step may be taken back.
struct Attempt {
  RecurrentCell Cell;
  Trail T;
};
} // namespace

static void addFunction(RecurrentCell &Cell, const CellFunction &F) {
  Cell.Functions.push_back(F);
}

/// Brings the terms of all gates into one list of inputs, each with a block for
/// every gate. \p Known: the gates that were read.
static bool alignInputs(RecurrentCell &Cell, ArrayRef<GateSum> Gates,
                        ArrayRef<unsigned> Known) {
  for (const GateTerm &First : Gates[Known[0]].Terms) {
    RecurrentCell::Input In{First.V, First.Size, {}};
    In.Blocks.resize(Gates.size());
    for (unsigned G : Known) {
      const GateTerm *Found = nullptr;
      for (const GateTerm &Other : Gates[G].Terms)
        if (Other.V == First.V) {
          if (Found)
            return false; // twice in one sum
          Found = &Other;
        }
      if (!Found || Found->Size != First.Size)
        return false;
      In.Blocks[G] = Found->Block;
    }
    Cell.Inputs.push_back(std::move(In));
  }
  for (unsigned G : Known) {
    if (Gates[G].Terms.size() != Cell.Inputs.size())
      return false;
  }
  return !Cell.Inputs.empty();
}

/// A state tensor [rows, hidden] that \p V is; a constant zero becomes null.
static bool asState(Value V, RankedTensorType Type, Value &State) {
  if (isUniform(V, 0)) {
    State = {};
    return true;
  }
  State = V;
  return V.getType() == Type;
}

static void takeOps(RecurrentCell &Cell, const Trail &T) {
  Cell.Ops.insert(T.ops().begin(), T.ops().end());
}

/// Nothing but the new states leaves the cell.
static bool isClosed(const RecurrentCell &Cell) {
  return llvm::all_of(Cell.Ops, [&](Operation *Op) {
    return llvm::all_of(Op->getResults(), [&](Value R) {
      return R == Cell.H || R == Cell.C ||
             llvm::all_of(R.getUsers(), [&](Operation *User) {
               return Cell.Ops.contains(User) || isa<onnx::ShapeOp>(User);
             });
    });
  });
}

//===----------------------------------------------------------------------===//
// LSTM
//===----------------------------------------------------------------------===//

/// c' = f(F) c + f(I) g(G); false leaves \p A as it was, but for its cell.
static bool readLSTMState(Attempt &A, Value C, RankedTensorType Type,
                          const CellFunction &F, CellFunction &G, Value &I,
                          Value &Forget, Value &New) {
  Trail &T = A.T;
  auto Gated = [&](Value V, bool First, Value &Inner, Value &Other) {
    auto Mul = peel(V, &T).getDefiningOp<onnx::MulOp>();
    CellFunction Found;
    if (!Mul)
      return false;
    T.pass(Mul);
    Inner = asFunction(Mul->getOperand(First ? 0 : 1), Found, T);
    Other = Mul->getOperand(First ? 1 : 0);
    return Inner && Found == F;
  };
  auto Mark = T.mark();
  Value V = peel(C, &T);
  auto Add = V.getDefiningOp<onnx::AddOp>();
  for (unsigned Turn = 0; Turn < 8; ++Turn) {
    T.undo(Mark);
    bool Swap = Turn & 1, FirstOfNew = Turn & 2, FirstOfOld = Turn & 4;
    Value Product = V, Old, Inner;
    if (Add) {
      T.pass(Add);
      if (!Gated(Add->getOperand(Swap ? 1 : 0), FirstOfOld, Forget, Old))
        continue;
      Product = Add->getOperand(Swap ? 0 : 1);
    }
    if (!Gated(Product, FirstOfNew, I, Inner) ||
        !(New = asFunction(Inner, G, T)))
      continue;
    if (!Add) {
      A.Cell.OldC = {};
      Forget = {};
      return true;
    }
    Old = peel(Old, &T);
    if (asState(Old, Type, A.Cell.OldC))
      return true;
  }
  T.undo(Mark);
  return false;
}

static std::optional<RecurrentCell> matchLSTM(Operation *Root) {
  RankedTensorType Type = getRanked(Root->getResult(0));
  for (unsigned Turn : {0u, 1u}) {
    Attempt A;
    RecurrentCell &Cell = A.Cell;
    Cell.Hidden = Type.getDimSize(1);
    CellFunction F, G, H;
    Value O = asFunction(Root->getOperand(Turn), F, A.T);
    Value State = asFunction(Root->getOperand(1 - Turn), H, A.T);
    if (!O || !State)
      continue;
    State = peel(State, &A.T);
    Value I, Forget, New;
    if (State.getType() != Type ||
        !readLSTMState(A, State, Type, F, G, I, Forget, New))
      continue;
    GateSum Gates[4];
    GateSumReader Reader(Cell.Hidden, A.T);
    SmallVector<unsigned> Known;
    bool Read = true;
    const Value Before[] = {I, O, Forget, New};
    for (auto [N, V] : llvm::enumerate(Before)) {
      if (!V)
        continue;
      Known.push_back(N);
      Read &= V.getType() == Type && Reader.read(V, 0, Gates[N]);
    }
    if (!Read || !alignInputs(Cell, Gates, Known))
      continue;
    for (GateSum &S : Gates)
      Cell.Biases.push_back(S.Biases);
    for (const CellFunction &Fn : {F, G, H})
      addFunction(Cell, Fn);
    Cell.H = Root->getResult(0);
    Cell.C = State;
    Cell.Starts = !Forget;
    takeOps(Cell, A.T);
    Cell.Ops.insert(Root);
    if (isClosed(Cell))
      return std::move(Cell);
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// GRU
//===----------------------------------------------------------------------===//

namespace {
/// h' = (1 - z) n + z h, or with z and 1 - z in each other's place.
struct GRUEnd {
  Value Z, N, H;
  bool Negated = false;
};
} // namespace

/// The ways to read the last line of a GRU; its inner ops go to the trail.
static bool readGRUEnd(Value Root, unsigned Form, GRUEnd &E, Trail &T) {
  auto Rest = [&] { return sub(num(1), is(E.Z)); };
  switch (Form) {
  case 0:
    return matches(Root, add(mul(is(E.Z), is(E.H)), mul(Rest(), is(E.N))), T);
  case 1:
    E.Negated = true;
    return matches(Root, add(mul(is(E.Z), is(E.N)), mul(Rest(), is(E.H))), T);
  case 2: // (h - n) z + n
    return matches(Root, add(mul(sub(is(E.H), is(E.N)), is(E.Z)), is(E.N)), T);
  case 3: // (n - h) z + h
    E.Negated = true;
    return matches(Root, add(mul(sub(is(E.N), is(E.H)), is(E.Z)), is(E.H)), T);
  case 4: // n - z (n - h)
    return matches(Root, sub(is(E.N), mul(sub(is(E.N), is(E.H)), is(E.Z))), T);
  case 5: // (1 - z) n, the state being zero
    return matches(Root, mul(Rest(), is(E.N)), T);
  }
  return false;
}
static constexpr unsigned NumGRUEnds = 6;

/// The reset gate and what it multiplies.
static bool readReset(Value V, const CellFunction &F, unsigned First,
                      Value &Inner, Value &Other, Trail &T) {
  auto Mul = peel(V, &T).getDefiningOp<onnx::MulOp>();
  CellFunction Found;
  if (!Mul)
    return false;
  T.pass(Mul);
  Inner = asFunction(Mul->getOperand(First), Found, T);
  Other = peel(Mul->getOperand(1 - First), &T);
  return Inner && Found == F;
}

/// The cell, with its last line read as \p End, whose reset gate is factor
/// number \p First of its product.
static std::optional<RecurrentCell> readGRU(Operation *Root, const GRUEnd &End,
                                            Trail T, unsigned First) {
  RankedTensorType Type = getRanked(Root->getResult(0));
  RecurrentCell Cell;
  Cell.Kind = RecurrentCell::GRU;
  Cell.Hidden = Type.getDimSize(1);
  Cell.NegatedUpdate = End.Negated;
  CellFunction F, G;
  Value Z = asFunction(End.Z, F, T), N = asFunction(End.N, G, T);
  // 1 - sigmoid(x) is sigmoid(-x); other functions have no such law.
  if (!Z || !N || (End.Negated && F.Name != "Sigmoid") ||
      (End.H && !asState(End.H, Type, Cell.OldH)))
    return std::nullopt;
  GateSum Gates[3], Behind;
  GateSumReader Reader(Cell.Hidden, T);
  if (Z.getType() != Type || N.getType() != Type ||
      !Reader.read(Z, 0, Gates[0]) ||
      !Reader.read(N, 0, Gates[2], /*TakeRest=*/true))
    return std::nullopt;
  Value R, Reset;
  if (Gates[2].Rest) {
    // x W + r (h R + b)
    Cell.LinearBeforeReset = true;
    if (!readReset(Gates[2].Rest, F, First, R, Reset, T) ||
        !Reader.read(Reset, 0, Behind))
      return std::nullopt;
    // Of the state alone, which may be gone.
    if (Behind.Terms.size() > (Cell.OldH ? 1 : 0) ||
        (Cell.OldH && (Behind.Terms.empty() || Behind.Terms[0].V != Cell.OldH)))
      return std::nullopt;
    Gates[2].Terms.append(Behind.Terms);
    Cell.RecurrentBias = Behind.Biases;
  } else {
    // x W + (r h) R: one of the factors is such a product.
    for (GateTerm &Each : Gates[2].Terms) {
      Value Factor, Other;
      auto Mark = T.mark();
      if (!readReset(Each.V, F, First, Factor, Other, T) ||
          (Cell.OldH ? Other != Cell.OldH : !isUniform(Other, 0))) {
        T.undo(Mark);
        continue;
      }
      R = Factor;
      Each.V = Other;
      break;
    }
    if (!R)
      return std::nullopt;
    if (!Cell.OldH)
      llvm::erase_if(Gates[2].Terms,
                     [](const GateTerm &X) { return isUniform(X.V, 0); });
  }
  if (R.getType() != Type || !Reader.read(R, 0, Gates[1]) ||
      !alignInputs(Cell, Gates, {0u, 1u, 2u}))
    return std::nullopt;
  for (auto [I, In] : llvm::enumerate(Cell.Inputs))
    if (Cell.OldH && In.V == Cell.OldH)
      Cell.State = I;
  Cell.Starts = !Cell.OldH;
  if (!Cell.Starts &&
      (Cell.State < 0 || Cell.Inputs[Cell.State].Size != Cell.Hidden))
    return std::nullopt;
  for (GateSum &S : Gates)
    Cell.Biases.push_back(S.Biases);
  addFunction(Cell, F);
  addFunction(Cell, G);
  Cell.H = Root->getResult(0);
  takeOps(Cell, T);
  Cell.Ops.insert(Root);
  if (!isClosed(Cell))
    return std::nullopt;
  return Cell;
}

static std::optional<RecurrentCell> matchGRU(Operation *Root) {
  for (unsigned Form = 0; Form < NumGRUEnds; ++Form) {
    GRUEnd End;
    Trail T;
    if (!readGRUEnd(Root->getResult(0), Form, End, T))
      continue;
    for (unsigned First : {0u, 1u})
      if (auto Cell = readGRU(Root, End, T, First))
        return Cell;
  }
  return std::nullopt;
}

std::optional<RecurrentCell> graph::matchRecurrentCell(Operation *Root) {
  if (!isa<onnx::MulOp, onnx::AddOp, onnx::SubOp>(Root))
    return std::nullopt;
  RankedTensorType Type = getRanked(Root->getResult(0));
  if (!Type || Type.getRank() != 2 || Type.isDynamicDim(1) ||
      !(Type.getElementType().isF32() || Type.getElementType().isF16() ||
        Type.getElementType().isF64()))
    return std::nullopt;
  if (isa<onnx::MulOp>(Root))
    if (auto Cell = matchLSTM(Root))
      return Cell;
  return matchGRU(Root);
}

//===----------------------------------------------------------------------===//
// One after another
//===----------------------------------------------------------------------===//

/// Equal but for what rounding makes of a sum of constants.
static bool areClose(ArrayRef<double> A, ArrayRef<double> B) {
  return llvm::all_of(llvm::zip_equal(A, B), [](auto Pair) {
    auto [X, Y] = Pair;
    return std::abs(X - Y) <= 1e-6 * (1 + std::abs(X) + std::abs(Y));
  });
}

/// Inputs \p X and \p Y have the same weights; those that X does not know are
/// equal to any.
static bool sameWeights(const RecurrentCell::Input &X,
                        const RecurrentCell::Input &Y) {
  return X.Size == Y.Size &&
         llvm::all_of(llvm::zip_equal(X.Blocks, Y.Blocks), [](auto Pair) {
           auto &[A, B] = Pair;
           return !A.Source || A == B;
         });
}

bool graph::continues(RecurrentCell &Cell, RecurrentCell &Next) {
  if (Cell.Kind != Next.Kind || Cell.Hidden != Next.Hidden || Next.Starts ||
      Cell.LinearBeforeReset != Next.LinearBeforeReset ||
      Cell.NegatedUpdate != Next.NegatedUpdate ||
      Cell.Functions != Next.Functions || Next.OldC != Cell.C ||
      Cell.H.getType() != Next.H.getType())
    return false;
  int State = -1;
  for (auto [I, In] : llvm::enumerate(Next.Inputs))
    if (In.V == Cell.H)
      State = State < 0 ? int(I) : -2;
  if (State < 0 || (Next.State >= 0 && Next.State != State))
    return false;
  // A start has all inputs but the state; so may another LSTM whose state c is
  // known, and h zero.
  bool Starts = Cell.State < 0 && Cell.Inputs.size() + 1 == Next.Inputs.size();
  if (!Starts && (Cell.Starts || Cell.Inputs.size() != Next.Inputs.size()))
    return false;
  // The other inputs follow each other in the same order.
  auto Agree = [&](int Own) {
    SmallVector<const RecurrentCell::Input *> A, B;
    for (auto [I, In] : llvm::enumerate(Cell.Inputs))
      if (int(I) != Own)
        A.push_back(&In);
    for (auto [I, In] : llvm::enumerate(Next.Inputs))
      if (int(I) != State)
        B.push_back(&In);
    return llvm::all_of(llvm::zip_equal(A, B), [](auto Pair) {
      auto [X, Y] = Pair;
      return sameWeights(*X, *Y) && X->V.getType() == Y->V.getType();
    });
  };
  int Own = Cell.State;
  if (Starts) {
    if (!Agree(-1))
      return false;
  } else if (Own >= 0) {
    if (!sameWeights(Cell.Inputs[Own], Next.Inputs[State]) || !Agree(Own))
      return false;
  } else {
    for (auto [I, In] : llvm::enumerate(Cell.Inputs))
      if (Own < 0 && sameWeights(In, Next.Inputs[State]) && Agree(I))
        Own = I;
    if (Own < 0)
      return false;
  }
  for (unsigned G = 0; G < Cell.numGates(); ++G) {
    // An LSTM that starts without c has no gate f.
    bool Known = !(Cell.Kind == RecurrentCell::LSTM && Cell.Starts && G == 2);
    if (Known && !areClose(Cell.bias(G), Next.bias(G)))
      return false;
  }
  if (Cell.LinearBeforeReset &&
      !areClose(Cell.recurrentBias(), Next.recurrentBias()))
    return false;
  if (Starts)
    Cell.Starts = true;
  Cell.State = Own;
  Next.State = State;
  return true;
}
