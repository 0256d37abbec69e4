//===- PtxFuzzer.cpp - Any bytes are a module or an error -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A libFuzzer target: loading any text must end with a module or a message.
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Emulator.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size);
  auto module = moe::emulator::Module::load(text, "fuzz.ptx");
  if (!module && module.error().message.empty())
    std::abort(); // refused without a reason
  return 0;
}
