//===- Calibration.cpp - Samples in a folder ------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "lathe/Driver/Calibration.h"
#include "lathe/Driver/HostTensor.h"
#include "lathe/ONNX/Facts.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;
using namespace lathe::driver;

static bool isTensorFile(llvm::StringRef Path) {
  llvm::StringRef Ending = llvm::sys::path::extension(Path);
  return Ending == ".npy" || Ending == ".pb";
}

/// The file of an input of a sample, empty where there is none. A sample that
/// is a file has one input.
static std::string inputOf(llvm::StringRef Folder, size_t Number) {
  if (isTensorFile(Folder) && !llvm::sys::fs::is_directory(Folder))
    return Number == 0 ? Folder.str() : std::string();
  for (llvm::StringRef Ending : {".npy", ".pb"}) {
    llvm::SmallString<128> Path(Folder);
    llvm::sys::path::append(Path,
                            "input_" + std::to_string(Number) + Ending.str());
    if (llvm::sys::fs::exists(Path))
      return Path.str().str();
  }
  return {};
}

namespace {
class FolderSamples : public compress::SampleSource {
public:
  explicit FolderSamples(std::string Folder) : Folder(std::move(Folder)) {}

  llvm::Expected<size_t> count() override {
    auto Error = [&](const llvm::Twine &Why) {
      return llvm::createStringError("--calibrate: '" + Folder + "' " + Why);
    };
    if (!llvm::sys::fs::is_directory(Folder))
      return Error("is no folder");
    Samples.clear();
    if (!inputOf(Folder, 0).empty()) {
      Samples.push_back(Folder);
    } else {
      std::vector<std::string> Loose;
      std::error_code EC;
      for (llvm::sys::fs::directory_iterator It(Folder, EC), End;
           It != End && !EC; It.increment(EC)) {
        if (!llvm::sys::fs::is_directory(It->path())) {
          // Recorded outputs may lie beside.
          if (isTensorFile(It->path()) &&
              !llvm::sys::path::filename(It->path()).starts_with("output_"))
            Loose.push_back(It->path());
        } else if (!inputOf(It->path(), 0).empty()) {
          Samples.push_back(It->path());
        }
      }
      if (Samples.empty())
        Samples = std::move(Loose);
      llvm::sort(Samples);
    }
    if (Samples.empty())
      return Error("holds no samples: neither input_0.npy or .pb, nor folders "
                   "with them, nor .npy or .pb files for a model of one input");
    return Samples.size();
  }

  llvm::Expected<std::vector<onnx::EvaluatedTensor>>
  read(size_t Sample, llvm::ArrayRef<mlir::Type> Wanted) override {
    if (Wanted.size() > 1 && !llvm::sys::fs::is_directory(Samples[Sample]))
      return llvm::createStringError(
          name(Sample) + ": a file by itself is a sample of a model with one " +
          "input, and this one takes " + std::to_string(Wanted.size()) +
          "; give folders with input_0.npy, input_1.npy, ...");
    std::vector<onnx::EvaluatedTensor> Inputs;
    for (auto [I, Type] : llvm::enumerate(Wanted)) {
      std::string Path = inputOf(Samples[Sample], I);
      if (Path.empty())
        return llvm::createStringError(name(Sample) + ": input_" +
                                       std::to_string(I) +
                                       ".npy or .pb is missing");
      auto T = run::readTensor(Path, onnx::getDataType(Type));
      if (!T)
        return llvm::createStringError(Path + ": " +
                                       llvm::toString(T.takeError()));
      mlir::Type Element = onnx::getElementType(Type.getContext(), T->Type);
      if (!Element)
        return llvm::createStringError(Path + ": elements of " +
                                       run::typeName(T->Type) +
                                       " cannot be read");
      Inputs.push_back(
          {mlir::RankedTensorType::get(T->Shape, Element), std::move(T->Data)});
    }
    return Inputs;
  }

  std::vector<std::string> files() const override {
    std::vector<std::string> All;
    for (const std::string &Sample : Samples)
      for (size_t I = 0; !inputOf(Sample, I).empty(); ++I)
        All.push_back(inputOf(Sample, I));
    return All;
  }

  std::string name(size_t Sample) const override { return Samples[Sample]; }

private:
  std::string Folder;
  std::vector<std::string> Samples;
};
} // namespace

std::unique_ptr<compress::SampleSource>
driver::openSamples(std::string Folder) {
  return std::make_unique<FolderSamples>(std::move(Folder));
}
