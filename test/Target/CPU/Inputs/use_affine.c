/* Calls a compiled affine.mlir; says what came and what it should have been. */
#include "libaffine.h"

#include "tensor.h"

#include <stdio.h>
#include <stdlib.h>

/* aligned_alloc takes multiples of the alignment only. */
static void *allocate(size_t size) {
  return aligned_alloc(64, (size + 63) / 64 * 64);
}

int main(void) {
  float scale[] = {2, 3, 4, 5}, bias0[] = {10, 20, 30, 40};
  float bias1[] = {0.5, 0.25, 0, -1};
  float x[20], y[20];
  int64_t four[] = {4}, five_rows[] = {5, 4}, six_rows[] = {6, 4};
  DLTensor params[affine_num_params], input, output;
  void *packed = allocate(affine_packed_size());
  void *workspace = allocate(affine_workspace_size(5));
  int i, wrong = 0;

  params[0] = make(scale, four, 1);
  params[1] = make(bias0, four, 1);
  params[2] = make(bias1, four, 1);
  for (i = 0; i < 20; ++i)
    x[i] = (float)i;
  input = make(x, five_rows, 2);
  output = make(y, five_rows, 2);
  if (affine_pack(params, affine_num_params, packed) ||
      affine_run(&input, 1, packed, &output, 1, workspace)) {
    printf("%s\n", affine_last_error());
    return 1;
  }
  for (i = 0; i < 20; ++i)
    wrong += y[i] != x[i] * scale[i % 4] + bias0[i % 4] + bias1[i % 4];
  printf("%d wrong\n", wrong);
  output.shape = six_rows;
  i = affine_run(&input, 1, packed, &output, 1, workspace);
  printf("status %d: %s\n", i, affine_last_error());
  free(packed);
  free(workspace);
  return 0;
}
