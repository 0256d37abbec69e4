//===- Options.h - The command line of moe-ptx-run --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the command line says.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_TOOLS_MOEPTXRUN_OPTIONS_H
#define MOE_TOOLS_MOEPTXRUN_OPTIONS_H

#include "Npy.h"

namespace moe::ptxrun {

/// A kernel argument: a number or a buffer.
struct KernelArgument {
  std::vector<uint8_t> scalar; ///< bytes; empty for a buffer
  std::string input;           ///< file to start from; empty: undefined
  std::string output;          ///< file to write; empty: none
  Array array;                 ///< contents, type and shape
};

/// `--expect=INDEX:FILE[:TOLERANCE]`
struct Expectation {
  size_t argument;
  std::string file;
  double tolerance = 0;
};

struct Options {
  std::string file, kernel, traceFile;
  emulator::LaunchConfig config;
  emulator::DeviceOptions device;
  std::vector<KernelArgument> arguments;
  std::vector<Expectation> expectations;
  bool list = false, counters = false, printTable = false, help = false;
};

/// The options, or what is wrong with the command line.
emulator::Expected<Options> parseOptions(int argc, char **argv);
extern const char *const usage;

} // namespace moe::ptxrun

#endif // MOE_TOOLS_MOEPTXRUN_OPTIONS_H
