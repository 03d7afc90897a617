//===- PassReport.h - What each pass did ------------------------*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Watches a pass manager: the counters of each pass, and for passes on the onnx
// dialect the figures of the model before and after, and the time.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_DRIVER_PASSREPORT_H
#define LATHE_DRIVER_PASSREPORT_H

#include "lathe/Driver/Stats.h"
#include "mlir/Pass/PassInstrumentation.h"
#include <memory>

namespace lathe::driver {

class PassReport {
public:
  struct Counter {
    std::string Name, Description;
    int64_t Value;
  };
  /// One run of a pass; of a nested one, all its runs in a row.
  struct Record {
    std::string Pass;
    double Milliseconds = 0;
    std::vector<Counter> Counters;
    /// With figures only.
    StageStats Before, After;
  };

  /// Also notes the figures of the model. Only for passes on the onnx dialect.
  void setFigures(bool Wanted) { Figures = Wanted; }

  /// What fills this report; it must outlive the pass manager.
  std::unique_ptr<mlir::PassInstrumentation> instrument();

  llvm::ArrayRef<Record> records() const { return Records; }

  /// All counters that are not zero, summed over the runs of a pass.
  void printCounters(llvm::raw_ostream &OS) const;
  /// A line for each record.
  void printText(llvm::raw_ostream &OS) const;
  /// {"passes":[{"pass":..,"ms":..,"before":{"nodes":..},"after":{..},
  /// "counters":{..}}]}
  void printJSON(llvm::raw_ostream &OS) const;

private:
  friend class PassWatcher;
  bool Figures = false;
  std::vector<Record> Records;
};

} // namespace lathe::driver

#endif // LATHE_DRIVER_PASSREPORT_H
