// run_layer.c - Runs a compiled layer from C, on random weights and tokens.
//
//   moe-import olmoe-1b-7b.json -o layer.mlir
//   moe-compile layer.mlir --target=cpu --emit=lib -o liblayer.so
//   cc -I. run_layer.c -L. -llayer -Wl,-rpath,'$ORIGIN' -o run_layer
//   ./run_layer
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "liblayer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef E // OLMoE-1B-7B; other sizes with -DE=... -DH=... -DF=...
enum { E = 64, H = 2048, F = 1024 }; // experts, hidden size, expert size
#endif
enum { T = 4 };

// A bf16 tensor with elements from -scale to scale.
static DLTensor make(int64_t *shape, float scale) {
  DLTensor tensor = {0};
  int64_t count = shape[0] * shape[1];
  uint16_t *elements = malloc((size_t)count * sizeof(uint16_t));
  for (int64_t i = 0; i < count; ++i) {
    float value = scale * (2 * (float)rand() / (float)RAND_MAX - 1);
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    elements[i] = (uint16_t)(bits >> 16);
  }
  tensor.data = elements;
  tensor.device.device_type = kDLCPU;
  tensor.dtype = (DLDataType){kDLBfloat, 16, 1};
  tensor.ndim = 2;
  tensor.shape = shape;
  return tensor;
}

// aligned_alloc takes multiples of the alignment only.
static void *allocate(size_t alignment, size_t size) {
  return aligned_alloc(alignment,
                       (size + alignment - 1) / alignment * alignment);
}

int main(void) {
  int64_t router[] = {E, H}, up[] = {F, H}, down[] = {H, F}, tokens[] = {T, H};
  DLTensor params[forward_num_params]; // In the order that liblayer.h says.
  params[0] = make(router, 0.05f);
  for (int i = 1; i < forward_num_params; ++i) // all gates, all ups, all downs
    params[i] = make(i <= 2 * E ? up : down, 0.05f);
  void *packed = allocate(2 << 20, forward_packed_size());
  void *workspace = allocate(64, forward_workspace_size(T));
  DLTensor x = make(tokens, 1), y = make(tokens, 0);

  if (forward_pack(params, forward_num_params, packed) ||
      forward_run(&x, 1, packed, &y, 1, workspace)) {
    fprintf(stderr, "%s\n", forward_last_error());
    return 1;
  }
  for (int t = 0; t < T; ++t) {
    uint32_t bits = (uint32_t)((uint16_t *)y.data)[t * H] << 16;
    float value;
    memcpy(&value, &bits, sizeof(value));
    printf("y[%d][0] = %g\n", t, value);
  }
}
