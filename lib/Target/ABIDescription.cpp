//===- ABIDescription.cpp - What a model says of itself -------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// `<name>_model`: constants that describe inputs, outputs and memory.
//
//===----------------------------------------------------------------------===//

#include "ABIBuilder.h"

using namespace lathe::target;
using namespace mlir;

/// The table of the keys of tensors of a kind, "input" or "output".
void ABIBuilder::buildKeys(llvm::StringRef Kind,
                           const std::vector<TensorInfo> &List) {
  std::string Prefix = (Name + "_" + Kind + "_keys").str();
  LLVM::LLVMStructType KeysType = mapKeysType(C);
  auto Put = [&](OpBuilder &At, Value Aggregate, Value Field, int64_t I) {
    return LLVM::InsertValueOp::create(At, Loc, Aggregate, Field,
                                       ArrayRef<int64_t>{I})
        .getResult();
  };
  for (size_t I = 0; I < List.size(); ++I) {
    const TensorInfo &T = List[I];
    std::string Symbol = (Prefix + "_" + Twine(I)).str();
    if (!T.Keys.Ints.empty())
      makeConstant(
          Symbol, LLVM::LLVMArrayType::get(I64, T.Keys.Ints.size()),
          DenseElementsAttr::get(
              RankedTensorType::get({int64_t(T.Keys.Ints.size())}, I64),
              ArrayRef<int64_t>(T.Keys.Ints)));
    if (!T.Keys.Strings.empty())
      makeAggregate(Symbol,
                    LLVM::LLVMArrayType::get(Ptr, T.Keys.Strings.size()),
                    [&](OpBuilder &At, Value A) {
                      for (auto [J, Key] : llvm::enumerate(T.Keys.Strings))
                        A = Put(At, A, string(At, Key), J);
                      return A;
                    });
  }
  makeAggregate(
      Prefix, LLVM::LLVMArrayType::get(KeysType, List.size()),
      [&](OpBuilder &At, Value A) {
        for (auto [I, T] : llvm::enumerate(List)) {
          Value S = LLVM::ZeroOp::create(At, Loc, KeysType);
          if (!T.Keys.empty()) {
            size_t Count = T.Keys.Ints.size() + T.Keys.Strings.size();
            S = Put(At, S, LLVM::ConstantOp::create(At, Loc, I64, Count), 0);
            S = Put(At, S,
                    LLVM::AddressOfOp::create(At, Loc, Ptr,
                                              (Prefix + "_" + Twine(I)).str()),
                    T.Keys.Ints.empty() ? 2 : 1);
          }
          A = Put(At, A, S, I);
        }
        return A;
      });
}

void ABIBuilder::buildModel(llvm::StringRef Version, llvm::StringRef Options) {
  LLVM::LLVMStructType InfoType = tensorInfoType(C), Model = modelType(C);
  auto Put = [&](OpBuilder &At, Value Aggregate, Value Field,
                 int64_t I) -> Value {
    return LLVM::InsertValueOp::create(At, Loc, Aggregate, Field,
                                       ArrayRef<int64_t>{I});
  };
  auto Integer = [&](OpBuilder &At, Type T, int64_t V) -> Value {
    return LLVM::ConstantOp::create(At, Loc, T, V);
  };
  auto Symbol = [&](OpBuilder &At, const Twine &S) -> Value {
    return LLVM::AddressOfOp::create(At, Loc, Ptr, S.str());
  };
  auto Null = [&](OpBuilder &At) -> Value {
    return LLVM::ZeroOp::create(At, Loc, Ptr);
  };

  auto MakeTensors = [&](llvm::StringRef Kind,
                         const std::vector<TensorInfo> &List) {
    for (size_t I = 0; I < List.size(); ++I) {
      const TensorInfo &T = List[I];
      if (T.Shape.empty())
        continue;
      std::string Prefix = (Name + "_" + Kind + "_" + Twine(I)).str();
      makeConstant(Prefix + "_shape",
                   LLVM::LLVMArrayType::get(I64, T.Shape.size()),
                   DenseElementsAttr::get(
                       RankedTensorType::get({int64_t(T.Shape.size())}, I64),
                       ArrayRef<int64_t>(T.Shape)));
      makeAggregate(Prefix + "_dims",
                    LLVM::LLVMArrayType::get(Ptr, T.Shape.size()),
                    [&](OpBuilder &At, Value A) {
                      for (auto [J, D] : llvm::enumerate(T.Dims))
                        A = Put(At, A, string(At, D), J);
                      return A;
                    });
    }
    if (List.empty())
      return;
    makeAggregate(
        Name + "_" + Kind, LLVM::LLVMArrayType::get(InfoType, List.size()),
        [&](OpBuilder &At, Value A) {
          for (auto [I, T] : llvm::enumerate(List)) {
            std::string Prefix = (Name + "_" + Kind + "_" + Twine(I)).str();
            bool Scalar = T.Shape.empty();
            Value S = LLVM::UndefOp::create(At, Loc, InfoType);
            S = Put(At, S, string(At, T.Name), 0);
            S = Put(At, S, Integer(At, I32, T.Type), 1);
            S = Put(At, S, Integer(At, I32, T.Shape.size()), 2);
            S = Put(At, S, Scalar ? Null(At) : Symbol(At, Prefix + "_shape"),
                    3);
            S = Put(At, S, Scalar ? Null(At) : Symbol(At, Prefix + "_dims"), 4);
            A = Put(At, A, S, I);
          }
          return A;
        });
  };
  MakeTensors("inputs", Info.Inputs);
  MakeTensors("outputs", Info.Outputs);

  auto HasKeys = [](const std::vector<TensorInfo> &List) {
    return llvm::any_of(List,
                        [](const TensorInfo &T) { return !T.Keys.empty(); });
  };
  if (HasKeys(Info.Inputs))
    buildKeys("input", Info.Inputs);
  if (HasKeys(Info.Outputs))
    buildKeys("output", Info.Outputs);

  makeAggregate(Name + "_description", Model, [&](OpBuilder &At, Value A) {
    Value Fields[] = {
        Integer(At, I32,
                fieldOffset(Model, Model.getBody().size(), PointerBytes)),
        Integer(At, I32, Info.Inputs.size()),
        Integer(At, I32, Info.Outputs.size()),
        Integer(At, I32, 0),
        string(At, Name),
        Info.Inputs.empty() ? Null(At) : Symbol(At, Name + "_inputs"),
        Info.Outputs.empty() ? Null(At) : Symbol(At, Name + "_outputs"),
        Integer(At, I64, Info.WorkspaceBytes.value_or(-1)),
        Integer(At, I64, Info.WeightsBytes),
        Symbol(At, Name + "_call"),
        Symbol(At, Name + "_error"),
        Symbol(At, Name + "_workspace"),
        string(At, Version),
        string(At, Options),
        HasKeys(Info.Outputs) ? Symbol(At, Name + "_output_keys") : Null(At),
        HasKeys(Info.Inputs) ? Symbol(At, Name + "_input_keys") : Null(At),
    };
    for (auto [I, Field] : llvm::enumerate(Fields))
      A = Put(At, A, Field, I);
    return A;
  });
  LLVM::LLVMFuncOp Func =
      makeFunction(Name + "_model", Ptr, {}, LLVM::Linkage::External);
  OpBuilder At(C);
  Func.addEntryBlock(At);
  At.setInsertionPointToStart(&Func.getBody().front());
  LLVM::ReturnOp::create(At, Loc, Symbol(At, Name + "_description"));
}
