//===- CudaRuntime.cpp - Runtime functions over the CUDA driver -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lowered GPU host code on a real device. The driver is opened when the first
// function needs it, so that nothing here is built or linked against CUDA; the
// few driver types and constants used are declared below.
//
//===----------------------------------------------------------------------===//

#include "MgpuRuntime.h"

#include <cstdio>
#include <dlfcn.h>
#include <string>

namespace {

using Result = int;
using DevicePointer = uint64_t;

constexpr unsigned kStreamNonBlocking = 1, kEventDisableTiming = 2;
constexpr unsigned kMemAttachGlobal = 1;
constexpr int kJitErrorLogBuffer = 5, kJitErrorLogBufferBytes = 6;
constexpr int kJitOptimizationLevel = 7;
constexpr int kMaxDynamicSharedBytes = 8;
constexpr int kAttributeClusterDimension = 4;

/// CUlaunchConfig and CUlaunchAttribute as far as they are used.
struct LaunchAttribute {
  int id;
  char padding[4];
  union {
    char bytes[64];
    unsigned cluster[3];
  } value;
};
struct LaunchConfig {
  unsigned grid[3], block[3], sharedBytes;
  void *stream;
  LaunchAttribute *attributes;
  unsigned attributeCount;
};

/// The driver functions used: member, symbol, parameter types.
#define MOE_DRIVER_FUNCTIONS(X)                                                \
  X(init, cuInit, unsigned)                                                    \
  X(errorName, cuGetErrorName, Result, const char **)                          \
  X(deviceGet, cuDeviceGet, int *, int)                                        \
  X(primaryContextRetain, cuDevicePrimaryCtxRetain, void **, int)              \
  X(contextSetCurrent, cuCtxSetCurrent, void *)                                \
  X(moduleLoadData, cuModuleLoadData, void **, const void *)                   \
  X(moduleLoadDataEx, cuModuleLoadDataEx, void **, const void *, unsigned,     \
    int *, void **)                                                            \
  X(moduleUnload, cuModuleUnload, void *)                                      \
  X(moduleGetFunction, cuModuleGetFunction, void **, void *, const char *)     \
  X(functionSetAttribute, cuFuncSetAttribute, void *, int, int)                \
  X(launchKernel, cuLaunchKernel, void *, unsigned, unsigned, unsigned,        \
    unsigned, unsigned, unsigned, unsigned, void *, void **, void **)          \
  X(launchKernelEx, cuLaunchKernelEx, const LaunchConfig *, void *, void **,   \
    void **)                                                                   \
  X(streamCreate, cuStreamCreate, void **, unsigned)                           \
  X(streamDestroy, cuStreamDestroy_v2, void *)                                 \
  X(streamSynchronize, cuStreamSynchronize, void *)                            \
  X(streamWaitEvent, cuStreamWaitEvent, void *, void *, unsigned)              \
  X(eventCreate, cuEventCreate, void **, unsigned)                             \
  X(eventDestroy, cuEventDestroy_v2, void *)                                   \
  X(eventSynchronize, cuEventSynchronize, void *)                              \
  X(eventRecord, cuEventRecord, void *, void *)                                \
  X(memAlloc, cuMemAlloc_v2, DevicePointer *, size_t)                          \
  X(memAllocManaged, cuMemAllocManaged, DevicePointer *, size_t, unsigned)     \
  X(memFree, cuMemFree_v2, DevicePointer)                                      \
  X(memcpyAsync, cuMemcpyAsync, DevicePointer, DevicePointer, size_t, void *)  \
  X(memsetD32Async, cuMemsetD32Async, DevicePointer, unsigned, size_t, void *) \
  X(memsetD16Async, cuMemsetD16Async, DevicePointer, unsigned short, size_t,   \
    void *)                                                                    \
  X(memHostRegister, cuMemHostRegister_v2, void *, size_t, unsigned)           \
  X(memHostUnregister, cuMemHostUnregister, void *)                            \
  X(tensorMapEncodeTiled, cuTensorMapEncodeTiled, void *, int, unsigned,       \
    void *, const uint64_t *, const uint64_t *, const uint32_t *,              \
    const uint32_t *, int, int, int, int)

/// The driver, opened.
struct Driver {
  void *library;
#define MOE_DECLARE(member, symbol, ...) Result (*member)(__VA_ARGS__);
  MOE_DRIVER_FUNCTIONS(MOE_DECLARE)
#undef MOE_DECLARE

  Driver() : library(dlopen("libcuda.so.1", RTLD_NOW)) {
    if (!library)
      moe::mgpu::fail("expected the CUDA driver library libcuda.so.1 to be "
                      "installed");
#define MOE_BIND(member, symbol, ...) bind(member, #symbol);
    MOE_DRIVER_FUNCTIONS(MOE_BIND)
#undef MOE_BIND
  }

private:
  template <typename Fn>
  void bind(Fn &function, const char *symbol) {
    function = reinterpret_cast<Fn>(dlsym(library, symbol));
    if (!function)
      moe::mgpu::fail(
          (std::string("the CUDA driver has no function ") + symbol).c_str());
  }
};

int defaultDevice = 0;

Driver &driver();

void check(Result result, const char *what) {
  if (result == 0)
    return;
  const char *name = nullptr;
  driver().errorName(result, &name);
  moe::mgpu::fail((std::string(what) + " failed with " +
                   (name ? name : std::to_string(result).c_str()))
                      .c_str());
}

Driver &driver() {
  static Driver instance;
  return instance;
}

/// The driver with the primary context of the default device current.
Driver &cuda() {
  static void *context = [] {
    int device = 0;
    void *primary = nullptr;
    check(driver().init(0), "cuInit");
    check(driver().deviceGet(&device, defaultDevice), "cuDeviceGet");
    check(driver().primaryContextRetain(&primary, device),
          "cuDevicePrimaryCtxRetain");
    return primary;
  }();
  check(driver().contextSetCurrent(context), "cuCtxSetCurrent");
  return driver();
}

DevicePointer address(const void *pointer) {
  return reinterpret_cast<DevicePointer>(pointer);
}

/// Shared memory beyond 48 KiB has to be asked for.
void allowSharedMemory(void *function, int32_t bytes) {
  if (bytes > 0)
    check(cuda().functionSetAttribute(function, kMaxDynamicSharedBytes, bytes),
          "cuFuncSetAttribute");
}

} // namespace

void *mgpuModuleLoad(void *data, size_t) {
  void *module = nullptr;
  check(cuda().moduleLoadData(&module, data), "cuModuleLoadData");
  return module;
}

void *mgpuModuleLoadJIT(void *data, int32_t optLevel) {
  char log[4096] = {};
  int options[] = {kJitErrorLogBuffer, kJitErrorLogBufferBytes,
                   kJitOptimizationLevel};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log)),
                    reinterpret_cast<void *>(intptr_t(optLevel))};
  void *module = nullptr;
  Result result = cuda().moduleLoadDataEx(&module, data, 3, options, values);
  if (result != 0 && log[0])
    std::fprintf(stderr, "%s\n", log);
  check(result, "cuModuleLoadDataEx");
  return module;
}

void mgpuModuleUnload(void *module) {
  check(cuda().moduleUnload(module), "cuModuleUnload");
}

void *mgpuModuleGetFunction(void *module, const char *name) {
  void *function = nullptr;
  check(cuda().moduleGetFunction(&function, module, name),
        "cuModuleGetFunction");
  return function;
}

void mgpuLaunchKernel(void *function, intptr_t gridX, intptr_t gridY,
                      intptr_t gridZ, intptr_t blockX, intptr_t blockY,
                      intptr_t blockZ, int32_t smem, void *stream,
                      void **params, void **extra, size_t) {
  allowSharedMemory(function, smem);
  check(cuda().launchKernel(function, unsigned(gridX), unsigned(gridY),
                            unsigned(gridZ), unsigned(blockX), unsigned(blockY),
                            unsigned(blockZ), unsigned(smem), stream, params,
                            extra),
        "cuLaunchKernel");
}

void mgpuLaunchClusterKernel(void *function, intptr_t clusterX,
                             intptr_t clusterY, intptr_t clusterZ,
                             intptr_t gridX, intptr_t gridY, intptr_t gridZ,
                             intptr_t blockX, intptr_t blockY, intptr_t blockZ,
                             int32_t smem, void *stream, void **params,
                             void **extra, size_t) {
  allowSharedMemory(function, smem);
  LaunchAttribute attribute = {};
  attribute.id = kAttributeClusterDimension;
  attribute.value.cluster[0] = unsigned(clusterX);
  attribute.value.cluster[1] = unsigned(clusterY);
  attribute.value.cluster[2] = unsigned(clusterZ);
  LaunchConfig config = {{unsigned(gridX), unsigned(gridY), unsigned(gridZ)},
                         {unsigned(blockX), unsigned(blockY), unsigned(blockZ)},
                         unsigned(smem),
                         stream,
                         &attribute,
                         1};
  check(cuda().launchKernelEx(&config, function, params, extra),
        "cuLaunchKernelEx");
}

void *mgpuStreamCreate() {
  void *stream = nullptr;
  check(cuda().streamCreate(&stream, kStreamNonBlocking), "cuStreamCreate");
  return stream;
}
void mgpuStreamDestroy(void *stream) {
  check(cuda().streamDestroy(stream), "cuStreamDestroy");
}
void mgpuStreamSynchronize(void *stream) {
  check(cuda().streamSynchronize(stream), "cuStreamSynchronize");
}
void mgpuStreamWaitEvent(void *stream, void *event) {
  check(cuda().streamWaitEvent(stream, event, 0), "cuStreamWaitEvent");
}

void *mgpuEventCreate() {
  void *event = nullptr;
  check(cuda().eventCreate(&event, kEventDisableTiming), "cuEventCreate");
  return event;
}
void mgpuEventDestroy(void *event) {
  check(cuda().eventDestroy(event), "cuEventDestroy");
}
void mgpuEventSynchronize(void *event) {
  check(cuda().eventSynchronize(event), "cuEventSynchronize");
}
void mgpuEventRecord(void *event, void *stream) {
  check(cuda().eventRecord(event, stream), "cuEventRecord");
}

void *mgpuMemAlloc(uint64_t size, void *, bool isHostShared) {
  if (size == 0)
    return nullptr;
  DevicePointer pointer = 0;
  if (isHostShared)
    check(cuda().memAllocManaged(&pointer, size, kMemAttachGlobal),
          "cuMemAllocManaged");
  else
    check(cuda().memAlloc(&pointer, size), "cuMemAlloc");
  return reinterpret_cast<void *>(pointer);
}
void mgpuMemFree(void *pointer, void *) {
  check(cuda().memFree(address(pointer)), "cuMemFree");
}
void mgpuMemcpy(void *to, void *from, size_t size, void *stream) {
  check(cuda().memcpyAsync(address(to), address(from), size, stream),
        "cuMemcpyAsync");
}
void mgpuMemset32(void *to, unsigned value, size_t count, void *stream) {
  check(cuda().memsetD32Async(address(to), value, count, stream),
        "cuMemsetD32Async");
}
void mgpuMemset16(void *to, unsigned short value, size_t count, void *stream) {
  check(cuda().memsetD16Async(address(to), value, count, stream),
        "cuMemsetD16Async");
}

void mgpuMemHostRegister(void *pointer, uint64_t size) {
  check(cuda().memHostRegister(pointer, size, 0), "cuMemHostRegister");
}
void mgpuMemHostUnregister(void *pointer) {
  check(cuda().memHostUnregister(pointer), "cuMemHostUnregister");
}

void mgpuSetDefaultDevice(int32_t device) { defaultDevice = device; }

void mgpuTensorMapEncodeTiled(void *tensorMap, uint32_t dataType, uint32_t rank,
                              void *globalAddress, const uint64_t *globalDim,
                              const uint64_t *globalStrides,
                              const uint32_t *boxDim,
                              const uint32_t *elementStrides,
                              uint32_t interleave, uint32_t swizzle,
                              uint32_t l2Promotion, uint32_t oobFill) {
  check(cuda().tensorMapEncodeTiled(
            tensorMap, int(dataType), rank, globalAddress, globalDim,
            globalStrides, boxDim, elementStrides, int(interleave),
            int(swizzle), int(l2Promotion), int(oobFill)),
        "cuTensorMapEncodeTiled");
}
