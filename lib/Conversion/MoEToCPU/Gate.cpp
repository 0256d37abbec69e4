//===- Gate.cpp - Logits and selection, one thread's part -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerEmitter.h"
#include "Router.h"

using namespace mlir;
using namespace mlir::moe;

/// Copies the logits of a block of tokens, which are the gate's rows.
void LayerEmitter::copyLogits(GateOp gate, Value logits, Value firstToken,
                              Value numTokens) {
  int64_t experts = gate.getNumExperts();
  b.forEach(b.index(0), numTokens, [&](Value local) {
    b.forEach(experts, [&](Value e) {
      SmallVector<Value> arguments = {
          b.load(gate.getX(), {b.add(firstToken, local), e})};
      if (gate.getLogitBias())
        arguments.push_back(b.load(gate.getLogitBias(), e));
      Value logit = cloneElementwise(b, gate.getLogit(), arguments, 0);
      b.store(b.toF32(logit), logits, b.add(b.mul(local, experts), e));
    });
  });
}

/// Computes the logits of a block of tokens into `logits` from `start` on, E
/// per token, in the columns of the panels from `firstPanel` to `lastPanel`.
void LayerEmitter::computeLogits(GateOp gate, ProductEmitter &product,
                                 Value logits, Value start, Value firstToken,
                                 Value numTokens, Value firstPanel,
                                 Value lastPanel) {
  product.gather(gate.getX(), numTokens,
                 [&](Value local) { return b.add(firstToken, local); });
  Epilogue epilogue;
  epilogue.region = &gate.getLogit();
  epilogue.makeRow = [](Value local) {
    EpilogueRow row;
    row.local = local;
    return row;
  };
  epilogue.loadInput = [&](unsigned, const EpilogueRow &, Value column,
                           unsigned lanes) {
    return b.loadLanes(lanes, gate.getLogitBias(), column);
  };
  epilogue.storeResult = [&](Value value, const EpilogueRow &row, Value column,
                             unsigned lanes) {
    Value position = b.add(b.mul(row.local, gate.getNumExperts()), column);
    b.storeLanes(b.toF32(value), logits, b.add(start, position));
  };
  product.emitPanels(b.index(0), numTokens, firstPanel, lastPanel, epilogue);
}

/// The thread's tokens, block by block: their logits, then their experts.
void LayerEmitter::gateOwnTokens(GateOp gate, ProductEmitter *product) {
  int64_t mark = scratch.mark();
  int64_t experts = gate.getNumExperts();
  int64_t block = product ? product->getRowBlock() : 16;
  Value logits = scratch.allocate(b, block * experts, b.getF32Type());
  RouterEmitter router(b, scratch, gate, logits, gate.getIdsInit(),
                       gate.getWeightsInit(), kernels.getOptions().lanes());
  auto [from, to] = b.share(tokens, thread.thread, thread.numThreads);
  Value last = to;
  b.forEach(from, to, b.index(block), [&](Value firstToken) {
    Value count = b.min(b.index(block), b.sub(last, firstToken));
    if (product)
      computeLogits(gate, *product, logits, b.index(0), firstToken, count,
                    b.index(0), b.index(product->getLayout().numPanels()));
    else
      copyLogits(gate, logits, firstToken, count);
    b.forEach(b.index(0), count, [&](Value local) {
      router.emit(b.add(firstToken, local), b.mul(local, experts));
    });
  });
  scratch.release(mark);
}

/// Where there are two threads for a token, one of them would read all of the
/// router's weights while the other waits, which takes as long as several
/// experts on all threads. There the threads share the columns of the logits,
/// and after the barrier that follows anyway each selects the experts of all
/// tokens for itself: that takes less than another barrier.
void LayerEmitter::shareGate(GateOp gate, ProductEmitter &product) {
  constexpr int64_t maxTokens = 16;
  int64_t experts = gate.getNumExperts();
  int64_t topK = static_cast<int64_t>(gate.getRouter().getTopK());
  // What each thread selects is its own, as long as the layer runs.
  auto allocate = [&](Value init) {
    Type element = cast<MemRefType>(init.getType()).getElementType();
    int64_t start = scratch.allocateBytes(maxTokens * topK * 4);
    return b.view(scratch.getBytes(), b.index(start),
                  {ShapedType::kDynamic, topK}, element, tokens);
  };
  Value ids = allocate(gate.getIdsInit());
  Value weights = allocate(gate.getWeightsInit());

  // As many tokens as threads have room.
  int64_t bytes = llvm::alignTo(experts * 4, 64);
  Value place = teamMemory.allocate(b, thread.numThreads, bytes);
  Value logits = b.view(teamMemory.getBytes(), place, {ShapedType::kDynamic},
                        b.getF32Type(), b.mul(tokens, experts));
  Value isShared = b.logicalAnd(
      b.less(tokens, b.index(maxTokens + 1)),
      b.cmp(arith::CmpIPredicate::ule, b.mul(tokens, 2), thread.numThreads));
  auto share = [&] {
    auto [from, to] = b.share(b.index(product.getLayout().numPanels()),
                              thread.thread, thread.numThreads);
    Value first = from, last = to, step = b.index(product.getRowBlock());
    b.ifThen(b.less(first, last), [&] {
      b.forEach(b.index(0), tokens, step, [&](Value token) {
        computeLogits(gate, product, logits, b.mul(token, experts), token,
                      b.min(step, b.sub(tokens, token)), first, last);
      });
    });
  };
  int64_t mark = scratch.mark();
  product.allocate();
  b.ifElse(isShared, share, [&] { gateOwnTokens(gate, &product); });
  scratch.release(mark);
  afterBarrier.push_back([=]() mutable {
    int64_t mark = scratch.mark();
    RouterEmitter router(b, scratch, gate, logits, ids, weights,
                         kernels.getOptions().lanes());
    b.ifThen(isShared, [&] {
      b.forEach(b.index(0), tokens, [&](Value token) {
        router.emit(token, b.mul(token, experts));
      });
    });
    scratch.release(mark);
    publish(gate.getIdsInit(), ids, isShared);
    publish(gate.getWeightsInit(), weights, isShared);
    gate.erase();
  });
}

/// Lets the ops that follow read a thread's own copy of `shared` where `isOwn`.
/// Only these ops read `shared` (`Phases::canShare`), and who called the layer
/// where it is a result.
void LayerEmitter::publish(Value shared, Value own, Value isOwn) {
  Value read = arith::SelectOp::create(b, isOwn, own, shared);
  shared.replaceUsesWithIf(read, [](OpOperand &use) {
    return isa<PlanOp, GroupedMatmulOp, CombineOp>(use.getOwner());
  });
  if (!isa<BlockArgument>(shared))
    return;
  Value isFirst = b.equal(thread.thread, b.index(0));
  b.ifThen(b.logicalAnd(isOwn, isFirst),
           [&] { memref::CopyOp::create(b, own, shared); });
}

void LayerEmitter::lowerGate(GateOp gate, bool canShare) {
  int64_t mark = scratch.mark();
  std::optional<ProductEmitter> product;
  if (gate.getWeight()) {
    product.emplace(makeProduct(gate, gate.getWeight(), gate.getX(),
                                gate.getLoweringConfigAttr()));
    if (canShare && product->getLayout().numPanels() > 1)
      return shareGate(gate, *product);
    product->allocate();
  }
  gateOwnTokens(gate, product ? &*product : nullptr);
  scratch.release(mark);
  gate.erase();
}
