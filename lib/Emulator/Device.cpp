//===- Device.cpp - Device memory and launches ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Device memory, instances of modules, launches.
//
//===----------------------------------------------------------------------===//

#include "DeviceImpl.h"

#include <algorithm>
#include <cstring>
#include <thread>
#include <tuple>

using namespace moe::emulator;

Device::Device(DeviceOptions options) : implementation(new Impl) {
  implementation->options = std::move(options);
}
Device::~Device() = default;
DeviceOptions &Device::options() { return implementation->options; }
const std::vector<LaunchResult> &Device::results() const {
  return implementation->results;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Expected<uint64_t> Device::allocate(size_t size, std::string name) {
  return implementation->memory.allocate(size, std::move(name), 256);
}
Status Device::free(uint64_t address) {
  if (!address)
    return {};
  return implementation->memory.release(address, /*adopted=*/false);
}
Status Device::registerHost(void *data, size_t size) {
  return implementation->memory.adopt(data, size);
}
Status Device::unregisterHost(void *data) {
  return implementation->memory.release(
      uint64_t(reinterpret_cast<uintptr_t>(data)), /*adopted=*/true);
}

static void markWritten(Allocation &allocation, uint64_t offset, size_t size) {
  allocation.markWritten(offset, size);
  if (!offset && size == allocation.size)
    allocation.written.clear(); // nothing left to find out
}

Status Device::copyToDevice(uint64_t to, const void *from, size_t size) {
  if (!size)
    return {};
  auto target = implementation->memory.range(to, size, "copy to device");
  if (!target)
    return target.error();
  Allocation &allocation = **target;
  std::memcpy(allocation.data + (to - allocation.base), from, size);
  markWritten(allocation, to - allocation.base, size);
  return {};
}

Status Device::copyToHost(void *to, uint64_t from, size_t size) {
  if (!size)
    return {};
  auto source = implementation->memory.range(from, size, "copy to host");
  if (!source)
    return source.error();
  std::memcpy(to, (*source)->data + (from - (*source)->base), size);
  return {};
}

Status Device::copyOnDevice(uint64_t to, uint64_t from, size_t size) {
  if (!size)
    return {};
  auto target = implementation->memory.range(to, size, "copy to device");
  if (!target)
    return target.error();
  auto source = implementation->memory.range(from, size, "copy from device");
  if (!source)
    return source.error();
  Allocation &a = **target, &b = **source;
  std::memmove(a.data + (to - a.base), b.data + (from - b.base), size);
  for (size_t i = 0; i < size; ++i)
    if (b.initialized(from - b.base + i, 1))
      a.markWritten(to - a.base + i, 1);
  return {};
}

Status Device::fill(uint64_t to, uint32_t value, unsigned width, size_t count) {
  if (width != 1 && width != 2 && width != 4)
    return Error{"expected a fill of 1, 2 or 4 bytes, got " +
                 std::to_string(width)};
  if (!count)
    return {};
  auto target = implementation->memory.range(to, count * width, "fill");
  if (!target)
    return target.error();
  Allocation &allocation = **target;
  for (size_t i = 0; i < count; ++i)
    std::memcpy(allocation.data + (to - allocation.base) + i * width, &value,
                width);
  markWritten(allocation, to - allocation.base, count * width);
  return {};
}

//===----------------------------------------------------------------------===//
// Instances of modules
//===----------------------------------------------------------------------===//

Expected<Instance *>
Device::Impl::instantiate(const std::shared_ptr<const Module> &module) {
  auto it = instances.find(module.get());
  if (it != instances.end())
    return it->second.get();
  auto instance = std::make_unique<Instance>();
  instance->module = module;
  const Module::Impl &source = module->impl();
  for (const Variable &variable : source.variables) {
    if (variable.space == Space::Shared) {
      instance->addresses.push_back(0);
      continue;
    }
    auto address = memory.allocate(variable.size, variable.name,
                                   std::max(variable.align, 1u));
    if (!address)
      return address.error();
    instance->addresses.push_back(*address);
  }
  for (size_t i = 0; i < source.variables.size(); ++i) {
    const Variable &variable = source.variables[i];
    if (variable.space == Space::Shared || !variable.size)
      continue;
    Allocation &allocation = *memory.find(instance->addresses[i]);
    std::fill_n(allocation.data, variable.size, uint8_t(0));
    std::copy(variable.init.begin(), variable.init.end(), allocation.data);
    allocation.written.clear();
    for (const Relocation &relocation : variable.relocations) {
      auto target = source.variableIndex.find(relocation.symbol);
      auto function = source.functionIndex.find(relocation.symbol);
      uint64_t address;
      if (target != source.variableIndex.end())
        address = instance->addresses[target->second];
      else if (function != source.functionIndex.end())
        address = functionWindow + function->second * 16;
      else
        return Error{source.file + ": error: unknown name '" +
                     relocation.symbol + "' in the initial value of '" +
                     variable.name + "'"};
      address = (address + uint64_t(relocation.addend)) >> relocation.shift;
      std::memcpy(allocation.data + relocation.offset, &address,
                  std::min(relocation.bytes, 8u));
    }
    allocation.readOnly = variable.space == Space::Const;
  }
  return (instances[module.get()] = std::move(instance)).get();
}

Expected<std::pair<uint64_t, size_t>>
Device::global(const std::shared_ptr<const Module> &module,
               std::string_view name) {
  const Module::Impl &source = module->impl();
  auto it = source.variableIndex.find(name);
  if (it == source.variableIndex.end() ||
      source.variables[it->second].space == Space::Shared)
    return Error{source.file + ": error: no global variable '" +
                 std::string(name) + "'"};
  auto instance = implementation->instantiate(module);
  if (!instance)
    return instance.error();
  return std::make_pair((*instance)->addresses[it->second],
                        size_t(source.variables[it->second].size));
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

/// Shared memory that a block may use, in bytes.
static uint32_t sharedLimit(unsigned target) {
  switch (target) {
  case 70:
  case 72:
    return 96 << 10;
  case 75:
    return 64 << 10;
  case 80:
  case 87:
    return 163 << 10;
  case 86:
  case 88:
  case 89:
  case 120:
  case 121:
    return 99 << 10;
  default:
    return 227 << 10;
  }
}

static Status checkDimensions(const KernelInfo &kernel,
                              const LaunchConfig &config) {
  auto text = [](const Dim3 &d) {
    return std::to_string(d.x) + "x" + std::to_string(d.y) + "x" +
           std::to_string(d.z);
  };
  const Dim3 &block = config.block, &grid = config.grid;
  if (!block.count() || block.x > 1024 || block.y > 1024 || block.z > 64 ||
      block.count() > 1024)
    return Error{"expected a block of 1 to 1024 threads (at most 1024x1024x64)"
                 ", got " +
                 text(block)};
  if (!grid.count() || grid.x > 0x7fffffff || grid.y > 65535 || grid.z > 65535)
    return Error{"expected a grid of 1 to 2147483647x65535x65535 blocks, got " +
                 text(grid)};
  const Dim3 &required = kernel.requiredBlock, &most = kernel.maxBlock;
  if (required.x &&
      (required.x != block.x || required.y != block.y || required.z != block.z))
    return Error{"kernel '" + kernel.name + "' requires a block of " +
                 text(required) + ", got " + text(block)};
  if (most.x && block.count() > most.count())
    return Error{"kernel '" + kernel.name + "' allows at most " +
                 std::to_string(most.count()) + " threads, got " + text(block)};
  if (config.cluster.count() != 1)
    return Error{"clusters of more than one block are not supported"};
  return {};
}

Expected<LaunchContextPtr>
Device::Impl::prepare(const std::shared_ptr<const Module> &module,
                      std::string_view name, const LaunchConfig &config,
                      const std::vector<Argument> &arguments) {
  const KernelInfo *kernel = module->findKernel(name);
  if (!kernel) {
    std::string list;
    for (const KernelInfo &other : module->kernels())
      list += (list.empty() ? "" : ", ") + other.name;
    return Error{"no kernel '" + std::string(name) + "' in " +
                 module->impl().file + ", there is " +
                 (list.empty() ? "none" : list)};
  }
  if (Status status = checkDimensions(*kernel, config); !status)
    return status.error();
  uint64_t shared = uint64_t(kernel->staticShared) + config.dynamicShared;
  uint32_t limit = sharedLimit(module->target());
  if (shared > limit)
    return Error{"kernel '" + kernel->name + "' needs " +
                 std::to_string(shared) + " bytes of shared memory, sm_" +
                 std::to_string(module->target()) + " has " +
                 std::to_string(limit) + " for a block"};
  if (arguments.size() != kernel->params.size())
    return Error{"kernel '" + kernel->name + "' expects " +
                 std::to_string(kernel->params.size()) + " arguments, got " +
                 std::to_string(arguments.size())};
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].size != kernel->params[i].size)
      return Error{"argument " + std::to_string(i) + " of kernel '" +
                   kernel->name + "' has " +
                   std::to_string(kernel->params[i].size) + " bytes, got " +
                   std::to_string(arguments[i].size)};
  auto instance = instantiate(module);
  if (!instance)
    return instance.error();
  std::unique_ptr<Program> &program = (*instance)->programs[std::string(name)];
  if (!program) {
    const Module::Impl &source = module->impl();
    auto built = buildProgram(
        module, source.functions[source.functionIndex.find(name)->second],
        (*instance)->addresses);
    if (!built)
      return built.error();
    program = std::move(*built);
  }
  auto prepared = std::make_unique<PreparedLaunch>();
  prepared->module = module;
  prepared->kernel = kernel;
  prepared->program = program.get();
  prepared->config = config;
  prepared->params.assign(program->kernelParamBytes, 0);
  for (size_t i = 0; i < arguments.size(); ++i)
    std::memcpy(prepared->params.data() + program->kernelParamOffsets[i],
                arguments[i].data, arguments[i].size);
  return prepared;
}

static Dim3 indexOf(uint64_t linear, const Dim3 &grid) {
  return {uint32_t(linear % grid.x), uint32_t(linear / grid.x % grid.y),
          uint32_t(linear / grid.x / grid.y)};
}

/// One core, blocks in seeded order, several at a time.
static void runSequential(LaunchContext &launch) {
  uint64_t total = launch.config.grid.count();
  Random random(launch.options.order.seed + 1);
  std::vector<uint64_t> order;
  // The order is shuffled within windows, so that huge grids need no list.
  constexpr uint64_t window = 1 << 16;
  uint64_t resident = std::max(1u, launch.options.residentBlocks);
  for (uint64_t start = 0; start < total && !launch.aborted; start += window) {
    order.clear();
    for (uint64_t i = start; i < std::min(total, start + window); ++i)
      order.push_back(i);
    if (launch.options.order.policy != WarpPolicy::RoundRobin)
      for (size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[random.below(i)]);
    for (size_t at = 0; at < order.size() && !launch.aborted;) {
      std::vector<std::unique_ptr<Block>> blocks;
      for (uint64_t i = 0; i < resident && at < order.size(); ++i, ++at)
        blocks.push_back(std::make_unique<Block>(
            launch, indexOf(order[at], launch.config.grid), order[at]));
      runBlocks(std::move(blocks), random);
    }
  }
}

/// All cores, one block each at a time.
static void runParallel(LaunchContext &launch, unsigned threads) {
  uint64_t total = launch.config.grid.count();
  std::atomic<uint64_t> next{0};
  auto work = [&] {
    for (uint64_t i; (i = next++) < total && !launch.aborted;) {
      // The order within a block depends on its index alone.
      Random random(launch.options.order.seed * 0x9e3779b97f4a7c15u + i);
      std::vector<std::unique_ptr<Block>> blocks;
      blocks.push_back(
          std::make_unique<Block>(launch, indexOf(i, launch.config.grid), i));
      runBlocks(std::move(blocks), random);
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < std::min<uint64_t>(threads, total); ++i)
    workers.emplace_back(work);
  work();
  for (std::thread &worker : workers)
    worker.join();
}

LaunchResult Device::Impl::run(const PreparedLaunch &prepared) {
  LaunchContext launch(*prepared.program, prepared.config, options, memory,
                       prepared.params);
  for (bool &check : launch.checks)
    check = true;
  for (CheckKind kind : options.disabledChecks)
    if (kind <= CheckKind::AsyncOwnership ||
        kind == CheckKind::TransactionCount)
      launch.checks[unsigned(kind)] = false;
  launch.gridId = ++launches;
  unsigned threads = options.threads
                         ? options.threads
                         : std::max(1u, std::thread::hardware_concurrency());
  bool sequential = prepared.kernel->orderDependent;
  if (sequential)
    runSequential(launch);
  else
    runParallel(launch, options.trace ? 1 : threads);
  LaunchResult result;
  result.kernel = prepared.kernel->name;
  result.reports = std::move(launch.reports);
  // Which core finds something first is chance; the reports are not.
  std::sort(result.reports.begin(), result.reports.end(),
            [](const Report &a, const Report &b) {
              return std::tie(a.site.line, a.message) <
                     std::tie(b.site.line, b.message);
            });
  result.counters = launch.counters;
  result.sequential = sequential;
  return result;
}

Expected<LaunchResult>
Device::launch(const std::shared_ptr<const Module> &module,
               std::string_view kernel, const LaunchConfig &config,
               const std::vector<Argument> &arguments) {
  auto prepared = implementation->prepare(module, kernel, config, arguments);
  if (!prepared)
    return prepared.error();
  LaunchResult result = implementation->run(**prepared);
  implementation->results.push_back(result);
  return result;
}
