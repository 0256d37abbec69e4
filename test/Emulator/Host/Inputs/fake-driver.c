// A CUDA driver for tests without a device: it says which function was called
// and lets the emulator's runtime library do the work.
//
//   EMULATOR_RUNTIME  that library
//   PARAM_COUNT       parameters of the kernel, which the driver's interface
//   does
//                     not pass
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void *emulator(const char *name) {
  static void *library;
  if (!library)
    library = dlopen(getenv("EMULATOR_RUNTIME"), RTLD_NOW | RTLD_LOCAL);
  void *function = library ? dlsym(library, name) : NULL;
  if (!function)
    fprintf(stderr, "fake driver: %s\n", dlerror()), exit(3);
  return function;
}

#define CALL(type, name, ...) ((type)emulator(#name))(__VA_ARGS__)
#define SAY(...) fprintf(stderr, __VA_ARGS__)

int cuInit(unsigned flags) {
  SAY("cuInit %u\n", flags);
  return 0;
}
int cuGetErrorName(int error, const char **name) {
  *name = error == 1 ? "CUDA_ERROR_INVALID_VALUE" : NULL;
  return 0;
}
int cuDeviceGet(int *device, int ordinal) {
  SAY("cuDeviceGet %d\n", ordinal);
  *device = ordinal;
  return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = (void *)(intptr_t)(device + 1);
  return 0;
}
int cuCtxSetCurrent(void *context) { return context ? 0 : 1; }

int cuModuleLoadData(void **module, const void *data) {
  (void)module, (void)data;
  return 1;
}
int cuModuleLoadDataEx(void **module, const void *data, unsigned count,
                       int *options, void **values) {
  SAY("cuModuleLoadDataEx %u options, level %d = %d\n", count, options[2],
      (int)(intptr_t)values[2]);
  *module = CALL(void *(*)(const void *, int), mgpuModuleLoadJIT, data, 2);
  return 0;
}
int cuModuleUnload(void *module) {
  SAY("cuModuleUnload\n");
  CALL(void (*)(void *), mgpuModuleUnload, module);
  return 0;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
  SAY("cuModuleGetFunction %s\n", name);
  *function = CALL(void *(*)(void *, const char *), mgpuModuleGetFunction,
                   module, name);
  return 0;
}
int cuFuncSetAttribute(void *function, int attribute, int value) {
  (void)function;
  SAY("cuFuncSetAttribute %d = %d\n", attribute, value);
  return 0;
}
int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz,
                   unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   void *stream, void **params, void **extra) {
  SAY("cuLaunchKernel %u,%u,%u %u,%u,%u\n", gx, gy, gz, bx, by, bz);
  typedef void (*Launch)(void *, intptr_t, intptr_t, intptr_t, intptr_t,
                         intptr_t, intptr_t, int, void *, void **, void **,
                         size_t);
  CALL(Launch, mgpuLaunchKernel, function, gx, gy, gz, bx, by, bz, (int)shared,
       stream, params, extra, (size_t)atoi(getenv("PARAM_COUNT")));
  return 0;
}
int cuLaunchKernelEx(const void *config, void *function, void **params,
                     void **extra) {
  (void)config, (void)function, (void)params, (void)extra;
  return 1;
}

int cuStreamCreate(void **stream, unsigned flags) {
  SAY("cuStreamCreate %u\n", flags);
  *stream = CALL(void *(*)(void), mgpuStreamCreate);
  return 0;
}
int cuStreamDestroy_v2(void *stream) {
  CALL(void (*)(void *), mgpuStreamDestroy, stream);
  return 0;
}
int cuStreamSynchronize(void *stream) {
  CALL(void (*)(void *), mgpuStreamSynchronize, stream);
  return 0;
}
int cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
  (void)flags;
  CALL(void (*)(void *, void *), mgpuStreamWaitEvent, stream, event);
  return 0;
}
int cuEventCreate(void **event, unsigned flags) {
  SAY("cuEventCreate %u\n", flags);
  *event = CALL(void *(*)(void), mgpuEventCreate);
  return 0;
}
int cuEventDestroy_v2(void *event) {
  CALL(void (*)(void *), mgpuEventDestroy, event);
  return 0;
}
int cuEventSynchronize(void *event) {
  CALL(void (*)(void *), mgpuEventSynchronize, event);
  return 0;
}
int cuEventRecord(void *event, void *stream) {
  CALL(void (*)(void *, void *), mgpuEventRecord, event, stream);
  return 0;
}

int cuMemAlloc_v2(uint64_t *pointer, size_t size) {
  SAY("cuMemAlloc %zu\n", size);
  typedef uint64_t (*Allocate)(uint64_t, void *, _Bool);
  *pointer = CALL(Allocate, mgpuMemAlloc, size, NULL, 0);
  return 0;
}
int cuMemAllocManaged(uint64_t *pointer, size_t size, unsigned flags) {
  (void)pointer, (void)size, (void)flags;
  return 1;
}
int cuMemFree_v2(uint64_t pointer) {
  SAY("cuMemFree\n");
  // The driver's function waits for the device first.
  CALL(void (*)(uint64_t, void *), mgpuMemFree, pointer, NULL);
  return 0;
}
int cuMemcpyAsync(uint64_t to, uint64_t from, size_t size, void *stream) {
  SAY("cuMemcpyAsync %zu\n", size);
  typedef void (*Copy)(uint64_t, uint64_t, size_t, void *);
  CALL(Copy, mgpuMemcpy, to, from, size, stream);
  return 0;
}
int cuMemsetD32Async(uint64_t to, unsigned value, size_t count, void *stream) {
  typedef void (*Set)(uint64_t, unsigned, size_t, void *);
  CALL(Set, mgpuMemset32, to, value, count, stream);
  return 0;
}
int cuMemsetD16Async(uint64_t to, unsigned short value, size_t count,
                     void *stream) {
  typedef void (*Set)(uint64_t, unsigned short, size_t, void *);
  CALL(Set, mgpuMemset16, to, value, count, stream);
  return 0;
}
int cuMemHostRegister_v2(void *pointer, size_t size, unsigned flags) {
  (void)flags;
  CALL(void (*)(void *, uint64_t), mgpuMemHostRegister, pointer, size);
  return 0;
}
int cuMemHostUnregister(void *pointer) {
  CALL(void (*)(void *), mgpuMemHostUnregister, pointer);
  return 0;
}
int cuTensorMapEncodeTiled(void) { return 1; }
