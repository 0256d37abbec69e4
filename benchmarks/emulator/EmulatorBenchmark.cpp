//===- EmulatorBenchmark.cpp - Speed of the PTX interpreter ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Thread-instructions per second on scalar kernels and FLOP/s on tensor
// kernels, on one core with every check on. The rate of the host's own
// multiply-add, which bounds both, is measured in the same run.
//
//   moe-emulator-bench [--repeats=N] [--kernel=NAME] [--order=ORDER]
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Emulator.h"
#include "moe/Emulator/Numerics.h"
#include "moe/Emulator/TensorMap.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <sstream>

using namespace moe::emulator;

namespace {

[[noreturn]] void fail(const std::string &message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  std::exit(1);
}

template <typename T>
T check(Expected<T> value) {
  if (!value)
    fail(value.error().message);
  return std::move(*value);
}
void check(const Status &status) {
  if (!status)
    fail(status.error().message);
}

/// Seconds of processor time that `work` takes. On one core that is its time,
/// and other processes on the machine do not count.
template <typename Work>
double seconds(Work work) {
  std::clock_t start = std::clock();
  work();
  return double(std::clock() - start) / CLOCKS_PER_SEC;
}

/// Multiply-adds of one core with the instructions this file was compiled for:
/// eight chains of eight lanes.
double hostFlops() {
  constexpr int lanes = 64, steps = 4000000;
  float acc[lanes], scale[lanes];
  for (int i = 0; i < lanes; ++i)
    acc[i] = float(i), scale[i] = 0.999f + 1e-6f * float(i);
  double time = seconds([&] {
    for (int s = 0; s < steps; ++s)
      for (int i = 0; i < lanes; ++i)
        acc[i] = acc[i] * scale[i] + 1.0f;
  });
  volatile float sink = acc[7];
  (void)sink;
  return 2.0 * lanes * steps / time;
}

class Bench {
public:
  explicit Bench(DeviceOptions options) : device(std::move(options)) {}

  uint64_t floats(size_t count) {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i)
      values[i] = float(i % 17) - 8.0f;
    return upload(values.data(), count * sizeof(float));
  }
  uint64_t integers(size_t count) {
    std::vector<int> values(count);
    for (size_t i = 0; i < count; ++i)
      values[i] = int(i * 2654435761u >> 3);
    return upload(values.data(), count * sizeof(int));
  }
  uint64_t bf16s(size_t count) {
    std::vector<uint16_t> values(count);
    for (size_t i = 0; i < count; ++i)
      values[i] = bf16FromF32(float(i % 7) - 3.0f);
    return upload(values.data(), count * sizeof(uint16_t));
  }
  uint64_t matrixMap(uint64_t address, int rows, int columns) {
    TensorMap map;
    map.type = TensorMapType::BF16;
    map.rank = 2;
    map.swizzle = Swizzle::Bytes128;
    map.address = address;
    map.dims[0] = uint64_t(columns), map.dims[1] = uint64_t(rows);
    map.strides[0] = uint64_t(columns) * 2;
    map.box[0] = map.box[1] = 64;
    unsigned char bytes[kTensorMapBytes];
    map.write(bytes);
    return upload(bytes, sizeof(bytes));
  }
  uint64_t reserve(size_t bytes) { return check(device.allocate(bytes)); }

  template <typename... Args>
  void launch(const char *source, const char *kernel, uint32_t blocks,
              uint32_t threads, Args... args) {
    LaunchConfig config;
    config.grid.x = blocks;
    config.block.x = threads;
    std::vector<Argument> arguments{{&args, sizeof(args)}...};
    auto module = load(source);
    time = seconds([&] {
      LaunchResult result =
          check(device.launch(module, kernel, config, arguments));
      for (const Report &report : result.reports)
        fail(report.str());
      counters = result.counters;
    });
  }

  double time = 0;
  Counters counters;

private:
  uint64_t upload(const void *data, size_t size) {
    uint64_t address = check(device.allocate(size));
    check(device.copyToDevice(address, data, size));
    return address;
  }

  std::shared_ptr<const Module> load(const std::string &source) {
    std::string path = std::string(MOE_KERNEL_DIR) + "/" + source + ".ptx";
    std::ifstream file(path);
    if (!file)
      fail("cannot read " + path);
    std::stringstream text;
    text << file.rdbuf();
    return check(Module::load(text.str(), path));
  }

  Device device;
};

struct Case {
  const char *name;
  bool tensor;
  std::function<void(Bench &)> run;
};

const Case kCases[] = {
    {"saxpy", false,
     [](Bench &b) {
       const int n = 1 << 19;
       uint64_t x = b.floats(n), y = b.floats(n);
       b.launch("Scalar.sm_80.O3", "saxpy", 32, 256, n, 1.5f, x, y);
     }},
    {"integers", false,
     [](Bench &b) {
       const int n = 1 << 16;
       uint64_t x = b.integers(n), y = b.integers(n), out = b.reserve(n * 64);
       b.launch("Scalar.sm_80.O3", "integers", n / 256, 256, n, x, y, out);
     }},
    {"activations", false,
     [](Bench &b) {
       const int n = 1 << 17;
       uint64_t x = b.floats(n), out = b.reserve(n * 16);
       b.launch("Scalar.sm_80.O3", "activations", n / 256, 256, n, x, out);
     }},
    {"softmax", false,
     [](Bench &b) {
       const int columns = 1024, rows = 256;
       uint64_t x = b.floats(rows * columns), y = b.reserve(rows * columns * 4);
       b.launch("Collective.sm_80.O3", "softmax", rows, 256, columns, x, y);
     }},
    {"topk", false,
     [](Bench &b) {
       const int columns = 256, rows = 1024, k = 8;
       uint64_t x = b.floats(rows * columns);
       uint64_t values = b.reserve(rows * k * 4), at = b.reserve(rows * k * 4);
       b.launch("Collective.sm_80.O3", "topk", rows / 4, 128, columns, k, x,
                values, at);
     }},
    {"histogram", false,
     [](Bench &b) {
       const int n = 1 << 18;
       uint64_t x = b.integers(n), bins = b.integers(64);
       b.launch("Collective.sm_80.O3", "histogram", 16, 256, n, x, bins);
     }},
    {"gemm mma.sync", true,
     [](Bench &b) {
       const int m = 256, n = 256, k = 512, stages = 3;
       uint64_t x = b.bf16s(m * k), y = b.bf16s(k * n),
                c = b.reserve(m * n * 4);
       b.launch("Tensor.sm_80.O3", "gemmBF16", m / 64 * (n / 64), 128, m, n, k,
                stages, x, y, c);
     }},
    {"gemm wgmma", true,
     [](Bench &b) {
       const int m = 256, n = 256, k = 512;
       uint64_t x = b.matrixMap(b.bf16s(m * k), m, k);
       uint64_t y = b.matrixMap(b.bf16s(n * k), n, k), c = b.reserve(m * n * 4);
       b.launch("Hopper.sm_90a.O3", "gemmWgmma", m / 64 * (n / 64), 160, m, n,
                k, x, y, c);
     }},
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

} // namespace

int main(int argc, char **argv) {
  int repeats = 7;
  const char *only = nullptr;
  DeviceOptions options;
  options.threads = 1;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--repeats=", 10) == 0)
      repeats = std::max(1, std::atoi(argv[i] + 10));
    else if (std::strncmp(argv[i], "--kernel=", 9) == 0)
      only = argv[i] + 9;
    else if (std::strncmp(argv[i], "--order=", 8) == 0)
      options.order = check(Order::parse(argv[i] + 8));
    else {
      std::fprintf(stderr,
                   "usage: %s [--repeats=N] [--kernel=NAME] "
                   "[--order=ORDER]\n",
                   argv[0]);
      return 2;
    }
  }
  double host = hostFlops();
  std::printf(
      "one core, order %s, %d repeats; host multiply-add %.1f GFLOP/s\n",
      options.order.str().c_str(), repeats, host * 1e-9);
  std::printf("%-16s %12s %12s %12s %12s %9s\n", "kernel", "M thread/s",
              "(best)", "GFLOP/s", "(best)", "of host");
  for (const Case &benchmark : kCases) {
    if (only && std::strcmp(only, benchmark.name) != 0)
      continue;
    std::vector<double> times;
    Counters counters;
    for (int r = 0; r < repeats; ++r) {
      Bench bench(options);
      benchmark.run(bench);
      times.push_back(bench.time);
      counters = bench.counters;
    }
    double middle = median(times);
    double best = *std::min_element(times.begin(), times.end());
    double instructions = double(counters.threadInstructions);
    double flops = double(counters.tensorFlops);
    std::printf("%-16s %12.1f %12.1f", benchmark.name,
                instructions / middle * 1e-6, instructions / best * 1e-6);
    if (benchmark.tensor)
      std::printf(" %12.2f %12.2f %8.1f%%", flops / middle * 1e-9,
                  flops / best * 1e-9, 100 * flops / middle / host);
    std::printf("\n");
  }
  return 0;
}
