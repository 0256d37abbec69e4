/* Asks for more rows than can be numbered; no memory of them is touched. */
#include "liblayer.h"

#include <stdio.h>

static DLTensor make(int64_t *shape) {
  static float element;
  DLTensor tensor = {0};
  tensor.data = &element;
  tensor.device.device_type = kDLCPU;
  tensor.dtype = (DLDataType){kDLBfloat, 16, 1};
  tensor.ndim = 2;
  tensor.shape = shape;
  return tensor;
}

int main(void) {
  /* Two rows a token: 2^30 tokens have 2^31 rows. */
  int64_t shape[] = {(int64_t)1 << 30, 64};
  _Alignas(64) static char memory[64];
  DLTensor x = make(shape), y = make(shape);
  int status = forward_run(&x, 1, memory, &y, 1, memory);
  printf("status %d: %s\n", status, forward_last_error());
  printf("%zu bytes: ", forward_workspace_size(shape[0]));
  printf("%s\n", forward_last_error());
  printf("one less: %s\n",
         forward_workspace_size(shape[0] - 1) ? "a size" : "none");
  return 0;
}
