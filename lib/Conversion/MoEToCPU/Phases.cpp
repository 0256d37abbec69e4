//===- Phases.cpp - Which ops need a barrier between them -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Phases.h"
#include "LinearSize.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::moe;

Value mlir::moe::getRootBuffer(Value memref) {
  while (Operation *op = memref.getDefiningOp()) {
    if (auto view = dyn_cast<ViewLikeOpInterface>(op))
      memref = view.getViewSource();
    else if (auto cast = dyn_cast<UnrealizedConversionCastOp>(op))
      memref = cast.getOperand(0);
    else
      break;
  }
  return memref;
}

//===----------------------------------------------------------------------===//
// Rows of views
//===----------------------------------------------------------------------===//

/// Whether a view has all rows of its source, and some of the columns.
static bool selectsColumns(memref::SubViewOp view) {
  if (view.getSourceType().getRank() == 0 || view.getDroppedDims()[0] ||
      !isConstantIntValue(view.getMixedOffsets()[0], 0) ||
      !isConstantIntValue(view.getMixedStrides()[0], 1))
    return false;
  FailureOr<LinearSize> source = getDimSize(view.getSource(), 0),
                        own = getDimSize(view, 0);
  return succeeded(source) && succeeded(own) && *source == *own;
}

/// Whether the rows of a memref are all those of its root, in order: then the
/// rows of a token are the same memory in both.
static bool hasRowsOfRoot(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>()) {
    if (auto subview = dyn_cast<memref::SubViewOp>(*view)) {
      if (!selectsColumns(subview))
        return false;
    } else if (!isa<memref::CastOp, memref::CollapseShapeOp,
                    memref::ExpandShapeOp>(*view)) {
      return false;
    }
    memref = view.getViewSource();
  }
  return memref == getRootBuffer(memref);
}

//===----------------------------------------------------------------------===//
// Kinds of ops
//===----------------------------------------------------------------------===//

PlanOp mlir::moe::getPlan(Operation *reader, Value memref, PlanPart part) {
  Value root = getRootBuffer(memref);
  for (auto plan : reader->getParentOfType<func::FuncOp>().getOps<PlanOp>())
    if (getRootBuffer(plan.getOuts()[static_cast<unsigned>(part)]) == root)
      return plan;
  return nullptr;
}

/// The plan that assigned the rows of a product to experts, or null.
static PlanOp getPlanOf(GroupedMatmulOp product) {
  return getPlan(product, product.getOffsets(), PlanPart::Offsets);
}

bool mlir::moe::isDense(GroupedMatmulOp product) {
  return product.getNumExperts() == 1 && !getPlanOf(product);
}

int64_t mlir::moe::getRowsPerToken(linalg::LinalgOp op) {
  if (op.getNumLoops() == 0 || op.getNumDpsInits() == 0 ||
      op.getIteratorTypesArray()[0] != utils::IteratorType::parallel ||
      op.hasIndexSemantics())
    return 0;
  int64_t perToken = 0;
  for (OpOperand &operand : op.getDpsInitsMutable()) {
    AffineMap map = op.getMatchingIndexingMap(&operand);
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type || map.getNumResults() == 0 ||
        map.getResult(0) != getAffineDimExpr(0, op.getContext()) ||
        !type.isDynamicDim(0) || !hasRowsOfRoot(operand.get()))
      return 0;
    Value root = getRootBuffer(operand.get());
    FailureOr<LinearSize> size = LinearSize{1, 0};
    if (auto allocation = root.getDefiningOp<memref::AllocOp>()) {
      if (allocation.getDynamicSizes().size() != 1 ||
          allocation.getResult() != operand.get())
        return 0;
      size = getLinearSize(allocation.getDynamicSizes()[0]);
    }
    if (failed(size) || size->fixed != 0 || size->perToken == 0)
      return 0;
    perToken = size->perToken;
  }
  return perToken;
}

static bool isThreadLocal(Value allocation) {
  auto op = allocation.getDefiningOp<memref::AllocOp>();
  if (!op || !op.getType().hasStaticShape())
    return false;
  bool isStored = false;
  for (Operation *user : allocation.getUsers()) {
    if (auto store = dyn_cast<memref::StoreOp>(user))
      isStored |= store->getBlock() == op->getBlock();
    else if (!isa<memref::LoadOp, memref::DimOp, GroupedMatmulOp, DispatchOp,
                  ExpertBroadcastOp>(user))
      return false;
  }
  return isStored;
}

bool mlir::moe::isScalarOp(Operation *op) {
  return isa<memref::AllocOp>(op) ||
         (op->getNumRegions() == 0 && isMemoryEffectFree(op));
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

namespace {
/// Which part of a buffer a thread touches.
enum class Part {
  Any,    // nothing known
  Tokens, // the rows of the thread's tokens
  Whole,  // all of it: each thread writes what it will read itself
  Local   // the thread's own buffer
};

struct Access {
  Value root;
  bool isWrite;
  Part part;

  /// Whether this access has to wait for an earlier one of other threads.
  bool conflictsWith(const Access &earlier) const {
    if (!isDependentOn(earlier))
      return false;
    if (part != earlier.part || part == Part::Any)
      return true;
    return part == Part::Whole && isWrite;
  }
  bool isDependentOn(const Access &other) const {
    return root == other.root && (isWrite || other.isWrite);
  }
};

class AccessCollector {
public:
  static SmallVector<Access> collect(Operation *op) {
    AccessCollector collector;
    llvm::TypeSwitch<Operation *>(op)
        .Case<GateOp, PlanOp, GroupedMatmulOp, CombineOp>(
            [&](auto op) { collector.visit(op); })
        .Case<linalg::LinalgOp>([&](auto op) { collector.visit(op); })
        .Default([&](Operation *op) { collector.visitUnknown(op); });
    return std::move(collector.accesses);
  }

private:
  void visit(GateOp gate);
  void visit(PlanOp plan);
  void visit(GroupedMatmulOp product);
  void visit(CombineOp combine);
  void visit(linalg::LinalgOp op);
  void visitUnknown(Operation *op);

  void add(Value memref, bool isWrite, Part part) {
    if (!memref || !isa<MemRefType>(memref.getType()))
      return;
    Value root = getRootBuffer(memref);
    if (part == Part::Tokens && !hasRowsOfRoot(memref))
      part = Part::Any;
    if (isThreadLocal(root))
      part = Part::Local;
    accesses.push_back({root, isWrite, part});
  }

  SmallVector<Access> accesses;
};
} // namespace

void AccessCollector::visit(GateOp gate) {
  for (Value operand : {gate.getX(), gate.getMask(), gate.getGivenIds()})
    add(operand, false, Part::Tokens);
  for (Value operand : {gate.getWeight(), gate.getLogitBias(),
                        gate.getKeyBias(), gate.getExpertScale()})
    add(operand, false, Part::Any);
  add(gate.getIdsInit(), true, Part::Tokens);
  add(gate.getWeightsInit(), true, Part::Tokens);
}

void AccessCollector::visit(PlanOp plan) {
  add(plan.getIds(), false, Part::Any);
  // Each thread has its own offsets; what others than products see of them is
  // written by the first thread.
  add(plan.getOuts()[0], true, Part::Any);
  add(plan.getOuts()[1], true, Part::Whole);
  add(plan.getOuts()[2], true, Part::Tokens);
}

void AccessCollector::visit(GroupedMatmulOp product) {
  // The plan gave each thread offsets of its own.
  if (!getPlanOf(product))
    add(product.getOffsets(), false, Part::Any);
  add(product.getX(), false, Part::Any);
  add(product.getRows(), false, Part::Whole);
  for (Value input : product.getEpilogueInputs())
    add(input, false, Part::Any);
  add(product.getInit(), true, Part::Any);
}

void AccessCollector::visit(CombineOp combine) {
  add(combine.getY(), false,
      combine.getSource() == Placement::Plan ? Part::Any : Part::Tokens);
  add(combine.getWeights(), false, Part::Tokens);
  add(combine.getInverse(), false, Part::Tokens);
  add(combine.getInit(), true, Part::Tokens);
}

void AccessCollector::visit(linalg::LinalgOp op) {
  if (getRowsPerToken(op) == 0)
    return visitUnknown(op);
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    bool isByToken = map.getNumResults() > 0 &&
                     map.getResult(0) == getAffineDimExpr(0, op.getContext());
    add(operand.get(), op.isDpsInit(&operand),
        isByToken ? Part::Tokens : Part::Any);
  }
}

void AccessCollector::visitUnknown(Operation *op) {
  bool isRead = isa<memref::LoadOp>(op);
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      add(operand, !isRead, Part::Any);
  });
}

//===----------------------------------------------------------------------===//
// Phases
//===----------------------------------------------------------------------===//

/// Whether the two ops touch a buffer that one of them writes, other than
/// `except`.
static bool isDependent(Operation *first, Operation *second,
                        Value except = {}) {
  for (const Access &a : AccessCollector::collect(first))
    for (const Access &b : AccessCollector::collect(second))
      if (a.isDependentOn(b) && a.root != except)
        return true;
  return false;
}

/// Whether the second product can be computed task by task right after the
/// first.
static bool isPair(GroupedMatmulOp first, GroupedMatmulOp second,
                   Value hidden) {
  if (!first->isBeforeInBlock(second) || first.getInit() != hidden ||
      first.getPlace() != Placement::Plan ||
      getRootBuffer(first.getOffsets()) != getRootBuffer(second.getOffsets()) ||
      isDependent(first, second, hidden))
    return false;
  // The first one moves to the second: nothing between may touch what it does.
  for (Operation *op = first->getNextNode(); op != second;
       op = op->getNextNode())
    if (!isScalarOp(op) && isDependent(first, op))
      return false;
  return true;
}

void Phases::classify(func::FuncOp function) {
  for (auto second : function.getOps<GroupedMatmulOp>()) {
    if (mlir::moe::isDense(second)) {
      dense.insert(second);
      continue;
    }
    auto hidden = second.getX().getDefiningOp<memref::AllocOp>();
    if (second.getSource() != RowSource::Plan || !hidden ||
        llvm::range_size(hidden->getUses()) != 2)
      continue;
    for (Operation *user : hidden->getUsers()) {
      auto first = dyn_cast<GroupedMatmulOp>(user);
      // A chain of three is a pair and a product on its own.
      if (!first || producers.contains(first) ||
          !isPair(first, second, hidden.getResult()))
        continue;
      producers[second] = first;
      pairFirsts.insert(first);
    }
  }
}

void Phases::computePhases(func::FuncOp function) {
  llvm::MapVector<Operation *, SmallVector<Access>> accesses;
  for (Operation &op : function.getBody().front().without_terminator()) {
    unsigned phase = 0;
    op.walk([&](Operation *inner) {
      for (Value operand : inner->getOperands())
        if (Operation *source = operand.getDefiningOp())
          phase = std::max(phase, phases.lookup(source));
    });
    GroupedMatmulOp producer = producers.lookup(&op);
    if (!isScalarOp(&op)) {
      SmallVector<Access> own = AccessCollector::collect(&op);
      for (auto &[earlier, others] : accesses)
        for (const Access &a : own)
          for (const Access &b : others)
            if (a.isDependentOn(b))
              phase = std::max(
                  phase,
                  phases.lookup(earlier) +
                      (earlier != producer && a.conflictsWith(b) ? 1 : 0));
      accesses[&op] = std::move(own);
    }
    phases[&op] = phase;
    if (producer)
      phases[producer] = phase;
  }
}

/// Whether the op writes one of these buffers.
static bool writesAny(Operation *op, ArrayRef<Value> roots) {
  return llvm::any_of(AccessCollector::collect(op), [&](const Access &access) {
    return access.isWrite && llvm::is_contained(roots, access.root);
  });
}

bool Phases::computeCanShare(GateOp gate) const {
  if (!gate.getWeight())
    return false;
  bool hasPlan = false;
  for (Value init : {gate.getIdsInit(), gate.getWeightsInit()}) {
    auto type = dyn_cast<MemRefType>(init.getType());
    if (!type || init != getRootBuffer(init) || !type.isDynamicDim(0))
      return false;
    for (Operation *user : init.getUsers()) {
      if (user == gate || isa<memref::DimOp>(user))
        continue;
      if (!isa<PlanOp, GroupedMatmulOp, CombineOp>(user) ||
          writesAny(user, init) || getPhase(user) <= getPhase(gate))
        return false;
      hasPlan |= isa<PlanOp>(user);
    }
  }
  // What is read behind the barrier.
  SmallVector<Value> late;
  for (Value operand : {gate.getMask(), gate.getGivenIds(), gate.getKeyBias(),
                        gate.getExpertScale()})
    if (operand)
      late.push_back(getRootBuffer(operand));
  auto isInTheWay = [&](Operation *other, unsigned phase) {
    if (other == gate || isScalarOp(other) || phase < getPhase(gate))
      return false;
    return phase == getPhase(gate) ? isDependent(gate, other)
                                   : writesAny(other, late);
  };
  // Without a plan there may be no later phase.
  return hasPlan && llvm::none_of(phases, [&](const auto &entry) {
           return isInTheWay(entry.first, entry.second);
         });
}

Phases::Phases(func::FuncOp function) {
  for (auto allocation : function.getOps<memref::AllocOp>())
    if (::isThreadLocal(allocation))
      threadLocal.insert(allocation);
  classify(function);
  computePhases(function);
  for (auto gate : function.getOps<GateOp>())
    if (computeCanShare(gate))
      shareable.insert(gate);
  for (unsigned phase = 0, last = 0; phase <= last; ++phase)
    for (Operation &op : function.getBody().front().without_terminator()) {
      last = std::max(last, getPhase(&op));
      if (getPhase(&op) == phase)
        order.push_back(&op);
    }
}
