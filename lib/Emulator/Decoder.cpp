//===- Decoder.cpp - From matched statements to a program -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Places registers, variables and functions and decodes instructions.
//
//===----------------------------------------------------------------------===//

#include "Decoder.h"
#include "Warp.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>

using namespace moe::emulator;

static uint32_t alignTo(uint32_t value, uint32_t align) {
  return (value + align - 1) / align * align;
}

/// The next address after `end` that has the alignment, and no better one.
uint32_t Decoder::placeAligned(uint32_t end, uint32_t align) const {
  uint32_t address = alignTo(end, align);
  return address % (2 * align) ? address : address + align;
}

//===----------------------------------------------------------------------===//
// Functions and variables
//===----------------------------------------------------------------------===//

static void forEachSymbol(const Operand &operand,
                          const std::function<void(const Operand &)> &visit) {
  if (operand.kind == OperandKind::Symbol)
    visit(operand);
  for (const Operand &element : operand.elements)
    forEachSymbol(element, visit);
}

/// Collects the kernel and all functions that it can call.
void Decoder::reach(const Function &kernel) {
  std::vector<const Function *> work{&kernel};
  std::set<const Function *> seen{&kernel};
  auto add = [&](const Function &function) {
    if (function.hasBody && !function.isEntry && seen.insert(&function).second)
      work.push_back(&function);
  };
  for (size_t i = 0; i < work.size(); ++i)
    for (const Instruction &instruction : work[i]->body) {
      bool indirect = false;
      for (const Operand &operand : instruction.operands) {
        forEachSymbol(operand, [&](const Operand &o) {
          auto it = module.functionIndex.find(o.name);
          if (it != module.functionIndex.end())
            add(module.functions[it->second]);
        });
        indirect |= instruction.opcode == "call" &&
                    operand.kind == OperandKind::Register;
      }
      if (indirect) // any function may be meant
        for (const Function &function : module.functions)
          add(function);
    }
  uint32_t entry = 0;
  for (const Function *function : work) {
    FunctionState fresh{function, entry, {}, {}};
    fresh.registers.assign(function->registers.size(), noRegister);
    entry += uint32_t(function->body.size()) + 1;
    functions.push_back(std::move(fresh));
  }
}

/// Gives addresses to parameters and local variables.
void Decoder::place(FunctionState &target, bool isKernel) {
  const Function &function = *target.function;
  target.addresses.assign(function.variables.size(), 0);
  for (size_t i = 0; i < function.variables.size(); ++i) {
    const Variable &variable = function.variables[i];
    uint32_t size = uint32_t(variable.size);
    bool kernelParam = isKernel && i < function.params.size();
    if (variable.space == Space::Local) {
      program.localBytes = placeAligned(program.localBytes, variable.align);
      target.addresses[i] = program.localBytes;
      program.localBytes += size;
    } else if (kernelParam) {
      program.kernelParamBytes =
          alignTo(program.kernelParamBytes, variable.align);
      target.addresses[i] = program.kernelParamBytes;
      program.kernelParamOffsets.push_back(program.kernelParamBytes);
      program.kernelParamBytes += size;
    } else if (variable.space == Space::Param) {
      program.paramBytes =
          alignTo(program.paramBytes, std::max(8u, variable.align));
      target.addresses[i] = deviceParams + program.paramBytes;
      program.paramBytes += size;
    }
  }
  Callee callee{&function, target.entry, {}, {}};
  for (uint32_t i : function.params)
    callee.params.push_back(target.addresses[i]);
  for (uint32_t i : function.results)
    callee.results.push_back(target.addresses[i]);
  program.callees.push_back(std::move(callee));
}

/// Places the shared variables that the reachable functions name.
void Decoder::placeShared() {
  std::set<std::pair<const FunctionState *, uint32_t>> used;
  for (const FunctionState &target : functions)
    for (const Instruction &instruction : target.function->body)
      for (const Operand &operand : instruction.operands)
        forEachSymbol(operand, [&](const Operand &o) {
          if (const uint32_t *local =
                  target.function->find(&Scope::variables, o.scope, o.name)) {
            if (target.function->variables[*local].space == Space::Shared)
              used.insert({&target, *local});
            return;
          }
          auto it = module.variableIndex.find(o.name);
          if (it != module.variableIndex.end() &&
              module.variables[it->second].space == Space::Shared)
            used.insert({nullptr, it->second});
        });
  uint32_t end = sharedBase, dynamicAlign = 0;
  for (auto [target, index] : used) {
    const Variable &variable =
        target ? target->function->variables[index] : module.variables[index];
    if (!variable.size) {
      dynamicAlign = std::max(dynamicAlign, variable.align);
      continue;
    }
    uint32_t address = placeAligned(end, variable.align);
    if (target)
      const_cast<FunctionState *>(target)->addresses[index] = address;
    else
      sharedAddresses[variable.name] = address;
    program.shared.push_back({variable.name, address, variable.size});
    end = address + uint32_t(variable.size);
  }
  program.sharedEnd = end;
  // Without variables before it the dynamic part starts where shared memory
  // does, on a GPU too: compilers that declare it with a small alignment and
  // swizzle rely on that.
  program.dynamicBase =
      dynamicAlign && end != sharedBase ? placeAligned(end, dynamicAlign) : end;
  for (auto [target, index] : used) {
    const Variable &variable =
        target ? target->function->variables[index] : module.variables[index];
    if (variable.size)
      continue;
    if (target)
      const_cast<FunctionState *>(target)->addresses[index] =
          program.dynamicBase;
    else
      sharedAddresses[variable.name] = program.dynamicBase;
    program.shared.push_back({variable.name, program.dynamicBase, 0});
  }
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

std::optional<uint32_t> Decoder::label(std::string_view name, uint32_t scope) {
  const uint32_t *index = state->function->find(&Scope::labels, scope, name);
  if (!index)
    return std::nullopt;
  return state->entry + *index;
}

std::optional<uint32_t> Decoder::callee(std::string_view name) {
  for (size_t i = 0; i < functions.size(); ++i)
    if (functions[i].function->name == name)
      return uint32_t(i);
  return std::nullopt;
}

std::optional<uint32_t> Decoder::branchTable(std::string_view name,
                                             uint32_t scope) {
  for (const Function &function = *state->function;;
       scope = function.scopes[scope].parent) {
    auto it = function.scopes[scope].branchTargets.find(name);
    if (it != function.scopes[scope].branchTargets.end()) {
      std::vector<uint32_t> targets;
      for (std::string_view target : it->second) {
        std::optional<uint32_t> index = label(target, scope);
        if (!index)
          return std::nullopt;
        targets.push_back(*index);
      }
      program.branchTables.push_back(std::move(targets));
      return uint32_t(program.branchTables.size() - 1);
    }
    if (!scope)
      return std::nullopt;
  }
}

std::optional<uint64_t> Decoder::param(std::string_view name, uint32_t scope) {
  const uint32_t *index = state->function->find(&Scope::variables, scope, name);
  if (!index || state->function->variables[*index].space != Space::Param)
    return std::nullopt;
  return state->addresses[*index];
}

/// The address of a variable or function, in its own space.
std::optional<uint64_t> Decoder::symbol(const Operand &operand) {
  uint64_t addend = uint64_t(operand.value);
  if (const uint32_t *index =
          state->function->find(&Scope::variables, operand.scope, operand.name))
    return state->addresses[*index] + addend;
  auto variable = module.variableIndex.find(operand.name);
  if (variable != module.variableIndex.end()) {
    const Variable &v = module.variables[variable->second];
    if (v.space != Space::Shared)
      return addresses.empty() ? addend : addresses[variable->second] + addend;
    return sharedAddresses[v.name] + addend;
  }
  auto function = module.functionIndex.find(operand.name);
  if (function != module.functionIndex.end())
    return functionWindow + function->second * 16 + addend;
  return std::nullopt;
}

std::optional<int32_t> Decoder::special(std::string_view name, unsigned bytes) {
  using S = SpecialRegister;
  static const std::map<std::string_view, S::Kind> known = {
      {"%tid.x", S::TidX},
      {"%tid.y", S::TidY},
      {"%tid.z", S::TidZ},
      {"%ntid.x", S::NtidX},
      {"%ntid.y", S::NtidY},
      {"%ntid.z", S::NtidZ},
      {"%ctaid.x", S::CtaidX},
      {"%ctaid.y", S::CtaidY},
      {"%ctaid.z", S::CtaidZ},
      {"%nctaid.x", S::NctaidX},
      {"%nctaid.y", S::NctaidY},
      {"%nctaid.z", S::NctaidZ},
      {"%laneid", S::LaneId},
      {"%warpid", S::WarpId},
      {"%nwarpid", S::NwarpId},
      {"%smid", S::SmId},
      {"%nsmid", S::NsmId},
      {"%gridid", S::GridId},
      {"%lanemask_eq", S::LaneMaskEq},
      {"%lanemask_le", S::LaneMaskLe},
      {"%lanemask_lt", S::LaneMaskLt},
      {"%lanemask_ge", S::LaneMaskGe},
      {"%lanemask_gt", S::LaneMaskGt},
      {"%dynamic_smem_size", S::DynamicShared},
      {"%total_smem_size", S::TotalShared},
      {"%clusterid.x", S::ClusterIdX},
      {"%clusterid.y", S::ClusterIdY},
      {"%clusterid.z", S::ClusterIdZ},
      {"%nclusterid.x", S::NclusterIdX},
      {"%nclusterid.y", S::NclusterIdY},
      {"%nclusterid.z", S::NclusterIdZ},
      {"%cluster_ctaid.x", S::Zero},
      {"%cluster_ctaid.y", S::Zero},
      {"%cluster_ctaid.z", S::Zero},
      {"%cluster_nctaid.x", S::One},
      {"%cluster_nctaid.y", S::One},
      {"%cluster_nctaid.z", S::One},
      {"%cluster_ctarank", S::Zero},
      {"%cluster_nctarank", S::One},
      // What lies below sharedBase, which is not accessible.
      {"%reserved_smem_offset_begin", S::Zero},
      {"%reserved_smem_offset_end", S::ReservedEnd},
      {"%reserved_smem_offset_cap", S::ReservedEnd},
      {"%reserved_smem_offset_0", S::Zero},
      {"%reserved_smem_offset_1", S::Zero},
      // Read by mov alone, which has its own handler for them.
      {"%clock", S::Zero},
      {"%clock_hi", S::Zero},
      {"%clock64", S::Zero},
      {"%globaltimer", S::Zero},
      {"%globaltimer_lo", S::Zero},
      {"%globaltimer_hi", S::Zero},
  };
  auto it = known.find(name);
  if (it == known.end() || (bytes != 4 && bytes != 8))
    return std::nullopt;
  auto [slot, inserted] = specials.emplace(
      std::make_pair(std::string(name), bytes), int32_t(program.registerBytes));
  if (inserted) {
    program.registerBytes += bytes * warpSize;
    program.specials.push_back({it->second, uint8_t(bytes), slot->second});
  }
  return slot->second;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

int32_t Decoder::splat(uint64_t value, unsigned bytes) {
  auto [it, inserted] = splats.emplace(std::make_pair(value, bytes), 0);
  if (inserted) {
    std::vector<uint8_t> &pool = program.constants;
    pool.resize(alignTo(uint32_t(pool.size()), 64));
    it->second = int32_t(pool.size()) | 1;
    for (unsigned lane = 0; lane < warpSize; ++lane)
      for (unsigned i = 0; i < bytes; ++i)
        pool.push_back(uint8_t(i < 8 ? value >> 8 * i : 0));
  }
  return it->second;
}

int32_t Decoder::registerOffset(uint32_t index) {
  int32_t &offset = state->registers[index];
  if (offset == noRegister) {
    Type type = state->function->registers[index];
    uint32_t bytes = type == Type::Pred ? 32 : sizeOf(type) * warpSize;
    program.registerBytes =
        alignTo(program.registerBytes, std::min(bytes, 64u));
    offset = int32_t(program.registerBytes);
    program.registerBytes += bytes;
  }
  return offset;
}

/// The bits of a constant as an operand of the given size and class.
static uint64_t constantBits(const Operand &operand, unsigned bytes,
                             char kind) {
  uint64_t bits = uint64_t(operand.value);
  if (!operand.isFloat || kind != 'f' || operand.isSingle == (bytes == 4))
    return bytes >= 8 ? bits : bits & ((uint64_t(1) << 8 * bytes) - 1);
  if (bytes == 4) {
    double wide;
    std::memcpy(&wide, &bits, 8);
    float narrow = float(wide);
    uint32_t result;
    std::memcpy(&result, &narrow, 4);
    return result;
  }
  float narrow;
  uint32_t low = uint32_t(bits);
  std::memcpy(&narrow, &low, 4);
  double wide = narrow;
  std::memcpy(&bits, &wide, 8);
  return bits;
}

std::optional<int32_t> Decoder::source(const Operand &operand, unsigned bytes,
                                       char kind) {
  switch (operand.kind) {
  case OperandKind::Register:
    return registerOffset(operand.index);
  case OperandKind::Immediate:
    if (kind == 'p')
      return splat(operand.value ? ~uint64_t(0) : 0, 4);
    return splat(constantBits(operand, bytes, kind), bytes);
  case OperandKind::Special:
    return special(operand.name, bytes);
  case OperandKind::Symbol:
    if (std::optional<uint64_t> address = symbol(operand))
      return splat(bytes < 8 ? *address & 0xffffffff : *address, bytes);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

std::optional<AddressOperand> Decoder::address(const Operand &operand) {
  const Operand &base = operand.elements[0];
  AddressOperand result;
  result.offset = operand.value;
  if (base.kind == OperandKind::Register) {
    result.base = registerOffset(base.index);
    result.wide = sizeOf(base.type) == 8;
    return result;
  }
  if (base.kind == OperandKind::Immediate)
    return result;
  std::optional<uint64_t> address;
  if (base.kind == OperandKind::Symbol)
    address = symbol(base);
  if (!address)
    return std::nullopt;
  result.offset = int64_t(*address + uint64_t(operand.value));
  return result;
}

static std::string describe(const Operand &operand) {
  const Operand &base =
      operand.elements.empty() ? operand : operand.elements[0];
  return (base.kind == OperandKind::Special ? "unknown special register '"
                                            : "unknown name '") +
         std::string(base.name) + "'";
}

bool Decoder::decodeVector(Op &op, const OperandSpec &spec,
                           const Operand &operand,
                           const Instruction &instruction) {
  ResolvedType type = resolveType(instruction, spec.type);
  unsigned bytes = type.bytes;
  if (spec.type == "*") // {a, b} in a mov
    bytes = resolveType(instruction, "T").bytes /
            unsigned(std::max<size_t>(1, operand.elements.size()));
  if (!op.listSize)
    op.list = uint32_t(program.lists.size());
  for (const Operand &element : operand.elements) {
    std::optional<int32_t> offset = noRegister;
    if (element.kind != OperandKind::Sink)
      offset = source(element, bytes, type.kind);
    if (!offset)
      return false;
    program.lists.push_back(*offset);
    ++op.listSize;
  }
  return true;
}

bool Decoder::decodeOperand(Selection &selection, const OperandSpec &spec,
                            const Operand &operand, unsigned &reg,
                            unsigned &addr, std::string &message) {
  Op &op = selection.op;
  const Instruction &instruction = selection.instruction;
  auto put = [&](const Operand &o, unsigned bytes, char kind) {
    std::optional<int32_t> offset = noRegister;
    if (o.kind != OperandKind::Sink)
      offset = source(o, bytes, kind);
    if (!offset) {
      message = describe(o);
      return false;
    }
    if (o.negated)
      op.negated |= uint16_t(1u << reg);
    op.r[reg++] = *offset;
    return true;
  };
  ResolvedType type = resolveType(instruction, spec.type);
  switch (spec.role) {
  case Role::Destination:
  case Role::DestinationOrSink:
  case Role::Source:
  case Role::SourceRegister:
    return put(operand, type.bytes, type.kind);
  case Role::Predicate:
    return put(operand, 4, 'p');
  case Role::RegisterAndPredicate:
    if (operand.kind == OperandKind::Pair)
      return put(operand.elements[0], type.bytes, type.kind) &&
             put(operand.elements[1], 4, 'p');
    if (!put(operand, type.bytes, type.kind))
      return false;
    op.r[reg++] = noRegister;
    return true;
  case Role::PredicatePair:
    if (operand.kind == OperandKind::Pair)
      return put(operand.elements[0], 4, 'p') &&
             put(operand.elements[1], 4, 'p');
    if (!put(operand, 4, 'p'))
      return false;
    op.r[reg++] = noRegister;
    return true;
  case Role::Immediate:
    op.immediate = operand.value;
    return true;
  case Role::Address:
  case Role::Coordinates: {
    std::optional<AddressOperand> address = this->address(operand);
    if (!address) {
      message = describe(operand);
      return false;
    }
    op.addr[addr++] = *address;
    if (spec.role == Role::Address)
      return true;
    if (operand.elements[1].kind == OperandKind::Vector &&
        decodeVector(op, {Role::SourceVector, 0, "s32", false, false},
                     operand.elements[1], instruction))
      return true;
    message = "malformed coordinates";
    return false;
  }
  case Role::DestinationVector:
  case Role::SourceVector:
    if (decodeVector(op, spec, operand, instruction))
      return true;
    for (const Operand &element : operand.elements)
      if (element.kind != OperandKind::Register)
        message = describe(element);
    return false;
  case Role::Label:
  case Role::Any:
    return true;
  }
  return true;
}

Status Decoder::error(const std::string &message) const {
  return Error{module.file + ":" + std::to_string(current->line) + ":" +
               std::to_string(current->column) + ": error: " + message +
               " in '" + std::string(current->text) + "'"};
}

Status Decoder::decode(const Instruction &instruction) {
  current = &instruction;
  Op op;
  op.source = &instruction;
  op.function = state->function;
  if (instruction.guard >= 0)
    op.guard = registerOffset(uint32_t(instruction.guard));
  op.guardNegated = instruction.guardNegated;
  Selection selection(instruction, op, *this);
  const CompiledRow &row = compiledRow(*instruction.row);
  unsigned reg = 0, addr = 0;
  std::string message;
  for (size_t i = 0; i < instruction.operands.size() && i < row.operands.size();
       ++i)
    if (!decodeOperand(selection, row.operands[i], instruction.operands[i], reg,
                       addr, message))
      return error(message);
  op.run = instruction.row->select(selection);
  if (!op.run)
    return error(selection.failure);
  program.code.push_back(op);
  return {};
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

static void runImplicitReturn(Warp &warp, const Op &, uint32_t mask) {
  warp.ret(mask);
}

Status Decoder::run(const Function &kernel) {
  program.kernel = &kernel;
  reach(kernel);
  for (FunctionState &target : functions)
    place(target, target.function == &kernel);
  placeShared();
  for (FunctionState &target : functions) {
    state = &target;
    for (const Instruction &instruction : target.function->body)
      if (Status status = decode(instruction); !status)
        return status;
    // Control may run off the end of a function.
    static const Instruction end = [] {
      Instruction instruction;
      instruction.text = instruction.opcode = "ret";
      return instruction;
    }();
    Op op;
    op.source = &end;
    op.function = target.function;
    op.run = runImplicitReturn;
    program.code.push_back(op);
  }
  return {};
}

Expected<std::unique_ptr<Program>>
moe::emulator::buildProgram(std::shared_ptr<const Module> module,
                            const Function &kernel,
                            const VariableAddresses &addresses) {
  auto program = std::make_unique<Program>();
  program->module = std::move(module);
  Decoder decoder(program->module->impl(), *program, addresses);
  if (Status status = decoder.run(kernel); !status)
    return status.error();
  return program;
}
