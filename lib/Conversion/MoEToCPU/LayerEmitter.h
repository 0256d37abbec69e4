//===- LayerEmitter.h - One thread's part of a layer's ops ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_CONVERSION_MOETOCPU_LAYEREMITTER_H
#define MOE_LIB_CONVERSION_MOETOCPU_LAYEREMITTER_H

#include "LinearSize.h"
#include "Phases.h"
#include "Products.h"
#include "Schedule.h"

namespace mlir::moe {

/// Emits an error and fails where an op of the layer cannot be lowered.
LogicalResult verifyLayer(func::FuncOp function, LinearSize tokens,
                          const KernelOptions &options);

/// The view of the packed buffer that a weight is, or null.
memref::ViewOp getPackedView(Value weight);

/// Replaces the ops of a layer, on memrefs, by what one thread does of them.
class LayerEmitter {
public:
  LayerEmitter(LoopBuilder &builder, Kernels &kernels, Scratch &scratch,
               TaskCounters &counters, TeamMemory &teamMemory,
               ThreadInfo thread, Value tokens, Value packed)
      : b(builder), kernels(kernels), scratch(scratch), counters(counters),
        teamMemory(teamMemory), thread(thread), tokens(tokens), packed(packed) {
  }

  /// Replaces all ops of `phases`, with a barrier between two phases.
  void emit(const Phases &phases);

private:
  void lower(Operation *op, const Phases &phases);
  void lowerGate(GateOp gate, bool canShare);
  void lowerPlan(PlanOp plan);
  void lowerCombine(CombineOp combine);
  void lowerDispatch(DispatchOp dispatch);
  void lowerBroadcast(ExpertBroadcastOp broadcast);
  void lowerProduct(GroupedMatmulOp product, GroupedMatmulOp producer);
  void lowerDense(GroupedMatmulOp product);
  void lowerLinalg(linalg::LinalgOp op);
  void runOnFirstThread(Operation *op);

  ProductEmitter makeProduct(Operation *op, ValueRange weights, Value x,
                             LoweringConfigAttr config);
  Schedule &getSchedule(GroupedMatmulOp product);
  int64_t getRowBlock(Value offsets);
  Value loadRowNumber(GroupedMatmulOp product, Value row);
  Epilogue makeEpilogue(GroupedMatmulOp product, Value expert, Value firstRow,
                        Value isStreamed = {});
  Value isStreamed(GroupedMatmulOp product);
  EpilogueRow makeRow(GroupedMatmulOp product, Value expert, Value row,
                      Value local);
  Value loadInput(GroupedMatmulOp product, unsigned input,
                  const EpilogueRow &row, Value column, unsigned lanes);
  void storeResult(GroupedMatmulOp product, Value value, const EpilogueRow &row,
                   Value column, unsigned lanes, Value isStreamed);
  void copyLogits(GateOp gate, Value logits, Value firstToken, Value numTokens);
  void computeLogits(GateOp gate, ProductEmitter &product, Value logits,
                     Value start, Value firstToken, Value numTokens,
                     Value firstPanel, Value lastPanel);
  void gateOwnTokens(GateOp gate, ProductEmitter *product);
  void shareGate(GateOp gate, ProductEmitter &product);
  void publish(Value shared, Value own, Value isOwn);
  void combineColumns(CombineOp combine, Value token, Value column,
                      unsigned lanes, unsigned count);

  LoopBuilder &b;
  Kernels &kernels;
  Scratch &scratch;
  TaskCounters &counters;
  TeamMemory &teamMemory;
  ThreadInfo thread;
  Value tokens, packed;
  llvm::DenseMap<Value, std::unique_ptr<Schedule>> schedules;
  /// What is emitted behind the next barrier.
  SmallVector<std::function<void()>> afterBarrier;
};

} // namespace mlir::moe

#endif // MOE_LIB_CONVERSION_MOETOCPU_LAYEREMITTER_H
