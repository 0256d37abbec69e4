//===- KernelFixture.h - Running compiled kernels in every order -*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A fixture that loads the PTX of Kernels/*.cpp, moves vectors to and from a
// device, and launches. Every test runs for each order of execution and each
// build (chip and optimisation level) of its file.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_UNITTESTS_EMULATOR_KERNELFIXTURE_H
#define MOE_UNITTESTS_EMULATOR_KERNELFIXTURE_H

#include "moe/Emulator/Emulator.h"
#include "moe/Emulator/Numerics.h"

#include "gtest/gtest.h"

#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <tuple>

namespace moe::emulator::testing {

/// One build of the test kernels.
struct Build {
  const char *chip, *level;
};

inline void PrintTo(const Build &build, std::ostream *os) {
  *os << build.chip << " " << build.level;
}

/// Seeds differ, so that the two priority orders do.
inline constexpr const char *kOrders[] = {
    "lazy,greedy",          "eager,greedy",          "lazy,priority,seed=1",
    "lazy,priority,seed=2", "eager,priority,seed=1", "eager,priority,seed=2"};

class KernelFixture
    : public ::testing::TestWithParam<std::tuple<const char *, Build>> {
protected:
  explicit KernelFixture(const char *source) {
    auto [order, build] = GetParam();
    Expected<Order> parsed = Order::parse(order);
    EXPECT_TRUE(bool(parsed));
    device.options().order = *parsed;
    std::string path = std::string(MOE_KERNEL_DIR) + "/" + source + "." +
                       build.chip + "." + build.level + ".ptx";
    module = loadOnce(path);
  }

  template <typename T>
  uint64_t upload(const std::vector<T> &values) {
    Expected<uint64_t> address =
        device.allocate(std::max<size_t>(1, values.size()) * sizeof(T));
    EXPECT_TRUE(bool(address));
    EXPECT_TRUE(bool(device.copyToDevice(*address, values.data(),
                                         values.size() * sizeof(T))));
    return *address;
  }

  /// Memory without values: reading it before writing is a report.
  template <typename T>
  uint64_t reserve(size_t count) {
    Expected<uint64_t> address = device.allocate(count * sizeof(T));
    EXPECT_TRUE(bool(address));
    return *address;
  }

  template <typename T>
  std::vector<T> download(uint64_t address, size_t count) {
    std::vector<T> values(count);
    EXPECT_TRUE(
        bool(device.copyToHost(values.data(), address, count * sizeof(T))));
    return values;
  }

  /// Launches and expects no report.
  template <typename... Args>
  void launch(const char *kernel, uint32_t blocks, uint32_t threads,
              Args... args) {
    ASSERT_TRUE(module);
    LaunchConfig config;
    config.grid.x = blocks;
    config.block.x = threads;
    std::vector<Argument> arguments{{&args, sizeof(args)}...};
    Expected<LaunchResult> result =
        device.launch(module, kernel, config, arguments);
    ASSERT_TRUE(bool(result)) << result.error().message;
    for (const Report &report : result->reports)
      ADD_FAILURE() << report.str();
    counters = result->counters;
  }

  float uniform(float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(random);
  }
  std::vector<float> uniforms(size_t count, float low, float high) {
    std::vector<float> values(count);
    for (float &x : values)
      x = uniform(low, high);
    return values;
  }
  std::vector<int> integers(size_t count, int low, int high) {
    std::vector<int> values(count);
    for (int &x : values)
      x = std::uniform_int_distribution<int>(low, high)(random);
    return values;
  }

  Device device;
  std::shared_ptr<const Module> module;
  Counters counters;
  std::mt19937 random{7};

private:
  static std::shared_ptr<const Module> loadOnce(const std::string &path) {
    static std::map<std::string, std::shared_ptr<const Module>> modules;
    auto &module = modules[path];
    if (module)
      return module;
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_TRUE(file.good()) << "cannot read " << path;
    Expected<std::shared_ptr<const Module>> loaded =
        Module::load(text.str(), path);
    if (!loaded)
      ADD_FAILURE() << loaded.error().message;
    else
      module = *loaded;
    return module;
  }
};

} // namespace moe::emulator::testing

#endif // MOE_UNITTESTS_EMULATOR_KERNELFIXTURE_H
