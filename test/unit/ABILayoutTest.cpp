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

/// Where each field lies, and the size behind them.
static std::vector<size_t> offsets(LLVM::LLVMStructType Type,
                                   unsigned PointerBytes = 8) {
  std::vector<size_t> Result;
  for (size_t Field = 0; Field <= Type.getBody().size(); ++Field)
    Result.push_back(fieldOffset(Type, Field, PointerBytes));
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
    EXPECT_EQ(
        offsets(modelType(&C)),
        (std::vector<size_t>{AT(struct_size), AT(num_inputs), AT(num_outputs),
                             AT(reserved), AT(name), AT(inputs), AT(outputs),
                             AT(workspace_bytes), AT(weights_bytes), AT(call),
                             AT(error), AT(workspace), AT(version), AT(options),
                             AT(output_keys), AT(input_keys), sizeof(S)}));
  }
  {
    using S = lathe_map_keys;
    EXPECT_EQ(
        offsets(mapKeysType(&C)),
        (std::vector<size_t>{AT(count), AT(ints), AT(strings), sizeof(S)}));
  }
}

// As arm-linux-gnueabihf-gcc lays out lathe.h: 64-bit integers are aligned
// to 8.
TEST(ABILayout, PointersOf32Bits) {
  MLIRContext C;
  C.loadDialect<LLVM::LLVMDialect>();
  EXPECT_EQ(offsets(tensorType(&C), 4),
            (std::vector<size_t>{0, 4, 8, 12, 16, 24}));
  EXPECT_EQ(offsets(tensorInfoType(&C), 4),
            (std::vector<size_t>{0, 4, 8, 12, 16, 20}));
  EXPECT_EQ(offsets(callType(&C), 4),
            (std::vector<size_t>{0, 4, 8, 12, 16, 20, 24, 32, 40, 48, 56, 60,
                                 64, 68, 72, 76, 80, 84, 88}));
}
