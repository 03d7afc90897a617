//===- PassReport.cpp - What each pass did --------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/PassReport.h"
#include "lathe/Support/PassStatistic.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include <chrono>
#include <mutex>

using namespace lathe;
using namespace lathe::driver;
using namespace mlir;

namespace lathe::driver {
class PassWatcher : public PassInstrumentation {
public:
  explicit PassWatcher(PassReport &Report) : Report(Report) {}

  void runBeforePass(Pass *P, Operation *Op) override {
    if (P->getArgument().empty())
      return;
    std::lock_guard<std::mutex> Lock(Mutex);
    Run &Mine = Running[P];
    Mine = {};
    if (auto Module = dyn_cast<ModuleOp>(Op)) {
      if (Report.Figures)
        Mine.Before = collectStats(Module, Stage::Graph);
      Open.push_back(P);
    }
    // Passes on several functions may run at once.
    Mine.Start = std::chrono::steady_clock::now();
  }

  void runAfterPass(Pass *P, Operation *Op) override {
    auto Now = std::chrono::steady_clock::now();
    if (P->getArgument().empty())
      return;
    std::lock_guard<std::mutex> Lock(Mutex);
    PassReport::Record R;
    R.Pass = P->getArgument().str();
    Run &Mine = Running[P];
    double Whole =
        std::chrono::duration<double, std::milli>(Now - Mine.Start).count();
    R.Milliseconds = Whole - Mine.Inner;
    for (PassStatistic *S : PassStatistic::of(P))
      R.Counters.push_back(
          {S->getName().str(), S->getDescription().str(), S->take()});
    if (auto Module = dyn_cast<ModuleOp>(Op)) {
      Open.pop_back();
      if (!Open.empty())
        Running[Open.back()].Inner += Whole;
      if (Report.Figures) {
        R.Before = Mine.Before;
        R.After = collectStats(Module, Stage::Graph);
      }
    } else if (!Report.Records.empty() &&
               Report.Records.back().Pass == R.Pass) {
      PassReport::Record &Last = Report.Records.back();
      Last.Milliseconds += R.Milliseconds;
      for (auto [Sum, More] : llvm::zip_equal(Last.Counters, R.Counters))
        Sum.Value += More.Value;
      return;
    }
    Report.Records.push_back(std::move(R));
  }

  void runAfterPassFailed(Pass *P, Operation *Op) override {
    runAfterPass(P, Op);
  }

private:
  PassReport &Report;
  std::mutex Mutex;
  struct Run {
    StageStats Before;
    std::chrono::steady_clock::time_point Start;
    /// Time of the passes that ran within it.
    double Inner = 0;
  };
  llvm::DenseMap<Pass *, Run> Running;
  /// Passes on the module that have begun and not ended, outermost first.
  llvm::SmallVector<Pass *> Open;
};
} // namespace lathe::driver

std::unique_ptr<PassInstrumentation> PassReport::instrument() {
  return std::make_unique<PassWatcher>(*this);
}

void PassReport::printCounters(llvm::raw_ostream &OS) const {
  llvm::MapVector<
      llvm::StringRef,
      llvm::MapVector<llvm::StringRef, std::pair<int64_t, llvm::StringRef>>>
      Sums;
  for (const Record &R : Records)
    for (const Counter &C : R.Counters) {
      auto &Sum = Sums[R.Pass][C.Name];
      Sum.first += C.Value;
      Sum.second = C.Description;
    }
  for (auto &[Pass, Counters] : Sums) {
    if (llvm::all_of(Counters, [](auto &C) { return !C.second.first; }))
      continue;
    OS << Pass << "\n";
    for (auto &[Name, Sum] : Counters)
      if (Sum.first)
        OS << llvm::format("  %8lld  ", (long long)Sum.first) << Name << ": "
           << Sum.second << "\n";
  }
}

void PassReport::printText(llvm::raw_ostream &OS) const {
  OS << llvm::format("%-30s %9s %16s %14s %18s %14s\n", "pass", "ms", "nodes",
                     "parameters", "multiply-adds", "weight bytes");
  auto MACs = [](const StageStats &S) {
    return S.MACs ? std::to_string(*S.MACs) : std::string("by shapes");
  };
  for (const Record &R : Records) {
    OS << llvm::format("%-30s %9.2f %7lld -> %5lld %14lld %18s %14lld\n",
                       R.Pass.c_str(), R.Milliseconds,
                       (long long)R.Before.Nodes, (long long)R.After.Nodes,
                       (long long)R.After.Parameters, MACs(R.After).c_str(),
                       (long long)R.After.WeightBytes);
    for (const Counter &C : R.Counters)
      if (C.Value)
        OS << "    " << C.Value << " " << C.Name << ": " << C.Description
           << "\n";
  }
}

void PassReport::printJSON(llvm::raw_ostream &OS) const {
  llvm::json::OStream J(OS);
  auto Figures = [&](llvm::StringRef Name, const StageStats &S) {
    J.attributeObject(Name, [&] {
      J.attribute("nodes", S.Nodes);
      J.attribute("parameters", S.Parameters);
      J.attribute("macs", S.MACs ? llvm::json::Value(*S.MACs)
                                 : llvm::json::Value(nullptr));
      J.attribute("weight_bytes", S.WeightBytes);
    });
  };
  J.object([&] {
    J.attributeArray("passes", [&] {
      for (const Record &R : Records)
        J.object([&] {
          J.attribute("pass", R.Pass);
          J.attribute("ms", R.Milliseconds);
          Figures("before", R.Before);
          Figures("after", R.After);
          J.attributeObject("counters", [&] {
            for (const Counter &C : R.Counters)
              J.attribute(C.Name, C.Value);
          });
        });
    });
  });
  OS << "\n";
}
