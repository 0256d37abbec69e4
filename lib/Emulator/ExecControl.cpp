//===- ExecControl.cpp - Branches, calls, exits ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Control flow, and instructions that do nothing.
//
//===----------------------------------------------------------------------===//

#include "Block.h"
#include "Decoder.h"
#include "Exec.h"
#include "Selectors.h"

using namespace moe::emulator;

void moe::emulator::noOperation(Warp &, const Op &, uint32_t) {}
Handler moe::emulator::selectNothing(Selection &) { return noOperation; }

static void bra(Warp &warp, const Op &op, uint32_t mask) {
  warp.branch(mask, uint32_t(op.immediate));
}
/// `.uni` promises that all lanes go the same way.
static void braUniform(Warp &warp, const Op &op, uint32_t mask) {
  if (mask != warp.activeMask())
    warp.block.report(CheckKind::DivergentCollective, warp, op, mask, 0,
                      "bra.uni is taken by some of the active lanes only");
  warp.branch(mask, uint32_t(op.immediate));
}
Handler moe::emulator::selectBra(Selection &selection) {
  const Operand &label = selection.operand(0);
  std::optional<uint32_t> target =
      selection.decoder.label(label.name, label.scope);
  if (!target)
    return selection.fail("unknown label '" + std::string(label.name) + "'");
  selection.op.immediate = *target;
  return selection.has("uni") ? braUniform : bra;
}

static void brx(Warp &warp, const Op &op, uint32_t mask) {
  const uint32_t *index = warp.src<uint32_t>(op.r[0]);
  const std::vector<uint32_t> &targets =
      warp.program.branchTables[size_t(op.immediate)];
  unsigned first = unsigned(__builtin_ctz(mask));
  if (index[first] >= targets.size()) {
    warp.block.report(
        CheckKind::OutOfBounds, warp, op, 1u << first, index[first],
        "index into a table of " + std::to_string(targets.size()) + " targets");
    return warp.block.abort();
  }
  uint32_t group = 0;
  forLanes(mask, [&](unsigned lane) {
    group |= uint32_t(index[lane] == index[first]) << lane;
  });
  // The other lanes come here again.
  warp.narrow(mask, group);
  warp.jump(targets[index[first]]);
}
Handler moe::emulator::selectBrx(Selection &selection) {
  const Operand &table = selection.operand(1);
  std::optional<uint32_t> index =
      selection.decoder.branchTable(table.name, table.scope);
  if (!index)
    return selection.fail("unknown or incomplete branch targets '" +
                          std::string(table.name) + "'");
  selection.op.immediate = *index;
  return brx;
}

static void exitThreads(Warp &warp, const Op &, uint32_t mask) {
  warp.exitLanes(mask);
}
Handler moe::emulator::selectExit(Selection &) { return exitThreads; }

/// Copies the lanes' bytes from one place in param memory to another.
static void copyParam(Warp &warp, uint32_t mask, uint64_t to, uint64_t from,
                      uint64_t size) {
  size_t stride = warp.program.paramBytes;
  forLanes(mask, [&](unsigned lane) {
    uint8_t *base = warp.params.data() + lane * stride;
    std::memcpy(base + (to - deviceParams), base + (from - deviceParams), size);
  });
}

static void ret(Warp &warp, const Op &, uint32_t mask) { warp.ret(mask); }
Handler moe::emulator::selectRet(Selection &) { return ret; }

void moe::emulator::copyResults(Warp &warp, const Op &call, uint32_t callee,
                                uint32_t mask) {
  const Callee &target = warp.program.callees[callee];
  const int32_t *list = &warp.program.lists[call.list];
  unsigned results = call.count;
  for (unsigned i = 0; i < results; ++i)
    copyParam(warp, mask, uint64_t(uint32_t(list[i])), target.results[i],
              target.function->variables[target.function->results[i]].size);
}

static void enter(Warp &warp, const Op &op, uint32_t mask, uint32_t callee) {
  const Callee &target = warp.program.callees[callee];
  const int32_t *list = &warp.program.lists[op.list];
  unsigned results = op.count, args = op.width;
  if (target.params.size() != args || target.results.size() != results) {
    warp.block.report(CheckKind::InvalidOperation, warp, op, mask, 0,
                      "call of '" + target.function->name +
                          "' with the wrong number of parameters");
    return warp.block.abort();
  }
  if (warp.isActive(callee)) {
    warp.block.report(CheckKind::InvalidOperation, warp, op, mask, 0,
                      "recursion is not supported: '" + target.function->name +
                          "'");
    return warp.block.abort();
  }
  for (unsigned i = 0; i < args; ++i)
    copyParam(warp, mask, target.params[i],
              uint64_t(uint32_t(list[results + i])),
              target.function->variables[target.function->params[i]].size);
  warp.call(op, mask, callee);
}

static void call(Warp &warp, const Op &op, uint32_t mask) {
  enter(warp, op, mask, uint32_t(op.immediate));
}

/// Through a register; the lanes of one target at a time.
static void callIndirect(Warp &warp, const Op &op, uint32_t mask) {
  const uint64_t *address = warp.src<uint64_t>(op.r[0]);
  unsigned first = unsigned(__builtin_ctz(mask));
  const Module::Impl &module = warp.program.module->impl();
  uint64_t index = (address[first] - functionWindow) / 16;
  std::optional<uint32_t> callee;
  if (address[first] >= functionWindow && index < module.functions.size())
    for (uint32_t i = 0; i < warp.program.callees.size(); ++i)
      if (warp.program.callees[i].function == &module.functions[index])
        callee = i;
  if (!callee) {
    warp.block.report(CheckKind::InvalidOperation, warp, op, 1u << first,
                      address[first], "call of an address without function");
    return warp.block.abort();
  }
  uint32_t group = 0;
  forLanes(mask, [&](unsigned lane) {
    group |= uint32_t(address[lane] == address[first]) << lane;
  });
  warp.narrow(mask, group);
  enter(warp, op, group, *callee);
}

static void trap(Warp &warp, const Op &op, uint32_t mask) {
  warp.block.report(CheckKind::Trap, warp, op, mask, 0, "trap executed");
  warp.block.abort();
}
/// A call whose results are zeros.
static void returnZero(Warp &warp, const Op &op, uint32_t mask) {
  size_t stride = warp.program.paramBytes;
  for (unsigned i = 0; i < op.count; ++i) {
    uint64_t place = uint32_t(warp.program.lists[op.list + i]);
    forLanes(mask, [&](unsigned lane) {
      std::memset(warp.params.data() + lane * stride + (place - deviceParams),
                  0, 4);
    });
  }
}

/// call [(result),] function [, (arguments) [, prototype]]
Handler moe::emulator::selectCall(Selection &selection) {
  Op &op = selection.op;
  unsigned n = 0, total = selection.numOperands();
  std::vector<int32_t> places;
  auto addList = [&](const Operand &list) {
    for (const Operand &o : list.elements) {
      std::optional<uint64_t> place;
      if (o.kind == OperandKind::Symbol)
        place = selection.decoder.param(o.name, o.scope);
      if (!place || *place < deviceParams)
        return false;
      places.push_back(int32_t(*place));
    }
    return true;
  };
  auto bad = [&] {
    return selection.fail("expected .param variables in the lists of a call");
  };
  op.count = 0;
  if (n < total && selection.operand(n).kind == OperandKind::Vector) {
    if (!addList(selection.operand(n++)))
      return bad();
    op.count = uint8_t(places.size());
  }
  if (n >= total)
    return selection.fail("expected a function");
  const Operand &target = selection.operand(n++);
  if (n < total && selection.operand(n).kind == OperandKind::Vector)
    if (!addList(selection.operand(n++)))
      return bad();
  Program &program = selection.decoder.get();
  op.list = uint32_t(program.lists.size());
  op.width = uint8_t(places.size() - op.count);
  program.lists.insert(program.lists.end(), places.begin(), places.end());
  program.lists.push_back(0); // so that an empty list has an address
  if (target.kind == OperandKind::Register) {
    if (sizeOf(target.type) != 8)
      return selection.fail("expected a 64-bit register");
    op.r[0] = selection.decoder.registerOffset(target.index);
    return callIndirect;
  }
  if (target.kind != OperandKind::Symbol || n != total)
    return selection.fail("expected a function");
  // Functions of CUDA C++ without a body: what assert() ends in, and printf,
  // which prints nothing.
  if (target.name == "__assertfail")
    return trap;
  if (target.name == "vprintf")
    return returnZero;
  std::optional<uint32_t> callee = selection.decoder.callee(target.name);
  if (!callee)
    return selection.fail("unknown function '" + std::string(target.name) +
                          "'");
  op.immediate = *callee;
  return call;
}

Handler moe::emulator::selectTrap(Selection &) { return trap; }

/// nanosleep: lets others run.
static void sleep(Warp &warp, const Op &, uint32_t) { warp.poll(); }
Handler moe::emulator::selectNanosleep(Selection &) { return sleep; }
