//===- ImportUpgradeTest.cpp - Every version step of every schema ---------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Walks all schema versions: each step to the next is unchanged, has a rule, or
// is a refusal listed here. An unchanged step must at least look so: nothing of
// the old signature may be missing in the new one.
//
//===----------------------------------------------------------------------===//

#include "../../lib/Import/History.h"
#include "../../lib/Import/Upgrade.h"
#include "gtest/gtest.h"
#include <set>

using namespace lathe::import;
using lathe::onnx::Arity;
using lathe::onnx::AttrFacts;
using lathe::onnx::OpFacts;
using lathe::onnx::ValueFacts;

static std::string name(const OpFacts &A, const OpFacts &B) {
  return A.Domain.str() + "." + A.Name.str() + " " +
         std::to_string(A.SinceVersion) + " -> " +
         std::to_string(B.SinceVersion);
}

/// True if every list of values that \p Old allows is one that \p New allows,
/// with each value at its place.
static bool grew(llvm::ArrayRef<ValueFacts> Old,
                 llvm::ArrayRef<ValueFacts> New) {
  if (Old.size() > New.size())
    return false;
  for (size_t I = 0; I < New.size(); ++I) {
    if (I >= Old.size()) {
      if (New[I].Kind == Arity::Single)
        return false;
      continue;
    }
    bool SameKind =
        Old[I].Kind == New[I].Kind ||
        (Old[I].Kind == Arity::Single && New[I].Kind == Arity::Optional);
    const auto &A = Old[I].Types, &B = New[I].Types;
    if (!SameKind || (A.Tensor & ~B.Tensor) || (A.Seq & ~B.Seq) ||
        (A.Opt & ~B.Opt) || (A.OptSeq & ~B.OptSeq))
      return false;
  }
  return true;
}

static bool sameDefault(const AttrFacts &A, const AttrFacts &B) {
  return A.HasDefault == B.HasDefault && A.Int == B.Int && A.Float == B.Float &&
         A.String == B.String && A.Ints == B.Ints && A.Strings == B.Strings;
}

static bool attributesGrew(const OpFacts &Old, const OpFacts &New) {
  for (const AttrFacts &A : Old.Attrs) {
    const AttrFacts *B = New.findAttr(A.Name);
    if (!B || B->Kind != A.Kind || !sameDefault(A, *B) ||
        (B->Required && !A.Required))
      return false;
  }
  for (const AttrFacts &B : New.Attrs)
    if (B.Required && !Old.findAttr(B.Name))
      return false;
  return true;
}

TEST(ImportUpgrade, EveryStepIsKnown) {
  // Domain, op, from: what an import refuses or leaves at an older version.
  const std::vector<std::string> Refused = {
      "ai.onnx.ml.TreeEnsembleClassifier 3 -> 5",
      "ai.onnx.ml.TreeEnsembleRegressor 3 -> 5"};
  // These took back integer types, which no node should have used.
  const std::set<std::string> Narrowed = {
      ".Erf 9 -> 13", ".ReduceLogSum 18 -> 28", ".ReduceLogSumExp 18 -> 28"};
  llvm::ArrayRef<OpFacts> History = getHistory();
  unsigned Steps = 0, Rules = 0, Unchanged = 0;
  std::vector<std::string> Found;
  EXPECT_EQ(History.size(), 659u);
  for (size_t I = 0; I + 1 < History.size(); ++I) {
    const OpFacts &A = History[I], &B = History[I + 1];
    if (A.Domain != B.Domain || A.Name != B.Name)
      continue;
    ++Steps;
    ASSERT_LT(A.SinceVersion, B.SinceVersion);
    const Step *S = findStep(A.Domain, A.Name, A.SinceVersion, B.SinceVersion);
    bool Same = isUnchanged(A.Domain, A.Name, A.SinceVersion, B.SinceVersion);
    EXPECT_NE(Same, S != nullptr)
        << name(A, B) << ": in " << (Same ? "two tables" : "no table");
    if (S && !S->Fn) {
      EXPECT_FALSE(S->Reason.empty());
      Found.push_back(name(A, B));
    }
    Rules += S && S->Fn;
    Unchanged += Same;
    if (!Same)
      continue;
    EXPECT_FALSE(isDeprecated(B)) << name(A, B);
    bool Grew = grew(A.Operands, B.Operands) && grew(A.Results, B.Results);
    EXPECT_NE(Grew, Narrowed.count(name(A, B)) != 0) << name(A, B);
    EXPECT_TRUE(attributesGrew(A, B)) << name(A, B) << ": attributes";
  }
  EXPECT_EQ(Found, Refused);
  EXPECT_EQ(Steps, Rules + Unchanged + Refused.size());
  RecordProperty("rules", Rules);
}

/// No table holds a step that no schema makes.
TEST(ImportUpgrade, NoStepIsUnused) {
  auto Exists = [](llvm::StringRef Domain, llvm::StringRef Op, unsigned From,
                   unsigned To) {
    llvm::ArrayRef<OpFacts> Versions = getVersions(Domain, Op);
    for (size_t I = 0; I + 1 < Versions.size(); ++I)
      if (Versions[I].SinceVersion == From)
        return Versions[I + 1].SinceVersion == To;
    return false;
  };
  for (llvm::ArrayRef<Step> Steps :
       {getMathSteps(), getShapeSteps(), getNNSteps(), getControlSteps()})
    for (const Step &S : Steps)
      EXPECT_TRUE(Exists(S.Domain, S.OpType, S.From, S.To))
          << S.OpType.str() << " " << S.From << " -> " << S.To;
  for (const UnchangedRun &Run : getUnchangedRuns())
    for (unsigned I = 0; I + 1 < std::size(Run.Versions) && Run.Versions[I + 1];
         ++I)
      EXPECT_TRUE(
          Exists(Run.Domain, Run.OpType, Run.Versions[I], Run.Versions[I + 1]))
          << Run.OpType.str() << " " << unsigned(Run.Versions[I]);
}

TEST(ImportUpgrade, HistoryLookups) {
  EXPECT_EQ(getNewestOpset(""), 28u);
  EXPECT_EQ(getNewestOpset("no.such.domain"), 0u);
  EXPECT_TRUE(getVersions("", "NoSuchOp").empty());
  EXPECT_EQ(getVersions("", "Upsample").size(), 4u);
  EXPECT_TRUE(isDeprecated(getVersions("", "Upsample").back()));
}
