/* Calls one layer of a compiled races.mlir, ENTRY. */
#include "libraces.h"

#include <stdio.h>

#define PASTE(name, suffix) name##suffix
#define FUNCTION(name, suffix) PASTE(name, suffix)

int main(void) {
  float x[8] = {0}, y[8];
  int64_t eight = 8;
  DLTensor input = {0}, output;
  input.data = x;
  input.device.device_type = kDLCPU;
  input.ndim = 1;
  input.dtype = (DLDataType){kDLFloat, 32, 1};
  input.shape = &eight;
  output = input;
  output.data = y;
  int status = FUNCTION(ENTRY, _run)(&input, 1, NULL, &output, 1, NULL);
  printf("status %d: %s\n", status, FUNCTION(ENTRY, _last_error)());
  return status;
}
