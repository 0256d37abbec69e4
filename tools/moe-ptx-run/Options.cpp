//===- Options.cpp - The command line of moe-ptx-run ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the command line says.
//
//===----------------------------------------------------------------------===//

#include "Options.h"
#include "moe/Emulator/Numerics.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

using namespace moe::emulator;
using namespace moe::ptxrun;

const char *const moe::ptxrun::usage =
    R"(usage: moe-ptx-run FILE.ptx --kernel=NAME [options]

Runs a kernel of a PTX file on the CPU and checks what it does.

  --kernel=NAME          the kernel to run
  --grid=X[,Y[,Z]]       blocks (default 1)
  --block=X[,Y[,Z]]      threads of a block (default 1)
  --shared=BYTES         dynamic shared memory
  --arg=ARGUMENT         one for each parameter, in order:
      TYPE:VALUE           a number; TYPE is i32, u32, i64, u64, i16, u16, i8,
                           u8, f16, bf16, f32 or f64
      in:FILE.npy          a buffer with the contents of a file
      out:FILE.npy:TYPE[D0,D1,..]
                           an uninitialised buffer, written to a file at the end
      inout:IN.npy:OUT.npy both
      buf:TYPE[D0,D1,..]   an uninitialised buffer
  --expect=N:FILE.npy[:TOLERANCE]
                         argument N (from 0) must equal a file in the end;
                         |x - y| <= TOLERANCE * max(1, |y|), default equal bits
  --order=LIST           lazy or eager; priority, greedy or rr; seed=N
                         (default lazy,priority,seed=0)
  --disable-check=KIND   leave out a check, e.g. uninitialized
  --threads=N            cores to use (default all)
  --livelock-limit=N     instructions without effect before a report
  --counters             print the counters of the launch
  --trace[=FILE]         print every warp instruction
  --trace-block=N        only of block N
  --list                 print the kernels of the file
  --print-table          print the table of instructions
  --help

Exit status: 0 when the kernel ran without reports and as expected, 1 when
something was found, 2 for a wrong command line.
)";

static bool consume(std::string_view &text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix)
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

static bool parseNumber(std::string_view text, uint64_t &value) {
  std::string copy(text);
  char *end;
  errno = 0;
  value = std::strtoull(copy.c_str(), &end, 0);
  return !copy.empty() && copy[0] != '-' && !*end && !errno;
}

static Error wrong(std::string_view what, std::string_view expected) {
  return Error{"expected " + std::string(expected) + ", got '" +
               std::string(what) + "'"};
}

static Status parseDim(std::string_view text, Dim3 &dim) {
  uint64_t values[3] = {1, 1, 1};
  std::string_view rest = text;
  for (uint64_t &value : values) {
    size_t comma = std::min(rest.find_first_of(",x"), rest.size());
    if (!parseNumber(rest.substr(0, comma), value) || value > 0xffffffffu)
      return wrong(text, "up to three numbers separated by commas");
    if (comma == rest.size()) {
      rest = {};
      break;
    }
    rest.remove_prefix(comma + 1);
  }
  if (!rest.empty())
    return wrong(text, "up to three numbers separated by commas");
  dim = {uint32_t(values[0]), uint32_t(values[1]), uint32_t(values[2])};
  return {};
}

/// NumPy's name of a type; bf16 goes as u2.
static const char *npyType(std::string_view type) {
  static const struct {
    const char *name, *npy;
  } types[] = {{"i8", "i1"},  {"u8", "u1"},   {"i16", "i2"}, {"u16", "u2"},
               {"i32", "i4"}, {"u32", "u4"},  {"i64", "i8"}, {"u64", "u8"},
               {"f16", "f2"}, {"bf16", "u2"}, {"f32", "f4"}, {"f64", "f8"}};
  for (const auto &entry : types)
    if (type == entry.name)
      return entry.npy;
  return nullptr;
}

static Status parseScalar(std::string_view type, std::string_view text,
                          KernelArgument &argument) {
  const char *npy = npyType(type);
  unsigned bytes = unsigned(npy[1] - '0');
  std::string copy(text);
  char *end = nullptr;
  uint64_t bits = 0;
  if (npy[0] == 'f' || type == "bf16") {
    double value = std::strtod(copy.c_str(), &end);
    bits = type == "bf16" ? encode(kBF16, value, Round::NearestEven)
           : bytes == 2   ? encode(kF16, value, Round::NearestEven)
           : bytes == 4   ? bitCast<uint32_t>(float(value))
                          : bitCast<uint64_t>(value);
  } else {
    errno = 0;
    bits = copy[0] == '-' ? uint64_t(std::strtoll(copy.c_str(), &end, 0))
                          : std::strtoull(copy.c_str(), &end, 0);
    int64_t high = bytes == 8 ? 0 : int64_t(bits) >> (8 * bytes);
    if (errno || (high != 0 && high != -1))
      return wrong(text, "a number that fits " + std::string(type));
  }
  if (copy.empty() || *end)
    return wrong(text, "a number");
  argument.scalar.resize(bytes);
  std::memcpy(argument.scalar.data(), &bits, bytes);
  return {};
}

/// TYPE[D0,D1,...]
static Status parseShape(std::string_view text, Array &array) {
  size_t open = text.find('[');
  const char *type = npyType(text.substr(0, std::min(open, text.size())));
  if (!type || open == text.npos || text.back() != ']')
    return wrong(text, "TYPE[D0,D1,..]");
  array.type = type;
  uint64_t bytes = array.elementBytes();
  std::string_view rest = text.substr(open + 1, text.size() - open - 2);
  while (!rest.empty()) {
    size_t comma = std::min(rest.find(','), rest.size());
    uint64_t extent;
    if (!parseNumber(rest.substr(0, comma), extent) ||
        __builtin_mul_overflow(bytes, extent, &bytes) || bytes > (1ull << 38))
      return wrong(text, "TYPE[D0,D1,..] of at most 256 GB");
    array.shape.push_back(extent);
    rest.remove_prefix(std::min(rest.size(), comma + 1));
  }
  array.data.resize(bytes);
  return {};
}

static Status readInput(KernelArgument &argument, std::string_view path) {
  argument.input = std::string(path);
  auto array = readNpy(argument.input);
  if (!array)
    return array.error();
  argument.array = std::move(*array);
  return {};
}

static Status parseArgument(std::string_view text, KernelArgument &argument) {
  std::string_view whole = text;
  if (consume(text, "in:"))
    return readInput(argument, text);
  size_t colon = text.find(':', text.find(':') + 1);
  if (consume(text, "inout:")) {
    colon = text.find(':');
    if (colon == text.npos)
      return wrong(whole, "inout:IN.npy:OUT.npy");
    argument.output = std::string(text.substr(colon + 1));
    return readInput(argument, text.substr(0, colon));
  }
  if (consume(text, "out:")) {
    colon = text.rfind(':');
    if (colon == text.npos)
      return wrong(whole, "out:FILE.npy:TYPE[D0,D1,..]");
    argument.output = std::string(text.substr(0, colon));
    return parseShape(text.substr(colon + 1), argument.array);
  }
  if (consume(text, "buf:"))
    return parseShape(text, argument.array);
  colon = text.find(':');
  if (colon == text.npos || !npyType(text.substr(0, colon)))
    return wrong(whole, "TYPE:VALUE, in:, out:, inout: or buf:");
  return parseScalar(text.substr(0, colon), text.substr(colon + 1), argument);
}

static Status parseExpectation(std::string_view text, Expectation &result) {
  size_t colon = text.find(':');
  uint64_t index;
  if (colon == text.npos || !parseNumber(text.substr(0, colon), index))
    return wrong(text, "N:FILE.npy[:TOLERANCE]");
  result.argument = index;
  std::string_view rest = text.substr(colon + 1);
  size_t last = rest.rfind(':');
  result.file = std::string(rest.substr(0, last));
  if (last != rest.npos) {
    std::string copy(rest.substr(last + 1));
    char *end;
    result.tolerance = std::strtod(copy.c_str(), &end);
    if (copy.empty() || *end || !(result.tolerance >= 0))
      return wrong(copy, "a tolerance");
  }
  return {};
}

static Status parseOption(std::string_view text, Options &options) {
  std::string_view whole = text;
  uint64_t number = 0;
  auto value = [&](std::string_view what) -> Status {
    return parseNumber(text, number) ? Status() : Status(wrong(text, what));
  };
  if (consume(text, "--kernel=")) {
    options.kernel = std::string(text);
  } else if (consume(text, "--grid=")) {
    return parseDim(text, options.config.grid);
  } else if (consume(text, "--block=")) {
    return parseDim(text, options.config.block);
  } else if (consume(text, "--shared=")) {
    Status status = value("a number of bytes");
    options.config.dynamicShared = uint32_t(std::min<uint64_t>(number, ~0u));
    return status;
  } else if (consume(text, "--arg=")) {
    options.arguments.emplace_back();
    return parseArgument(text, options.arguments.back());
  } else if (consume(text, "--expect=")) {
    options.expectations.emplace_back();
    return parseExpectation(text, options.expectations.back());
  } else if (consume(text, "--order=")) {
    auto order = Order::parse(text);
    if (!order)
      return order.error();
    options.device.order = *order;
  } else if (consume(text, "--disable-check=")) {
    std::optional<CheckKind> kind = checkByName(text);
    if (!kind)
      return wrong(text, "the name of a check");
    options.device.disabledChecks.push_back(*kind);
  } else if (consume(text, "--threads=")) {
    Status status = value("a number of threads");
    options.device.threads = unsigned(std::min<uint64_t>(number, 1024));
    return status;
  } else if (consume(text, "--livelock-limit=")) {
    Status status = value("a number of instructions");
    options.device.livelockLimit = number;
    return status;
  } else if (consume(text, "--trace-block=")) {
    Status status = value("the number of a block");
    options.device.traceBlock = int64_t(number);
    return status;
  } else if (whole == "--trace") {
    options.traceFile = "-";
  } else if (consume(text, "--trace=")) {
    options.traceFile = std::string(text);
  } else if (whole == "--counters") {
    options.counters = true;
  } else if (whole == "--list") {
    options.list = true;
  } else if (whole == "--print-table") {
    options.printTable = true;
  } else if (whole == "--help" || whole == "-h") {
    options.help = true;
  } else if (whole.substr(0, 1) == "-" && whole != "-") {
    return Error{"unknown option '" + std::string(whole) + "'"};
  } else if (options.file.empty()) {
    options.file = std::string(whole);
  } else {
    return Error{"unexpected argument '" + std::string(whole) + "'"};
  }
  return {};
}

Expected<Options> moe::ptxrun::parseOptions(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; ++i)
    if (Status status = parseOption(argv[i], options); !status)
      return status.error();
  if (options.help || options.printTable)
    return options;
  if (options.file.empty())
    return Error{"expected a PTX file"};
  if (options.kernel.empty() && !options.list)
    return Error{"expected --kernel=NAME"};
  for (const Expectation &expectation : options.expectations)
    if (expectation.argument >= options.arguments.size() ||
        !options.arguments[expectation.argument].scalar.empty())
      return Error{"--expect names argument " +
                   std::to_string(expectation.argument) +
                   ", which is not a buffer"};
  return options;
}
