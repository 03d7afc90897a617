//===- Kernel.h - The kernel dialect -*- C++ -*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_KERNEL_KERNEL_H
#define LATHE_KERNEL_KERNEL_H

#include "lathe/Support/DotForm.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "lathe/Kernel/KernelDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "lathe/Kernel/KernelAttrs.h.inc"

#define GET_OP_CLASSES
#include "lathe/Kernel/KernelOps.h.inc"

#endif // LATHE_KERNEL_KERNEL_H
