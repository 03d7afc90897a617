//===- Status.h - Why a run ends early ---------------------------*- C++-*-===//
//
// Part of Lathe, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a node may meet that only the run knows. Between the stages it travels
// as the text of a `cf.assert` of main; the status of a call holds the number
// that lathe.h gives it.
//
//===----------------------------------------------------------------------===//

#ifndef LATHE_SUPPORT_STATUS_H
#define LATHE_SUPPORT_STATUS_H

#include "llvm/ADT/StringRef.h"

namespace lathe {

/// The numbers are those of lathe_reason.
enum class NodeReason {
  OutOfRange = 32,
  ShapeConflict = 33,
  BadValue = 34,
  NodeMemory = 35
};

/// "an index is out of range", as an error message says it.
inline llvm::StringRef textOf(NodeReason R) {
  switch (R) {
  case NodeReason::OutOfRange:
    return "an index is out of range";
  case NodeReason::ShapeConflict:
    return "the shapes do not fit together";
  case NodeReason::BadValue:
    return "a value is not allowed";
  case NodeReason::NodeMemory:
    return "it needs memory of a size that only the run knows, and the call "
           "has no allocator or that gave none";
  }
  return {};
}

/// The reason with this text; a text of anybody else's is about shapes.
inline NodeReason reasonOf(llvm::StringRef Text) {
  for (NodeReason R :
       {NodeReason::OutOfRange, NodeReason::BadValue, NodeReason::NodeMemory})
    if (Text == textOf(R))
      return R;
  return NodeReason::ShapeConflict;
}

} // namespace lathe

#endif // LATHE_SUPPORT_STATUS_H
