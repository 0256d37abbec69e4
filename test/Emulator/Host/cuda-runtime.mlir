// The runtime over the CUDA driver: the same lowered module, with a driver that
// the emulator stands in for, and a clear error where there is no driver.

// RUN: mlir-opt %S/vector-add.mlir -gpu-kernel-outlining -gpu-async-region \
// RUN:   -gpu-lower-to-nvvm-pipeline="cubin-chip=sm_80 cubin-features=+ptx80 cubin-format=isa" -o %t.mlir

// RUN: rm -rf %t.driver && mkdir -p %t.driver %t.empty
// RUN: %host_cc -shared -fPIC %S/Inputs/fake-driver.c -o %t.driver/libcuda.so.1 -ldl
// RUN: env LD_LIBRARY_PATH=%t.driver EMULATOR_RUNTIME=%emulator_runtime PARAM_COUNT=11 \
// RUN:   MOE_EMULATOR_ORDER=eager \
// RUN:   mlir-runner %t.mlir -e main -entry-point-result=void \
// RUN:   -shared-libs=%cuda_runtime,%mlir_runner_utils > %t.out 2> %t.err
// RUN: FileCheck %s --input-file=%t.out
// RUN: FileCheck %s --check-prefix=CALLS --input-file=%t.err

// CHECK: [0,  4,  10,  18,  28,  40,  54,  70,  88,  108]

// CALLS:      cuInit 0
// CALLS-NEXT: cuDeviceGet 0
// CALLS-NEXT: cuModuleLoadDataEx 3 options, level 7 = 2
// CALLS:      cuStreamCreate 1
// CALLS-NEXT: cuMemAlloc 40
// CALLS-NEXT: cuMemAlloc 40
// CALLS-NEXT: cuMemcpyAsync 40
// CALLS-NEXT: cuMemcpyAsync 40
// CALLS:      cuModuleGetFunction main_kernel
// CALLS-NEXT: cuLaunchKernel 3,1,1 4,1,1
// CALLS:      cuMemcpyAsync 40
// CALLS-NEXT: cuMemFree
// CALLS-NEXT: cuMemFree

// RUN: env LD_LIBRARY_PATH=%t.empty not mlir-runner %t.mlir -e main \
// RUN:   -entry-point-result=void \
// RUN:   -shared-libs=%cuda_runtime,%mlir_runner_utils 2>&1 \
// RUN: | FileCheck %s --check-prefix=NONE
// NONE: error: expected the CUDA driver library libcuda.so.1 to be installed
