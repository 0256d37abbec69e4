//===- EntryPoint.h - What a compiled layer takes and gives -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The functions that a lowered module offers, as its attribute
// `moe.entry_points` describes them.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TARGET_CPU_ENTRYPOINT_H
#define MOE_TARGET_CPU_ENTRYPOINT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include <optional>

namespace mlir::moe {

/// An element type as DLPack has it: DLDataType's code and bits.
struct DLPackType {
  uint8_t code;
  uint8_t bits;
};

/// The DLPack form of `type`; nothing if DLPack has none.
std::optional<DLPackType> getDLPackType(Type type);

/// A run-time input, a parameter or an output of an entry point.
struct EntryTensor {
  std::string name;
  /// A dynamic dimension is the token count; a parameter has none.
  RankedTensorType type;
  /// Whether callers hand over one tensor per expert: the leading dimension of
  /// `type` is E, and `name` has a `*` for the expert's number.
  bool perExpert = false;

  /// The tensors that callers hand over: E or 1.
  int64_t getCount() const { return perExpert ? type.getDimSize(0) : 1; }

  /// The shape of one of them.
  ArrayRef<int64_t> getShape() const {
    return type.getShape().drop_front(perExpert ? 1 : 0);
  }
};

/// One compiled function: `NAME__pack` and `NAME__run` in the llvm dialect,
/// and what they expect.
struct EntryPoint {
  std::string name;
  std::vector<EntryTensor> inputs, params, outputs;
  /// Bytes of the packed parameters.
  int64_t packedSize = 0;
  /// Bytes of the workspace of one call with T tokens: fixed + T * perToken +
  /// threads * perThread.
  int64_t workspaceFixed = 0, workspacePerToken = 0, workspacePerThread = 0;
  /// Slots per token: T * topK has to be below 2^31.
  int64_t topK = 1;

  int64_t getMaxTokens() const { return INT32_MAX / topK; }

  /// The tensors that NAME_pack takes.
  int64_t getNumParamTensors() const;
};

/// Reads `moe.entry_points` of `module` and checks it: names that C accepts,
/// types that DLPack has, sizes, and the functions in the llvm dialect. What is
/// wrong is said at the module.
FailureOr<std::vector<EntryPoint>> getEntryPoints(ModuleOp module);

} // namespace mlir::moe

#endif // MOE_TARGET_CPU_ENTRYPOINT_H
