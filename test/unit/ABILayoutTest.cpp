//===- ABILayoutTest.cpp --------------------------------------------------===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../../lib/Target/CallBuilder.h"
#include "lathe.h"
#include "gtest/gtest.h"

using namespace lathe::target;
using namespace mlir;

/// Where each field lies, and the size behind them, on a 64-bit machine.
static std::vector<size_t> offsets(LLVM::LLVMStructType Type) {
  std::vector<size_t> Result;
  size_t At = 0, Widest = 1;
  for (mlir::Type Field : Type.getBody()) {
    size_t Size = isa<LLVM::LLVMPointerType>(Field)
                      ? 8
                      : Field.getIntOrFloatBitWidth() / 8;
    At = (At + Size - 1) / Size * Size;
    Result.push_back(At);
    At += Size;
    Widest = std::max(Widest, Size);
  }
  Result.push_back((At + Widest - 1) / Widest * Widest);
  return Result;
}

#define AT(field) offsetof(S, field)

TEST(ABILayout, StructuresAgreeWithTheHeader) {
  MLIRContext C;
  C.loadDialect<LLVM::LLVMDialect>();
  {
    using S = lathe_tensor;
    EXPECT_EQ(offsets(tensorType(&C)),
              (std::vector<size_t>{AT(data), AT(type), AT(rank), AT(shape),
                                   AT(capacity), sizeof(S)}));
  }
  {
    using S = lathe_call;
    EXPECT_EQ(
        offsets(callType(&C)),
        (std::vector<size_t>{
            AT(struct_size), AT(num_inputs), AT(num_outputs), AT(reserved),
            AT(inputs), AT(outputs), AT(workspace), AT(workspace_bytes),
            AT(weights), AT(weights_bytes), AT(allocate), AT(free),
            AT(allocate_user), AT(parallel_for), AT(parallel_user), AT(profile),
            AT(profile_user), AT(stream), sizeof(S)}));
  }
  {
    using S = lathe_tensor_info;
    EXPECT_EQ(offsets(tensorInfoType(&C)),
              (std::vector<size_t>{AT(name), AT(type), AT(rank), AT(shape),
                                   AT(dims), sizeof(S)}));
  }
  {
    using S = lathe_model;
    EXPECT_EQ(offsets(modelType(&C)),
              (std::vector<size_t>{
                  AT(struct_size), AT(num_inputs), AT(num_outputs),
                  AT(reserved), AT(name), AT(inputs), AT(outputs),
                  AT(workspace_bytes), AT(weights_bytes), AT(call), AT(error),
                  AT(workspace), AT(version), AT(options), AT(output_keys),
                  sizeof(S)}));
  }
  {
    using S = lathe_map_keys;
    EXPECT_EQ(offsets(mapKeysType(&C)),
              (std::vector<size_t>{AT(count), AT(ints), AT(strings),
                                   sizeof(S)}));
  }
}
