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

static std::string inputOf(llvm::StringRef Folder, size_t Number) {
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
      std::error_code EC;
      for (llvm::sys::fs::directory_iterator It(Folder, EC), End;
           It != End && !EC; It.increment(EC))
        if (llvm::sys::fs::is_directory(It->path()) &&
            !inputOf(It->path(), 0).empty())
          Samples.push_back(It->path());
      llvm::sort(Samples);
    }
    if (Samples.empty())
      return Error("holds no samples: neither input_0.npy or .pb, nor folders "
                   "with them");
    return Samples.size();
  }

  llvm::Expected<std::vector<onnx::EvaluatedTensor>>
  read(size_t Sample, llvm::ArrayRef<mlir::Type> Wanted) override {
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
