//===- BufferizableOpInterfaceImpl.cpp - Bufferisation of moe -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/Transforms/BufferizableOpInterfaceImpl.h"
#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::moe;
using namespace mlir::bufferization;

/// The buffers of an op's tensor operands, other operands as they are.
static FailureOr<SmallVector<Value>>
getBuffers(Operation *op, RewriterBase &rewriter,
           const BufferizationOptions &options, BufferizationState &state) {
  SmallVector<Value> buffers;
  for (Value operand : op->getOperands()) {
    if (!isa<TensorType>(operand.getType())) {
      buffers.push_back(operand);
      continue;
    }
    FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
    if (failed(buffer))
      return failure();
    buffers.push_back(*buffer);
  }
  return buffers;
}

/// The same op on buffers and without results; the regions move over.
static Operation *createOnBuffers(Operation *op, RewriterBase &rewriter,
                                  ArrayRef<Value> buffers) {
  rewriter.setInsertionPoint(op);
  OperationState state(op->getLoc(), op->getName(), ValueRange(buffers),
                       TypeRange(), llvm::to_vector(op->getDiscardableAttrs()));
  state.propertiesAttr = op->getPropertiesAsAttribute();
  for (Region &region : op->getRegions())
    state.addRegion()->takeBody(region);
  return rewriter.create(state);
}

namespace {

/// A destination is read unless all that it holds is overwritten, or is
/// unspecified afterwards.
static bool readsDestination(Operation *op) {
  if (isa<GateOp, DispatchOp, ExpertBroadcastOp>(op))
    return false;
  auto product = dyn_cast<GroupedMatmulOp>(op);
  return !product || product.getPlace() != Placement::Plan;
}

template <typename OpTy>
struct DestinationModel
    : public DstBufferizableOpInterfaceExternalModel<DestinationModel<OpTy>,
                                                     OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    bool isDestination =
        cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
    return !isDestination || readsDestination(op);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    FailureOr<SmallVector<Value>> buffers =
        getBuffers(op, rewriter, options, state);
    if (failed(buffers))
      return failure();
    auto destinations = cast<DestinationStyleOpInterface>(op);
    SmallVector<Value> results;
    for (OpOperand &init : destinations.getDpsInitsMutable())
      results.push_back((*buffers)[init.getOperandNumber()]);
    createOnBuffers(op, rewriter, *buffers);
    replaceOpWithBufferizedValues(rewriter, op, results);
    return success();
  }
};

/// A plan's results are buffers of its own.
struct PlanModel
    : public BufferizableOpInterface::ExternalModel<PlanModel, PlanOp> {
  bool bufferizesToAllocation(Operation *, Value) const { return true; }
  bool bufferizesToMemoryRead(Operation *, OpOperand &,
                              const AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &,
                               const AnalysisState &) const {
    return false;
  }
  bool resultBufferizesToMemoryWrite(Operation *, OpResult,
                                     const AnalysisState &) const {
    return true;
  }
  AliasingValueList getAliasingValues(Operation *, OpOperand &,
                                      const AnalysisState &) const {
    return {};
  }
  FailureOr<BufferLikeType> getBufferType(Operation *, Value value,
                                          const BufferizationOptions &,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    auto type = cast<RankedTensorType>(value.getType());
    return cast<BufferLikeType>(
        MemRefType::get(type.getShape(), type.getElementType()));
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto plan = cast<PlanOp>(op);
    ReifiedRankedShapedTypeDims shapes;
    rewriter.setInsertionPoint(op);
    if (failed(plan.reifyResultShapes(rewriter, shapes)))
      return failure();
    FailureOr<SmallVector<Value>> operands =
        getBuffers(op, rewriter, options, state);
    if (failed(operands))
      return failure();
    SmallVector<Value> results;
    for (auto [result, sizes] : llvm::zip(op->getResults(), shapes)) {
      auto tensor = cast<RankedTensorType>(result.getType());
      auto type = MemRefType::get(tensor.getShape(), tensor.getElementType());
      SmallVector<Value> dynamicSizes;
      for (auto [size, extent] : llvm::zip(sizes, type.getShape()))
        if (ShapedType::isDynamic(extent))
          dynamicSizes.push_back(
              getValueOrCreateConstantIndexOp(rewriter, op->getLoc(), size));
      FailureOr<Value> buffer =
          options.createAlloc(rewriter, op->getLoc(), type, dynamicSizes);
      if (failed(buffer))
        return failure();
      results.push_back(*buffer);
    }
    PlanOp::create(rewriter, op->getLoc(), TypeRange(), (*operands)[0], results,
                   plan.getExperts());
    replaceOpWithBufferizedValues(rewriter, op, results);
    return success();
  }
};

} // namespace

void mlir::moe::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, MoEDialect *) {
    DispatchOp::attachInterface<DestinationModel<DispatchOp>>(*context);
    ExpertBroadcastOp::attachInterface<DestinationModel<ExpertBroadcastOp>>(
        *context);
    GroupedMatmulOp::attachInterface<DestinationModel<GroupedMatmulOp>>(
        *context);
    CombineOp::attachInterface<DestinationModel<CombineOp>>(*context);
    GateOp::attachInterface<DestinationModel<GateOp>>(*context);
    PlanOp::attachInterface<PlanModel>(*context);
    context->loadDialect<memref::MemRefDialect, BufferizationDialect>();
  });
}
