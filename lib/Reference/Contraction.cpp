//===- Contraction.cpp - Sums of products ---------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Decoding of runs of elements, and their products.
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"

using namespace mlir;
using namespace mlir::moe;

template <typename T, typename Decode>
static void decodeRun(const Tensor &base, int64_t position, int64_t stride,
                      std::vector<double> &run, Decode decode) {
  const T *data = static_cast<const T *>(base.getData()) + position;
  for (size_t i = 0, e = run.size(); i < e; ++i)
    run[i] = decode(data[static_cast<int64_t>(i) * stride]);
}

ArrayRef<double> RunReader::read(int64_t position, int64_t stride,
                                 int64_t count) {
  if (position == lastPosition && stride == lastStride &&
      static_cast<int64_t>(run.size()) == count)
    return run;
  lastPosition = position;
  lastStride = stride;
  run.resize(count);
  switch (base->getType()) {
  case ElementType::f64:
    decodeRun<double>(*base, position, stride, run, [](double x) { return x; });
    break;
  case ElementType::f32:
    decodeRun<float>(*base, position, stride, run,
                     [](float x) { return static_cast<double>(x); });
    break;
  case ElementType::bf16:
    decodeRun<uint16_t>(*base, position, stride, run, [](uint16_t bits) {
      return static_cast<double>(bfloat16ToFloat(bits));
    });
    break;
  default:
    for (int64_t i = 0; i < count; ++i)
      run[i] = base->get(position + i * stride);
  }
  return run;
}

double mlir::moe::accumulateProducts(double initial, ArrayRef<double> a,
                                     ArrayRef<double> b) {
  double sum = initial;
  for (size_t i = 0, e = a.size(); i < e; ++i)
    sum += a[i] * b[i];
  return sum;
}
