/* What the programs of these tests share; after the header of a library. */
#include <stddef.h>

/* A tensor of f32 in the memory of the CPU. */
static DLTensor make(float *data, int64_t *shape, int rank) {
  DLTensor tensor;
  tensor.data = data;
  tensor.device.device_type = kDLCPU;
  tensor.device.device_id = 0;
  tensor.ndim = rank;
  tensor.dtype.code = kDLFloat;
  tensor.dtype.bits = 32;
  tensor.dtype.lanes = 1;
  tensor.shape = shape;
  tensor.strides = NULL;
  tensor.byte_offset = 0;
  return tensor;
}
