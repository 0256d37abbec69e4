//===- MgpuRuntime.h - The runtime functions of lowered GPU code -*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The functions that host code calls once MLIR has lowered it from the `gpu`
// and `nvgpu` dialects. Two shared libraries provide them, one over the PTX
// interpreter and one over the CUDA driver; the same host code runs on either.
//
// Handles (module, function, stream, event) are opaque pointers. A failed call
// prints `error: <what>` to standard error and ends the process with status 1:
// lowered code has no way to look at a result.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_SHIM_MGPURUNTIME_H
#define MOE_LIB_EMULATOR_SHIM_MGPURUNTIME_H

#include <cstddef>
#include <cstdint>

#define MOE_MGPU extern "C" __attribute__((visibility("default")))

/// \name Modules and kernels
/// @{

/// Loads `size` bytes: PTX text, or on a device also a cubin or fatbin.
MOE_MGPU void *mgpuModuleLoad(void *data, size_t size);
/// Loads PTX text that ends with a zero byte.
MOE_MGPU void *mgpuModuleLoadJIT(void *data, int32_t optLevel);
MOE_MGPU void mgpuModuleUnload(void *module);
MOE_MGPU void *mgpuModuleGetFunction(void *module, const char *name);
/// Launches asynchronously. `params` points at `paramsCount` pointers to the
/// arguments; `smem` counts bytes of dynamic shared memory.
MOE_MGPU void mgpuLaunchKernel(void *function, intptr_t gridX, intptr_t gridY,
                               intptr_t gridZ, intptr_t blockX, intptr_t blockY,
                               intptr_t blockZ, int32_t smem, void *stream,
                               void **params, void **extra, size_t paramsCount);
MOE_MGPU void mgpuLaunchClusterKernel(void *function, intptr_t clusterX,
                                      intptr_t clusterY, intptr_t clusterZ,
                                      intptr_t gridX, intptr_t gridY,
                                      intptr_t gridZ, intptr_t blockX,
                                      intptr_t blockY, intptr_t blockZ,
                                      int32_t smem, void *stream, void **params,
                                      void **extra, size_t paramsCount);
/// @}

/// \name Streams and events
/// @{
MOE_MGPU void *mgpuStreamCreate();
MOE_MGPU void mgpuStreamDestroy(void *stream);
MOE_MGPU void mgpuStreamSynchronize(void *stream);
MOE_MGPU void mgpuStreamWaitEvent(void *stream, void *event);
MOE_MGPU void *mgpuEventCreate();
MOE_MGPU void mgpuEventDestroy(void *event);
MOE_MGPU void mgpuEventSynchronize(void *event);
MOE_MGPU void mgpuEventRecord(void *event, void *stream);
/// @}

/// \name Memory
/// @{

/// `size` bytes of device memory, or, if `isHostShared`, memory that both sides
/// see at one address. Null for no bytes.
MOE_MGPU void *mgpuMemAlloc(uint64_t size, void *stream, bool isHostShared);
MOE_MGPU void mgpuMemFree(void *pointer, void *stream);
/// Copies in stream order; either side may be host or device memory.
MOE_MGPU void mgpuMemcpy(void *to, void *from, size_t size, void *stream);
MOE_MGPU void mgpuMemset32(void *to, unsigned value, size_t count,
                           void *stream);
MOE_MGPU void mgpuMemset16(void *to, unsigned short value, size_t count,
                           void *stream);
/// Makes host memory accessible to kernels at its own address.
MOE_MGPU void mgpuMemHostRegister(void *pointer, uint64_t size);
MOE_MGPU void mgpuMemHostUnregister(void *pointer);
/// The same for the data of a dense memref of rank `rank`.
MOE_MGPU void mgpuMemHostRegisterMemRef(int64_t rank, void *descriptor,
                                        int64_t elementBytes);
MOE_MGPU void mgpuMemHostUnregisterMemRef(int64_t rank, void *descriptor,
                                          int64_t elementBytes);
MOE_MGPU void mgpuSetDefaultDevice(int32_t device);
/// @}

/// \name Tensor maps
/// @{

/// `cuTensorMapEncodeTiled`: writes 128 bytes to `tensorMap`. Enumerations have
/// the values of the CUDA driver.
MOE_MGPU void mgpuTensorMapEncodeTiled(
    void *tensorMap, uint32_t dataType, uint32_t rank, void *globalAddress,
    const uint64_t *globalDim, const uint64_t *globalStrides,
    const uint32_t *boxDim, const uint32_t *elementStrides, uint32_t interleave,
    uint32_t swizzle, uint32_t l2Promotion, uint32_t oobFill);
/// Encodes a tensor map of a memref of rank 1 to 5 and returns its copy in
/// device memory. `boxDims` follows the order of the memref, last contiguous.
MOE_MGPU void *mgpuTensorMapEncodeTiledMemref(
    int64_t rank, void *descriptor, uint32_t dataType, uint32_t interleave,
    uint32_t swizzle, uint32_t l2Promotion, uint32_t oobFill, int64_t *boxDims);
/// @}

namespace moe::mgpu {
/// Prints `error: <message>` and ends the process with status 1. Not `exit`:
/// the destructors of lowered code would call back into a failed runtime.
[[noreturn]] void fail(const char *message);
} // namespace moe::mgpu

#endif // MOE_LIB_EMULATOR_SHIM_MGPURUNTIME_H
