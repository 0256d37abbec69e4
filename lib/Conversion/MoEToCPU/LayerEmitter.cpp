//===- LayerEmitter.cpp - One thread's part of a layer's ops --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LayerEmitter.h"
#include "Runtime.h"

#include "mlir/Interfaces/TilingInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

memref::ViewOp mlir::moe::getPackedView(Value weight) {
  auto cast = weight.getDefiningOp<UnrealizedConversionCastOp>();
  return cast ? cast.getOperand(0).getDefiningOp<memref::ViewOp>() : nullptr;
}

ProductEmitter LayerEmitter::makeProduct(Operation *op, ValueRange weights,
                                         Value x, LoweringConfigAttr config) {
  auto type = cast<MemRefType>(weights[0].getType());
  PackedLayout layout = PackedLayout::get(
      type, static_cast<int64_t>(weights.size()), config.getColumns());
  Type element = getElementTypeOrSelf(x.getType());
  return ProductEmitter(b, kernels, scratch, layout, config, packed,
                        getPackedView(weights[0]).getByteShift(), element);
}

//===----------------------------------------------------------------------===//
// Ops in order
//===----------------------------------------------------------------------===//

void LayerEmitter::emit(const Phases &phases) {
  ArrayRef<Operation *> order = phases.getOrder();
  if (order.empty())
    return;
  Operation *terminator = order.front()->getBlock()->getTerminator();
  unsigned phase = 0;
  SmallVector<Operation *> lowered;
  for (Operation *op : order) {
    op->moveBefore(terminator);
    b.setInsertionPoint(terminator);
    b.setLoc(op->getLoc());
    if (isScalarOp(op))
      continue;
    if (phases.getPhase(op) != phase) {
      emitBarrier(b);
      for (const std::function<void()> &emitStep :
           std::exchange(afterBarrier, {}))
        emitStep();
    }
    phase = phases.getPhase(op);
    lower(op, phases);
  }
  assert(afterBarrier.empty() && "expected a phase behind a shared gate");
}

void LayerEmitter::lower(Operation *op, const Phases &phases) {
  if (auto gate = dyn_cast<GateOp>(op))
    return lowerGate(gate, phases.canShare(gate));
  if (auto plan = dyn_cast<PlanOp>(op))
    lowerPlan(plan);
  else if (auto product = dyn_cast<GroupedMatmulOp>(op)) {
    if (phases.isProducer(product))
      return; // Emitted, and erased, with the second product.
    if (phases.isDense(product))
      lowerDense(product);
    else
      lowerProduct(product, phases.getProducer(product));
  } else if (auto combine = dyn_cast<CombineOp>(op))
    lowerCombine(combine);
  else if (auto dispatch = dyn_cast<DispatchOp>(op))
    lowerDispatch(dispatch);
  else if (auto broadcast = dyn_cast<ExpertBroadcastOp>(op))
    lowerBroadcast(broadcast);
  else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return lowerLinalg(linalgOp);
  else if (isa<memref::LoadOp>(op))
    return; // Every thread reads for itself.
  else if (auto store = dyn_cast<memref::StoreOp>(op);
           store && phases.isThreadLocal(store.getMemRef()))
    return; // Every thread has its own.
  else
    return runOnFirstThread(op);
  op->erase();
}

void LayerEmitter::runOnFirstThread(Operation *op) {
  b.ifThen(b.equal(thread.thread, b.index(0)),
           [&] { op->moveBefore(b.getInsertionBlock()->getTerminator()); });
}

/// The part of the thread's tokens of the first loop, all of the others.
void LayerEmitter::lowerLinalg(linalg::LinalgOp op) {
  int64_t perToken = getRowsPerToken(op);
  if (perToken == 0)
    return runOnFirstThread(op);
  auto tiling = cast<TilingInterface>(op.getOperation());
  SmallVector<OpFoldResult> offsets, sizes;
  for (Range range : tiling.getIterationDomain(b)) {
    offsets.push_back(range.offset);
    sizes.push_back(range.size);
  }
  auto [from, to] = b.share(tokens, thread.thread, thread.numThreads);
  offsets[0] = b.mul(from, perToken);
  sizes[0] = b.mul(b.sub(to, from), perToken);
  FailureOr<TilingResult> tile =
      tiling.getTiledImplementation(b, offsets, sizes);
  if (failed(tile))
    return runOnFirstThread(op);
  op->erase();
}

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

/// The rows of a task are those that all products over these offsets share.
int64_t LayerEmitter::getRowBlock(Value offsets) {
  int64_t rowBlock = 1;
  Operation *function = b.getInsertionBlock()->getParentOp();
  function->walk([&](GroupedMatmulOp product) {
    if (getRootBuffer(product.getOffsets()) == offsets)
      rowBlock = std::max<int64_t>(rowBlock,
                                   product.getLoweringConfig()->getRowBlock());
  });
  return rowBlock;
}

void LayerEmitter::lowerPlan(PlanOp plan) {
  Value root = getRootBuffer(plan.getOuts()[0]);
  int64_t experts = static_cast<int64_t>(plan.getExperts());
  Value offsets = scratch.allocate(b, experts + 1, b.getI32Type());
  auto schedule = std::make_unique<Schedule>(b, scratch, thread, experts,
                                             getRowBlock(root));
  schedule->emitPlan(plan.getIds(), offsets, plan.getOuts()[1],
                     plan.getOuts()[2]);
  schedules[root] = std::move(schedule);
  // What other ops read of the offsets.
  b.ifThen(b.equal(thread.thread, b.index(0)), [&] {
    b.forEach(experts + 1, [&](Value e) {
      b.store(b.load(offsets, e), plan.getOuts()[0], e);
    });
  });
}

Schedule &LayerEmitter::getSchedule(GroupedMatmulOp product) {
  Value root = getRootBuffer(product.getOffsets());
  std::unique_ptr<Schedule> &schedule = schedules[root];
  if (!schedule) {
    schedule = std::make_unique<Schedule>(
        b, scratch, thread, product.getNumExperts(), getRowBlock(root));
    Value numRows = b.toIndex(
        b.load(product.getOffsets(), b.index(product.getNumExperts())));
    schedule->emitFromOffsets(product.getOffsets(), numRows);
  }
  return *schedule;
}

//===----------------------------------------------------------------------===//
// Grouped products
//===----------------------------------------------------------------------===//

/// The slot that a row of the plan's order is for. The threads write `rows` at
/// the same time (Schedule.h).
Value LayerEmitter::loadRowNumber(GroupedMatmulOp product, Value row) {
  return b.toIndex(loadRelaxed(b, product.getRows(), row));
}

EpilogueRow LayerEmitter::makeRow(GroupedMatmulOp product, Value expert,
                                  Value row, Value local) {
  EpilogueRow result;
  result.local = local;
  result.expert = expert;
  result.row = row;
  if (product.getRows()) {
    int64_t topK = static_cast<int64_t>(*product.getTopK());
    Value number = loadRowNumber(product, row);
    result.token = b.div(number, topK);
    result.slot = b.rem(number, topK);
  }
  return result;
}

/// An epilogue input at its map's place: a vector of neighbours where the
/// column is the last coordinate, else the same for all columns.
Value LayerEmitter::loadInput(GroupedMatmulOp product, unsigned input,
                              const EpilogueRow &row, Value column,
                              unsigned lanes) {
  Value memory = product.getEpilogueInputs()[input];
  AffineMap map = product.getEpilogueMap(input);
  unsigned columnDim = 4;
  auto at = [&](Value column) {
    SmallVector<Value> position;
    Value coordinates[] = {row.expert, row.row, row.token, row.slot, column};
    for (AffineExpr expr : map.getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      position.push_back(dim ? coordinates[dim.getPosition()] : b.index(0));
    }
    return position;
  };
  if (lanes == 0 || !map.isFunctionOfDim(columnDim))
    return b.load(memory, at(column));
  if (!map.getMajorSubMap(map.getNumResults() - 1).isFunctionOfDim(columnDim))
    return b.loadLanes(lanes, memory, at(column));
  SmallVector<Value> elements;
  for (unsigned lane = 0; lane < lanes; ++lane)
    elements.push_back(b.load(memory, at(b.add(column, lane))));
  Type type = VectorType::get({static_cast<int64_t>(lanes)},
                              elements.front().getType());
  return vector::FromElementsOp::create(b, type, elements);
}

/// Whether a product's rows are to be stored past the caches, or null where
/// they cannot be: they are read in the next phase, and where they are many
/// they have left the caches by then. What they would have displaced stays, and
/// memory is not read to be overwritten.
Value LayerEmitter::isStreamed(GroupedMatmulOp product) {
  constexpr int64_t minBytes = 8 << 20;
  auto allocation = product.getInit().getDefiningOp<memref::AllocOp>();
  if (!allocation || allocation.getDynamicSizes().size() != 1)
    return {};
  int64_t columns = allocation.getType().getDimSize(1);
  int64_t bytes = allocation.getType().getElementTypeBitWidth() / 8;
  int64_t lanes = kernels.getOptions().lanes();
  // Buffers start at cache lines. Shorter vectors than half a line would leave
  // in more than two parts.
  if (columns % lanes != 0 || lanes * bytes < 32)
    return {};
  Value rows = allocation.getDynamicSizes()[0];
  return b.less(b.index(minBytes / (columns * bytes)), rows);
}

void LayerEmitter::storeResult(GroupedMatmulOp product, Value value,
                               const EpilogueRow &row, Value column,
                               unsigned lanes, Value isStreamed) {
  Value position = row.row;
  if (product.getPlace() == Placement::Slot)
    position = b.add(b.mul(row.token, static_cast<int64_t>(*product.getTopK())),
                     row.slot);
  auto store = [&] {
    b.storeLanes(value, product.getInit(), {position, column});
  };
  auto stream = [&] {
    b.streamVector(value, product.getInit(), {position, column});
  };
  if (!isStreamed || lanes == 0)
    store();
  else
    b.ifElse(isStreamed, stream, store);
}

Epilogue LayerEmitter::makeEpilogue(GroupedMatmulOp product, Value expert,
                                    Value firstRow, Value isStreamed) {
  Epilogue epilogue;
  epilogue.region = &product.getEpilogue();
  epilogue.makeRow = [=](Value local) {
    return makeRow(product, expert, b.add(firstRow, local), local);
  };
  epilogue.loadInput = [=](unsigned input, const EpilogueRow &row, Value column,
                           unsigned lanes) {
    return loadInput(product, input, row, column, lanes);
  };
  epilogue.storeResult = [=](Value value, const EpilogueRow &row, Value column,
                             unsigned lanes) {
    storeResult(product, value, row, column, lanes, isStreamed);
  };
  return epilogue;
}

/// The pieces that the thread takes of a product, or of a pair: the hidden rows
/// are in the team's memory, in the form in which the second product reads
/// them.
void LayerEmitter::lowerProduct(GroupedMatmulOp product,
                                GroupedMatmulOp producer) {
  Schedule &schedule = getSchedule(product);
  GroupedMatmulOp first = producer ? producer : product;
  LoweringConfigAttr config = product.getLoweringConfigAttr();
  int64_t rowBlock = first.getLoweringConfig()->getRowBlock();
  config = LoweringConfigAttr::get(
      b.getContext(), config.getRows(), config.getColumns(), config.getPanels(),
      rowBlock, config.getKBlock(), config.getPrefetch(), config.getPassBytes(),
      config.getPassPanels());

  int64_t mark = scratch.mark();
  ProductEmitter last =
      makeProduct(product, product.getWeights(), product.getX(), config);
  std::optional<ProductEmitter> hidden;
  int64_t lastPanels = last.getLayout().numPanels(), hiddenPanels = lastPanels;
  int64_t placeBytes = llvm::alignTo(last.getOperandBytes(), 64);
  Value places;
  if (producer) {
    last.allocateSums();
    hidden.emplace(makeProduct(producer, producer.getWeights(), producer.getX(),
                               producer.getLoweringConfigAttr()));
    hidden->allocate();
    hiddenPanels = hidden->getLayout().numPanels();
    places = teamMemory.allocate(b, thread.numThreads, 2 * placeBytes);
  } else {
    last.allocate();
  }
  auto sourceRow = [&](Value row) {
    if (first.getSource() == RowSource::Plan)
      return row;
    return b.div(loadRowNumber(first, row),
                 static_cast<int64_t>(*first.getTopK()));
  };
  auto gather = [&](ProductEmitter &reader, const Piece &piece) {
    reader.gather(first.getX(), piece.numRows, [&](Value local) {
      return sourceRow(b.add(piece.firstRow, local));
    });
  };
  auto readHidden = [&](const Piece &piece) {
    last.setOperand(teamMemory.getBytes(),
                    b.add(places, b.mul(piece.place, placeBytes)));
  };
  auto emitHidden = [&](const Piece &piece) {
    gather(*hidden, piece);
    readHidden(piece);
    Epilogue epilogue = makeEpilogue(producer, piece.expert, piece.firstRow);
    epilogue.storeResult = [&](Value value, const EpilogueRow &row,
                               Value column, unsigned lanes) {
      last.storeOperand(value, row.local, column, lanes);
    };
    auto [from, to] = piece.share(b, hiddenPanels);
    // Who has all columns goes on with the second product, and who has a part
    // of them probably with a part of that.
    Value next =
        last.getPanelStart(piece.expert, piece.share(b, lastPanels).first);
    hidden->emitPanels(piece.expert, piece.numRows, from, to, epilogue, next);
    b.ifThen(b.equal(piece.part, b.index(0)),
             [&] { last.padOperand(piece.numRows); });
  };
  Value isStreamed = this->isStreamed(product);
  auto emitLast = [&](const Piece &piece) {
    if (hidden)
      readHidden(piece);
    else
      gather(last, piece);
    auto [from, to] = piece.share(b, lastPanels);
    last.emitPanels(
        piece.expert, piece.numRows, from, to,
        makeEpilogue(product, piece.expert, piece.firstRow, isStreamed));
  };
  SmallVector<Schedule::Step> steps;
  if (hidden)
    steps.push_back(emitHidden);
  steps.push_back(emitLast);
  schedule.forEachPiece(counters, rowBlock, std::min(hiddenPanels, lastPanels),
                        steps);
  if (isStreamed)
    emitStoreFence(b);
  scratch.release(mark);
  if (producer)
    producer.erase();
}

/// Each thread computes its part of the columns for all rows.
void LayerEmitter::lowerDense(GroupedMatmulOp product) {
  int64_t mark = scratch.mark();
  ProductEmitter emitter =
      makeProduct(product, product.getWeights(), product.getX(),
                  product.getLoweringConfigAttr());
  emitter.allocate();
  Value begin = b.toIndex(b.load(product.getOffsets(), b.index(0)));
  Value end = b.toIndex(b.load(product.getOffsets(), b.index(1)));
  auto [firstPanel, lastPanel] =
      b.share(b.index(emitter.getLayout().numPanels()), thread.thread,
              thread.numThreads);
  Value first = firstPanel, last = lastPanel;
  Value step = b.index(emitter.getRowBlock());
  b.forEach(begin, end, step, [&](Value row) {
    Value numRows = b.min(step, b.sub(end, row));
    emitter.gather(product.getX(), numRows, [&](Value local) -> Value {
      Value source = b.add(row, local);
      if (product.getSource() == RowSource::Plan)
        return source;
      return b.div(loadRowNumber(product, source),
                   static_cast<int64_t>(*product.getTopK()));
    });
    emitter.emitPanels(b.index(0), numRows, first, last,
                       makeEpilogue(product, b.index(0), row));
  });
  scratch.release(mark);
}
