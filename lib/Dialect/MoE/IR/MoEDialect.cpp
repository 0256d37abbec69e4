//===- MoEDialect.cpp - Registration and bytecode version of moe ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Bytecode/BytecodeImplementation.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::moe;

#include "moe/Dialect/MoE/IR/MoEDialect.cpp.inc"
#include "moe/Dialect/MoE/IR/MoEEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "moe/Dialect/MoE/IR/MoEAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "moe/Dialect/MoE/IR/MoEOps.cpp.inc"

namespace {
/// Version of moe's bytecode: one number, raised by every change of an op or
/// attribute that an older reader would misread. A reader refuses newer files
/// with a message that says so, and reads all older ones.
struct MoEDialectVersion : public DialectVersion {
  static constexpr uint64_t current = 1;
  explicit MoEDialectVersion(uint64_t value) : value(value) {}
  uint64_t value;
};

struct MoEBytecodeInterface : public BytecodeDialectInterface {
  explicit MoEBytecodeInterface(Dialect *dialect)
      : BytecodeDialectInterface(dialect) {}

  void writeVersion(DialectBytecodeWriter &writer) const override {
    writer.writeVarInt(MoEDialectVersion::current);
  }

  std::unique_ptr<DialectVersion>
  readVersion(DialectBytecodeReader &reader) const override {
    uint64_t version;
    if (failed(reader.readVarInt(version)))
      return nullptr;
    if (version > MoEDialectVersion::current) {
      reader.emitError() << "expected moe dialect version of at most "
                         << MoEDialectVersion::current << ", got " << version;
      return nullptr;
    }
    return std::make_unique<MoEDialectVersion>(version);
  }
};

/// Nothing in moe depends on the function around it.
struct MoEInlinerInterface : public DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

void MoEDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "moe/Dialect/MoE/IR/MoEAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "moe/Dialect/MoE/IR/MoEOps.cpp.inc"
      >();
  addInterfaces<MoEBytecodeInterface, MoEInlinerInterface>();
  // Implemented by registerBufferizableOpInterfaceExternalModels and
  // registerTilingInterfaceExternalModels in Transforms.
  declarePromisedInterfaces<bufferization::BufferizableOpInterface, PlanOp,
                            DispatchOp, ExpertBroadcastOp, GroupedMatmulOp,
                            CombineOp, GateOp>();
  declarePromisedInterfaces<TilingInterface, DispatchOp, GroupedMatmulOp,
                            CombineOp, GateOp>();
}
