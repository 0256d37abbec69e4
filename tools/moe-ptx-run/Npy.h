//===- Npy.h - NumPy array files --------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reading and writing `.npy` files of numbers in C order.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TOOLS_MOEPTXRUN_NPY_H
#define MOE_TOOLS_MOEPTXRUN_NPY_H

#include "moe/Emulator/Emulator.h"

namespace moe::ptxrun {

/// An array of numbers. `type` is NumPy's code without the byte order: f4, i8,
/// u2, ... bf16 is stored as u2, as NumPy has no name for it.
struct Array {
  std::string type;
  std::vector<uint64_t> shape;
  std::vector<uint8_t> data;

  unsigned elementBytes() const { return unsigned(type[1] - '0'); }
  uint64_t count() const;
};

emulator::Expected<Array> readNpy(const std::string &path);
emulator::Status writeNpy(const std::string &path, const Array &array);

/// The element as a number; integers above 2^53 lose digits.
double element(const Array &array, uint64_t index);

} // namespace moe::ptxrun

#endif // MOE_TOOLS_MOEPTXRUN_NPY_H
