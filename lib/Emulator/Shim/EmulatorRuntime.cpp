//===- EmulatorRuntime.cpp - Runtime functions over the interpreter -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lowered GPU host code on the PTX interpreter. Two variables of the
// environment steer it:
//
//   MOE_EMULATOR_ORDER     order of execution, e.g. `lazy,greedy,seed=3`
//   MOE_EMULATOR_COUNTERS  if set, the counters of each launch are printed
//
// A launch with a report prints it and ends the process with status 1.
//
//===----------------------------------------------------------------------===//

#include "MgpuRuntime.h"
#include "moe/Emulator/Emulator.h"
#include "moe/Emulator/TensorMap.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

using namespace moe::emulator;

namespace {

struct LoadedModule {
  std::shared_ptr<const Module> module;
  std::map<std::string, struct Function> functions;
};

struct Function {
  std::shared_ptr<const Module> module;
  const KernelInfo *kernel;
};

void check(const Status &status) {
  if (!status)
    moe::mgpu::fail(status.error().message.c_str());
}

template <typename T>
T check(Expected<T> value) {
  if (!value)
    moe::mgpu::fail(value.error().message.c_str());
  return std::move(*value);
}

DeviceOptions optionsFromEnvironment() {
  DeviceOptions options;
  if (const char *order = std::getenv("MOE_EMULATOR_ORDER"))
    options.order = check(Order::parse(order));
  return options;
}

/// The device and what the runtime remembers of it. Locked by every function.
class Runtime {
public:
  Device device{optionsFromEnvironment()};

  void *allocate(uint64_t size) {
    uint64_t address = check(device.allocate(size));
    blocks[address] = size;
    return reinterpret_cast<void *>(address);
  }

  void *allocateShared(uint64_t size) {
    // aligned_alloc wants a multiple of the alignment.
    void *pointer = std::aligned_alloc(256, (size + 255) / 256 * 256);
    check(device.registerHost(pointer, size));
    shared[pointer] = size;
    return pointer;
  }

  void free(void *pointer, StreamId stream) {
    if (shared.erase(pointer)) {
      check(device.synchronize());
      check(device.unregisterHost(pointer));
      std::free(pointer);
      return;
    }
    // In stream order, as gpu.dealloc is: work before it may still need it.
    check(device.enqueue(stream, [this, pointer] {
      return device.free(reinterpret_cast<uint64_t>(pointer));
    }));
  }

  void copy(void *to, void *from, size_t size, StreamId stream) {
    check(device.enqueue(
        stream, [this, to, from, size] { return copyNow(to, from, size); }));
  }

  /// Prints what launches since the last call found; ends the process if there
  /// is a report.
  void showResults() {
    const std::vector<LaunchResult> &results = device.results();
    bool clean = true;
    for (; shown < results.size(); ++shown) {
      const LaunchResult &result = results[shown];
      for (const Report &report : result.reports)
        std::fprintf(stderr, "%s", report.str().c_str());
      clean &= result.reports.empty();
      if (std::getenv("MOE_EMULATOR_COUNTERS"))
        std::fprintf(stderr, "kernel %s\n%s", result.kernel.c_str(),
                     result.counters.str().c_str());
    }
    if (!clean)
      moe::mgpu::fail("the checks reported errors in a kernel");
  }

private:
  Status copyNow(void *to, void *from, size_t size) {
    uint64_t toAddress = reinterpret_cast<uint64_t>(to);
    uint64_t fromAddress = reinterpret_cast<uint64_t>(from);
    if (isDevice(toAddress) && isDevice(fromAddress))
      return device.copyOnDevice(toAddress, fromAddress, size);
    if (isDevice(toAddress))
      return device.copyToDevice(toAddress, from, size);
    if (isDevice(fromAddress))
      return device.copyToHost(to, fromAddress, size);
    std::memmove(to, from, size);
    return {};
  }

  /// Whether an address was ever device memory: a freed one must reach the
  /// device, which reports it, and not be taken for host memory.
  bool isDevice(uint64_t address) const {
    auto next = blocks.upper_bound(address);
    if (next == blocks.begin())
      return false;
    auto block = std::prev(next);
    return address - block->first < block->second;
  }

  std::map<uint64_t, uint64_t> blocks;
  std::map<void *, uint64_t> shared;
  size_t shown = 0;
};

/// Gives one thread the runtime and shows results when it is done.
class Locked {
public:
  Locked() : lock(mutex) {}
  ~Locked() { runtime().showResults(); }
  Runtime *operator->() { return &runtime(); }

private:
  static Runtime &runtime() {
    // Never destroyed: lowered code unloads its modules from a destructor.
    static Runtime *instance = new Runtime;
    return *instance;
  }
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock;
};
std::mutex Locked::mutex;

template <typename Id>
Id idOf(void *handle) {
  return Id(reinterpret_cast<uintptr_t>(handle));
}
void *handleOf(uint32_t id) { return reinterpret_cast<void *>(uintptr_t(id)); }
/// Event 0 exists, null does not.
EventId eventOf(void *handle) { return idOf<EventId>(handle) - 1; }

void *load(std::string_view text) {
  static unsigned number = 0;
  Locked runtime;
  std::string file = "<ptx module " + std::to_string(number++) + ">";
  return new LoadedModule{check(Module::load(text, file)), {}};
}

Dim3 dim3(intptr_t x, intptr_t y, intptr_t z) {
  return {uint32_t(x), uint32_t(y), uint32_t(z)};
}

void launch(void *handle, const LaunchConfig &config, void *stream,
            void **params, void **extra, size_t paramsCount) {
  const auto &function = *static_cast<const Function *>(handle);
  const std::vector<ParamInfo> &expected = function.kernel->params;
  if (extra)
    moe::mgpu::fail("expected arguments as an array of pointers");
  if (paramsCount != expected.size())
    moe::mgpu::fail(("kernel " + function.kernel->name + ": expected " +
                     std::to_string(expected.size()) + " arguments, got " +
                     std::to_string(paramsCount))
                        .c_str());
  std::vector<Argument> arguments;
  for (size_t i = 0; i < paramsCount; ++i)
    arguments.push_back({params[i], expected[i].size});
  Locked runtime;
  check(runtime->device.enqueueLaunch(idOf<StreamId>(stream), function.module,
                                      function.kernel->name, config,
                                      arguments));
}

} // namespace

void *mgpuModuleLoad(void *data, size_t size) {
  std::string_view text(static_cast<const char *>(data), size);
  while (!text.empty() && text.back() == '\0')
    text.remove_suffix(1);
  if (text.find('\0') != std::string_view::npos)
    moe::mgpu::fail("expected PTX text, got a binary (lower with "
                    "cubin-format=isa)");
  return load(text);
}

void *mgpuModuleLoadJIT(void *data, int32_t) {
  return load(static_cast<const char *>(data));
}

void mgpuModuleUnload(void *module) {
  delete static_cast<LoadedModule *>(module);
}

void *mgpuModuleGetFunction(void *module, const char *name) {
  auto &loaded = *static_cast<LoadedModule *>(module);
  const KernelInfo *kernel = loaded.module->findKernel(name);
  if (!kernel)
    moe::mgpu::fail(("no kernel named " + std::string(name)).c_str());
  Function &function = loaded.functions[name];
  function = {loaded.module, kernel};
  return &function;
}

void mgpuLaunchKernel(void *function, intptr_t gridX, intptr_t gridY,
                      intptr_t gridZ, intptr_t blockX, intptr_t blockY,
                      intptr_t blockZ, int32_t smem, void *stream,
                      void **params, void **extra, size_t paramsCount) {
  LaunchConfig config;
  config.grid = dim3(gridX, gridY, gridZ);
  config.block = dim3(blockX, blockY, blockZ);
  config.dynamicShared = uint32_t(smem);
  launch(function, config, stream, params, extra, paramsCount);
}

void mgpuLaunchClusterKernel(void *function, intptr_t clusterX,
                             intptr_t clusterY, intptr_t clusterZ,
                             intptr_t gridX, intptr_t gridY, intptr_t gridZ,
                             intptr_t blockX, intptr_t blockY, intptr_t blockZ,
                             int32_t smem, void *stream, void **params,
                             void **extra, size_t paramsCount) {
  LaunchConfig config;
  config.grid = dim3(gridX, gridY, gridZ);
  config.block = dim3(blockX, blockY, blockZ);
  config.cluster = dim3(clusterX, clusterY, clusterZ);
  config.dynamicShared = uint32_t(smem);
  launch(function, config, stream, params, extra, paramsCount);
}

void *mgpuStreamCreate() { return handleOf(Locked()->device.createStream()); }
void mgpuStreamDestroy(void *stream) {
  check(Locked()->device.destroyStream(idOf<StreamId>(stream)));
}
void mgpuStreamSynchronize(void *stream) {
  check(Locked()->device.synchronize(idOf<StreamId>(stream)));
}
void mgpuStreamWaitEvent(void *stream, void *event) {
  check(Locked()->device.wait(idOf<StreamId>(stream), eventOf(event)));
}

void *mgpuEventCreate() { return handleOf(Locked()->device.createEvent() + 1); }
void mgpuEventDestroy(void *) {}
void mgpuEventSynchronize(void *event) {
  check(Locked()->device.synchronizeEvent(eventOf(event)));
}
void mgpuEventRecord(void *event, void *stream) {
  check(Locked()->device.record(eventOf(event), idOf<StreamId>(stream)));
}

void *mgpuMemAlloc(uint64_t size, void *, bool isHostShared) {
  if (size == 0)
    return nullptr;
  Locked runtime;
  return isHostShared ? runtime->allocateShared(size) : runtime->allocate(size);
}

void mgpuMemFree(void *pointer, void *stream) {
  if (pointer)
    Locked()->free(pointer, idOf<StreamId>(stream));
}

void mgpuMemcpy(void *to, void *from, size_t size, void *stream) {
  if (size != 0)
    Locked()->copy(to, from, size, idOf<StreamId>(stream));
}

namespace {
void fill(void *to, uint32_t value, unsigned width, size_t count,
          void *stream) {
  Locked runtime;
  check(runtime->device.enqueue(
      idOf<StreamId>(stream), [=, device = &runtime->device] {
        return device->fill(reinterpret_cast<uint64_t>(to), value, width,
                            count);
      }));
}
} // namespace

void mgpuMemset32(void *to, unsigned value, size_t count, void *stream) {
  fill(to, value, 4, count, stream);
}
void mgpuMemset16(void *to, unsigned short value, size_t count, void *stream) {
  fill(to, value, 2, count, stream);
}

void mgpuMemHostRegister(void *pointer, uint64_t size) {
  check(Locked()->device.registerHost(pointer, size));
}
void mgpuMemHostUnregister(void *pointer) {
  Locked runtime;
  check(runtime->device.synchronize());
  check(runtime->device.unregisterHost(pointer));
}

void mgpuSetDefaultDevice(int32_t device) {
  if (device != 0)
    moe::mgpu::fail("the emulator has one device, number 0");
}

void mgpuTensorMapEncodeTiled(void *tensorMap, uint32_t dataType, uint32_t rank,
                              void *globalAddress, const uint64_t *globalDim,
                              const uint64_t *globalStrides,
                              const uint32_t *boxDim,
                              const uint32_t *elementStrides,
                              uint32_t interleave, uint32_t swizzle, uint32_t,
                              uint32_t oobFill) {
  if (interleave != 0)
    moe::mgpu::fail("tensor map: interleaved layouts are not supported");
  if (rank == 0 || rank > TensorMap::kMaxRank || dataType > 255 ||
      swizzle > 255 || oobFill > 1)
    moe::mgpu::fail("tensor map: rank or enumeration out of range");
  TensorMap map;
  map.type = TensorMapType(dataType);
  map.rank = uint8_t(rank);
  map.swizzle = Swizzle(swizzle);
  map.fill = TensorMapFill(oobFill);
  map.address = reinterpret_cast<uint64_t>(globalAddress);
  for (uint32_t i = 0; i < rank; ++i) {
    map.dims[i] = globalDim[i];
    // Saturate, so that the validation sees a value too large as too large.
    map.box[i] = uint16_t(std::min<uint32_t>(boxDim[i], 0xffff));
    map.elementStrides[i] = uint8_t(std::min<uint32_t>(elementStrides[i], 255));
    if (i + 1 < rank)
      map.strides[i] = globalStrides[i];
  }
  check(map.validate());
  map.write(tensorMap);
}
