//===- moe-ptx-run.cpp - Run a PTX kernel on the CPU ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs one kernel with buffers from and to `.npy` files and prints what the
// interpreter's checks report. docs/emulator.md is the guide.
//
//===----------------------------------------------------------------------===//

#include "Options.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

using namespace moe::emulator;
using namespace moe::ptxrun;

static int fail(const std::string &message) {
  std::cerr << message << '\n';
  return 1;
}

/// Compares a buffer with a file; prints the first difference.
static bool compare(const Array &got, const Array &wanted,
                    const Expectation &expectation) {
  std::string where = "argument " + std::to_string(expectation.argument);
  if (got.type != wanted.type || got.count() != wanted.count()) {
    std::cerr << where << ": expected " << wanted.count() << " elements of "
              << wanted.type << ", got " << got.count() << " of " << got.type
              << '\n';
    return false;
  }
  uint64_t different = 0;
  unsigned bytes = got.elementBytes();
  for (uint64_t i = 0; i < got.count(); ++i) {
    if (!std::memcmp(got.data.data() + i * bytes,
                     wanted.data.data() + i * bytes, bytes))
      continue;
    double x = element(got, i), y = element(wanted, i);
    if (std::fabs(x - y) <= expectation.tolerance * std::max(1.0, std::fabs(y)))
      continue;
    if (!different++)
      std::cerr << where << ": expected " << y << " at index " << i << ", got "
                << x << '\n';
  }
  if (different)
    std::cerr << where << ": " << different << " of " << got.count()
              << " elements differ from " << expectation.file << '\n';
  return !different;
}

/// Buffers go to the device; their addresses become the arguments.
static Status upload(Device &device, std::vector<KernelArgument> &arguments,
                     std::vector<uint64_t> &addresses) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    KernelArgument &argument = arguments[i];
    addresses.push_back(0);
    if (!argument.scalar.empty())
      continue;
    auto address = device.allocate(argument.array.data.size(),
                                   "argument " + std::to_string(i));
    if (!address)
      return address.error();
    addresses.back() = *address;
    if (!argument.input.empty())
      if (Status status = device.copyToDevice(
              *address, argument.array.data.data(), argument.array.data.size());
          !status)
        return status;
  }
  return {};
}

/// Buffers come back; outputs are written and expectations checked.
static bool download(Device &device, Options &options,
                     const std::vector<uint64_t> &addresses) {
  bool good = true;
  for (size_t i = 0; i < addresses.size(); ++i) {
    KernelArgument &argument = options.arguments[i];
    if (!argument.scalar.empty())
      continue;
    Status status = device.copyToHost(argument.array.data.data(), addresses[i],
                                      argument.array.data.size());
    if (status && !argument.output.empty())
      status = writeNpy(argument.output, argument.array);
    if (!status)
      good = !fail(status.error().message);
  }
  for (const Expectation &expectation : options.expectations) {
    auto wanted = readNpy(expectation.file);
    if (!wanted)
      good = !fail(wanted.error().message);
    else
      good &= compare(options.arguments[expectation.argument].array, *wanted,
                      expectation);
  }
  return good;
}

static void list(const Module &module) {
  for (const KernelInfo &kernel : module.kernels()) {
    std::cout << kernel.name << "(";
    for (size_t i = 0; i < kernel.params.size(); ++i)
      std::cout << (i ? ", " : "") << kernel.params[i].size
                << (kernel.params[i].isPointer ? " pointer" : "");
    std::cout << ") shared " << kernel.staticShared
              << (kernel.orderDependent ? ", in seeded order" : "") << '\n';
  }
}

static int run(Options &options) {
  std::ifstream stream(options.file, std::ios::binary);
  if (!stream)
    return fail(options.file + ": error: cannot open the file");
  std::ostringstream text;
  text << stream.rdbuf();
  auto module = Module::load(text.str(), options.file);
  if (!module)
    return fail(module.error().message);
  if (options.list) {
    list(**module);
    return 0;
  }
  std::ofstream traceFile;
  if (!options.traceFile.empty() && options.traceFile != "-")
    traceFile.open(options.traceFile);
  if (!options.traceFile.empty())
    options.device.trace = traceFile.is_open() ? &traceFile : &std::cout;
  Device device(options.device);
  std::vector<uint64_t> addresses;
  if (Status status = upload(device, options.arguments, addresses); !status)
    return fail(status.error().message);
  std::vector<Argument> arguments;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const std::vector<uint8_t> &scalar = options.arguments[i].scalar;
    arguments.push_back(scalar.empty()
                            ? Argument{&addresses[i], 8}
                            : Argument{scalar.data(), scalar.size()});
  }
  auto result =
      device.launch(*module, options.kernel, options.config, arguments);
  if (!result)
    return fail("error: " + result.error().message);
  for (const Report &report : result->reports)
    std::cerr << report.str();
  if (result->sequential)
    std::cerr << "note: the result may depend on the order of blocks; they ran "
                 "on one core in the order of seed "
              << options.device.order.seed << '\n';
  if (options.counters)
    std::cout << result->counters.str();
  bool good = download(device, options, addresses);
  return good && result->reports.empty() ? 0 : 1;
}

int main(int argc, char **argv) {
  auto options = parseOptions(argc, argv);
  if (!options) {
    std::cerr << "moe-ptx-run: error: " << options.error().message << '\n'
              << "try moe-ptx-run --help\n";
    return 2;
  }
  if (options->help)
    std::cout << usage;
  else if (options->printTable)
    std::cout << instructionTable();
  else
    return run(*options);
  return 0;
}
