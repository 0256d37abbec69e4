//===- Module.cpp - Loading and checking PTX text -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Loads modules: parses, matches every instruction, decodes every kernel once
// to find what is wrong before anything runs.
//
//===----------------------------------------------------------------------===//

#include "InstructionTable.h"

#include <algorithm>
#include <functional>

using namespace moe::emulator;

Module::Module(std::unique_ptr<Impl> impl) : implementation(std::move(impl)) {}
Module::~Module() = default;

const std::vector<KernelInfo> &Module::kernels() const {
  return implementation->kernels;
}
const KernelInfo *Module::findKernel(std::string_view name) const {
  for (const KernelInfo &kernel : implementation->kernels)
    if (kernel.name == name)
      return &kernel;
  return nullptr;
}
unsigned Module::target() const { return implementation->target; }
bool Module::targetIsArchSpecific() const {
  return implementation->archSpecific;
}

/// How often each register of a function is named.
static std::vector<unsigned> countUses(const Function &function) {
  std::vector<unsigned> uses(function.registers.size());
  std::function<void(const Operand &)> visit = [&](const Operand &operand) {
    if (operand.kind == OperandKind::Register)
      ++uses[operand.index];
    for (const Operand &element : operand.elements)
      visit(element);
  };
  for (const Instruction &instruction : function.body)
    for (const Operand &operand : instruction.operands)
      visit(operand);
  return uses;
}

/// Whether the effect of an instruction on global memory depends on the order
/// of blocks: atomics on floating point and atomics whose result is used, and
/// loads that wait for other blocks.
static bool isOrderDependent(const Instruction &instruction,
                             const std::vector<unsigned> &uses) {
  auto has = [&](std::string_view name) {
    return std::find(instruction.modifiers.begin(), instruction.modifiers.end(),
                     name) != instruction.modifiers.end();
  };
  if (has("shared") || has("shared::cta") || has("shared::cluster") ||
      has("local") || has("param"))
    return false;
  bool isAtomic = instruction.opcode == "atom";
  if (isAtomic) {
    const Operand &result = instruction.operands[0];
    bool unused = result.kind == OperandKind::Sink || uses[result.index] == 1;
    if (!unused || has("exch") || has("cas"))
      return true;
  }
  if (isAtomic || instruction.opcode == "red") {
    for (const char *type : {"f32", "f64", "f16", "f16x2", "bf16", "bf16x2"})
      if (has(type))
        return has("add");
    return has("inc") || has("dec");
  }
  if (instruction.opcode == "cp")
    return has("reduce");
  if (instruction.opcode == "ld")
    return has("volatile") || has("relaxed") || has("acquire") || has("mmio");
  return false;
}

Status moe::emulator::checkModule(Module::Impl &module) {
  std::string messages;
  unsigned count = 0;
  auto add = [&](const std::string &message) {
    if (count++ < 20)
      messages += (messages.empty() ? "" : "\n") + message;
  };
  for (Function &function : module.functions) {
    std::vector<unsigned> uses = countUses(function);
    for (Instruction &instruction : function.body) {
      if (Status status = matchInstruction(module, function, instruction);
          !status)
        add(status.error().message);
      else
        function.isOrderDependent |= isOrderDependent(instruction, uses);
    }
  }
  if (count)
    return Error{messages};
  bool anyDependent = std::any_of(
      module.functions.begin(), module.functions.end(),
      [](const Function &f) { return !f.isEntry && f.isOrderDependent; });
  for (const Function &function : module.functions) {
    if (!function.isEntry || !function.hasBody)
      continue;
    KernelInfo kernel;
    kernel.name = function.name;
    for (uint32_t index : function.params) {
      const Variable &variable = function.variables[index];
      kernel.params.push_back({variable.name, uint32_t(variable.size),
                               variable.align, variable.isPointer});
    }
    kernel.requiredBlock = function.requiredBlock;
    kernel.maxBlock = function.maxBlock;
    kernel.minBlocksPerSM = function.minBlocks;
    kernel.maxRegisters = function.maxRegisters;
    kernel.orderDependent = function.isOrderDependent || anyDependent;
    module.kernels.push_back(std::move(kernel));
  }
  return {};
}

Expected<std::shared_ptr<const Module>> Module::load(std::string_view text,
                                                     std::string file) {
  auto impl = std::make_unique<Impl>();
  impl->text = std::string(text);
  impl->file = std::move(file);
  if (Status status = parseModule(*impl); !status)
    return status.error();
  if (Status status = checkModule(*impl); !status)
    return status.error();
  Impl &inner = *impl;
  std::shared_ptr<Module> module(new Module(std::move(impl)));
  // Decoding finds unknown names and what only selectors know.
  std::string messages;
  for (KernelInfo &kernel : inner.kernels) {
    const Function &function =
        inner.functions[inner.functionIndex.find(kernel.name)->second];
    auto program = buildProgram(module, function, {});
    if (!program) {
      messages += (messages.empty() ? "" : "\n") + program.error().message;
      continue;
    }
    for (const PlacedVariable &variable : (*program)->shared)
      kernel.staticShared += uint32_t(variable.size);
  }
  if (!messages.empty())
    return Error{messages};
  return std::shared_ptr<const Module>(std::move(module));
}
