//===- MutationTest.cpp - Broken synchronisation must be noticed ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every statement that synchronises is dropped or weakened, one at a time, in
// the PTX of correct kernels. A mutant must be noticed in at least one order of
// execution: refused, reported, or wrong in its result. Mutants that are
// correct programs after all are listed with the reason.
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Emulator.h"
#include "moe/Emulator/Numerics.h"
#include "moe/Emulator/TensorMap.h"

#include "gtest/gtest.h"

#include <cmath>
#include <fstream>
#include <functional>
#include <random>
#include <regex>
#include <sstream>

using namespace moe::emulator;

namespace {

//===----------------------------------------------------------------------===//
// Mutants
//===----------------------------------------------------------------------===//

/// One way to break a line: what it matches and what it becomes. `$1` and the
/// like are parts of the match; an empty replacement drops the statement.
struct Mutation {
  const char *name, *pattern, *replacement;
};

const Mutation kMutations[] = {
    {"drop barrier", R"(^\s*(bar\.sync|barrier\.sync)[^;]*;)", ""},
    {"drop copy commit", R"(^\s*cp\.async\.commit_group;)", ""},
    {"drop copy wait", R"(^\s*cp\.async\.wait_group[^;]*;)", ""},
    {"weaken copy wait", R"((cp\.async\.wait_group\s+)0)", "$011"},
    {"weaken copy wait", R"((cp\.async\.wait_group\s+)1)", "$012"},
    {"drop bulk commit", R"(^\s*cp\.async\.bulk\.commit_group;)", ""},
    {"drop bulk wait", R"(^\s*cp\.async\.bulk\.wait_group[^;]*;)", ""},
    {"drop product commit", R"(^\s*wgmma\.commit_group[^;]*;)", ""},
    {"drop product wait", R"(^\s*wgmma\.wait_group[^;]*;)", ""},
    {"weaken product wait", R"((wgmma\.wait_group\.sync\.aligned\s+)0)",
     "$011"},
    {"drop product fence", R"(^\s*wgmma\.fence[^;]*;)", ""},
    {"drop barrier init", R"(^\s*mbarrier\.init[^;]*;)", ""},
    {"drop arrive", R"(^\s*mbarrier\.arrive\.shared[^;]*;)", ""},
    {"drop expectation", R"(^\s*mbarrier\.arrive\.expect_tx[^;]*;)", ""},
    // The wait's loop: going on although the phase is not over.
    {"drop phase wait", R"(^\s*@!done bra again;)", ""},
    {"drop proxy fence", R"(^\s*fence\.proxy\.async[^;]*;)", ""},
    {"drop init fence", R"(^\s*fence\.mbarrier_init[^;]*;)", ""},
    {"drop atomicity",
     R"(atom\.shared\.add\.u32\s+(%r\d+), \[([^\]]+)\], (%r\d+|\d+);)",
     "ld.shared.u32 $1, [$2]; add.u32 $1, $1, $3; st.shared.u32 [$2], $1;"},
};

/// The lines of kernel `name`: its entry directive up to the next one.
std::pair<size_t, size_t> kernelLines(const std::vector<std::string> &lines,
                                      const std::string &name) {
  size_t begin = 0, end = lines.size();
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find(".entry " + name + "(") != std::string::npos)
      begin = i;
    else if (begin && lines[i].find(".entry ") != std::string::npos)
      return {begin, i};
  }
  return {begin, end};
}

std::string readFile(const std::string &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file.good()) << "cannot read " << path;
  return text.str();
}

std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> lines;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

std::string join(const std::vector<std::string> &lines) {
  std::string text;
  for (const std::string &line : lines)
    text += line + "\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// Runs a kernel on a device and says whether its result is right. Reports are
/// looked at by the caller.
using Run = std::function<bool(Device &, std::shared_ptr<const Module>)>;

struct Subject {
  const char *source; ///< of Kernels/, with chip and level
  const char *kernel;
  Run run;
};

template <typename T>
uint64_t upload(Device &device, const std::vector<T> &values) {
  Expected<uint64_t> address = device.allocate(values.size() * sizeof(T));
  EXPECT_TRUE(bool(address));
  EXPECT_TRUE(bool(
      device.copyToDevice(*address, values.data(), values.size() * sizeof(T))));
  return *address;
}

template <typename T>
uint64_t reserve(Device &device, size_t count) {
  Expected<uint64_t> address = device.allocate(count * sizeof(T));
  EXPECT_TRUE(bool(address));
  return *address;
}

template <typename T>
std::vector<T> download(Device &device, uint64_t address, size_t count) {
  std::vector<T> values(count);
  EXPECT_TRUE(
      bool(device.copyToHost(values.data(), address, count * sizeof(T))));
  return values;
}

template <typename... Args>
bool launch(Device &device, const std::shared_ptr<const Module> &module,
            const char *kernel, uint32_t blocks, uint32_t threads,
            Args... args) {
  LaunchConfig config;
  config.grid.x = blocks;
  config.block.x = threads;
  std::vector<Argument> arguments{{&args, sizeof(args)}...};
  Expected<LaunchResult> result =
      device.launch(module, kernel, config, arguments);
  return result && result->reports.empty();
}

std::vector<int> integers(size_t count, int low, int high) {
  static std::mt19937 random(11);
  std::vector<int> values(count);
  for (int &x : values)
    x = std::uniform_int_distribution<int>(low, high)(random);
  return values;
}

std::vector<uint16_t> toBF16(const std::vector<int> &values) {
  std::vector<uint16_t> result;
  for (int x : values)
    result.push_back(bf16FromF32(float(x)));
  return result;
}

std::vector<float> product(int m, int n, int k, const std::vector<int> &a,
                           const std::vector<int> &b, bool bIsTransposed) {
  std::vector<float> c(m * n);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j)
      for (int l = 0; l < k; ++l)
        c[i * n + j] +=
            float(a[i * k + l] * (bIsTransposed ? b[j * k + l] : b[l * n + j]));
  return c;
}

bool runScan(Device &device, std::shared_ptr<const Module> module) {
  const int n = 256;
  std::vector<int> x = integers(n, -50, 50);
  uint64_t dx = upload(device, x), dy = reserve<int>(device, n);
  if (!launch(device, module, "scan", 1, 256, n, dx, dy))
    return false;
  std::vector<int> got = download<int>(device, dy, n);
  int sum = 0;
  for (int i = 0; i < n; ++i)
    if (got[i] != (sum += x[i]))
      return false;
  return true;
}

bool runScanDoubling(Device &device, std::shared_ptr<const Module> module) {
  const int n = 256;
  std::vector<int> whole = integers(n, -50, 50);
  std::vector<float> x(whole.begin(), whole.end());
  uint64_t dx = upload(device, x), dy = reserve<float>(device, n);
  if (!launch(device, module, "scanDoubling", 1, 256, n, dx, dy))
    return false;
  std::vector<float> got = download<float>(device, dy, n);
  float sum = 0;
  for (int i = 0; i < n; ++i)
    if (got[i] != (sum += x[i]))
      return false;
  return true;
}

bool runSoftmax(Device &device, std::shared_ptr<const Module> module) {
  const int n = 200;
  std::vector<int> whole = integers(n, -8, 8);
  std::vector<float> x(whole.begin(), whole.end());
  uint64_t dx = upload(device, x), dy = reserve<float>(device, n);
  if (!launch(device, module, "softmax", 1, 128, n, dx, dy))
    return false;
  std::vector<float> got = download<float>(device, dy, n);
  double total = 0;
  for (float v : x)
    total += std::exp(double(v) - 8);
  for (int i = 0; i < n; ++i) {
    double expected = std::exp(double(x[i]) - 8) / total;
    if (!(std::fabs(got[i] - expected) <= 0x1p-16 * expected))
      return false;
  }
  return true;
}

bool runHistogram(Device &device, std::shared_ptr<const Module> module) {
  const int n = 1000;
  std::vector<int> x = integers(n, 0, 63), expected(64, 0);
  for (int v : x)
    ++expected[v];
  uint64_t dx = upload(device, x);
  uint64_t bins = upload(device, std::vector<int>(64, 0));
  return launch(device, module, "histogram", 2, 128, n, dx, bins) &&
         download<int>(device, bins, 64) == expected;
}

bool runTranspose(Device &device, std::shared_ptr<const Module> module) {
  const int n = 32;
  std::vector<int> whole = integers(n * n, -99, 99);
  std::vector<float> x(whole.begin(), whole.end());
  uint64_t dx = upload(device, x), dy = reserve<float>(device, n * n);
  if (!launch(device, module, "transpose", 1, 128, n, n, dx, dy))
    return false;
  std::vector<float> got = download<float>(device, dy, n * n);
  for (int i = 0; i < n * n; ++i)
    if (got[i % n * n + i / n] != x[i])
      return false;
  return true;
}

bool runGemmStages(Device &device, std::shared_ptr<const Module> module,
                   int stages) {
  const int m = 64, n = 64, k = 160;
  std::vector<int> a = integers(m * k, -8, 8), b = integers(k * n, -8, 8);
  uint64_t da = upload(device, toBF16(a)), db = upload(device, toBF16(b));
  uint64_t dc = reserve<float>(device, m * n);
  return launch(device, module, "gemmBF16", 1, 128, m, n, k, stages, da, db,
                dc) &&
         download<float>(device, dc, m * n) == product(m, n, k, a, b, false);
}

/// Two and three stages wait at different statements.
bool runGemm(Device &device, std::shared_ptr<const Module> module) {
  return runGemmStages(device, module, 2) && runGemmStages(device, module, 3);
}

uint64_t matrixMap(Device &device, uint64_t address, TensorMapType type,
                   int rows, int columns, int boxRows, int boxColumns,
                   Swizzle swizzle) {
  TensorMap map;
  map.type = type;
  map.rank = 2;
  map.swizzle = swizzle;
  map.address = address;
  map.dims[0] = columns, map.dims[1] = rows;
  map.strides[0] = uint64_t(columns) * map.elementBytes();
  map.box[0] = uint16_t(boxColumns), map.box[1] = uint16_t(boxRows);
  std::vector<uint8_t> bytes(kTensorMapBytes);
  map.write(bytes.data());
  return upload(device, bytes);
}

bool runWgmma(Device &device, std::shared_ptr<const Module> module) {
  const int m = 64, n = 64, k = 64 * 7; // seven steps in three stages
  std::vector<int> a = integers(m * k, -8, 8), b = integers(n * k, -8, 8);
  uint64_t mapA =
      matrixMap(device, upload(device, toBF16(a)), TensorMapType::BF16, m, k,
                64, 64, Swizzle::Bytes128);
  uint64_t mapB =
      matrixMap(device, upload(device, toBF16(b)), TensorMapType::BF16, n, k,
                64, 64, Swizzle::Bytes128);
  uint64_t dc = reserve<float>(device, m * n);
  return launch(device, module, "gemmWgmma", 1, 160, m, n, k, mapA, mapB, dc) &&
         download<float>(device, dc, m * n) == product(m, n, k, a, b, true);
}

bool runBox(Device &device, std::shared_ptr<const Module> module) {
  const int rows = 8, columns = 32;
  std::vector<float> values(rows * columns, 3.0f);
  uint64_t address = upload(device, values);
  uint64_t map = matrixMap(device, address, TensorMapType::F32, rows, columns,
                           8, 32, Swizzle::None);
  return launch(device, module, "boxIncrement", 1, 64, map, 0, 0) &&
         download<float>(device, address, values.size()) ==
             std::vector<float>(values.size(), 4.0f);
}

const Subject kSubjects[] = {
    {"Collective.sm_80.O3", "scan", runScan},
    {"Collective.sm_80.O3", "scanDoubling", runScanDoubling},
    {"Collective.sm_80.O3", "softmax", runSoftmax},
    {"Collective.sm_80.O3", "histogram", runHistogram},
    {"Collective.sm_80.O3", "transpose", runTranspose},
    {"Tensor.sm_80.O3", "gemmBF16", runGemm},
    {"Hopper.sm_90a.O3", "gemmWgmma", runWgmma},
    {"Hopper.sm_90a.O3", "boxIncrement", runBox},
};

//===----------------------------------------------------------------------===//
// Equivalent mutants
//===----------------------------------------------------------------------===//

/// A mutant that need not be noticed, and why. `ordinal` counts the mutants of
/// this name in the kernel from 0; -1 means all.
struct Equivalent {
  const char *kernel, *mutation;
  int ordinal;
  const char *reason;
};

const Equivalent kEquivalents[] = {
    {"softmax", "drop barrier", 3,
     "the barrier keeps the partial sums from being overwritten, and after the "
     "last one nothing writes them"},
    {"gemmWgmma", "drop init fence", -1,
     "the fence matters to other blocks of a cluster; __syncthreads orders the "
     "initialisation within the block"},
    {"boxIncrement", "drop init fence", -1,
     "the fence matters to other blocks of a cluster; the initialising thread "
     "itself issues the copy"},
    {"boxIncrement", "drop proxy fence", -1,
     "proxies are not modelled: a known limit of the emulator"},
};

const Equivalent *findEquivalent(const Subject &subject,
                                 const Mutation &mutation, int ordinal) {
  for (const Equivalent &e : kEquivalents)
    if (std::string(e.kernel) == subject.kernel &&
        std::string(e.mutation) == mutation.name &&
        (e.ordinal == ordinal || e.ordinal == -1))
      return &e;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// The test
//===----------------------------------------------------------------------===//

constexpr const char *kOrders[] = {
    "lazy,greedy",          "eager,greedy",          "lazy,priority,seed=1",
    "lazy,priority,seed=2", "eager,priority,seed=1", "eager,priority,seed=2"};

/// The first order in which the text is noticed to be wrong, or null.
const char *noticed(const Subject &subject, const std::string &text) {
  Expected<std::shared_ptr<const Module>> module =
      Module::load(text, "mutant.ptx");
  if (!module)
    return "parser";
  for (const char *order : kOrders) {
    DeviceOptions options;
    options.order = *Order::parse(order);
    options.maxReports = 1;
    options.livelockLimit = 1 << 14;
    Device device(options);
    if (!subject.run(device, *module))
      return order;
  }
  return nullptr;
}

class Mutants : public ::testing::TestWithParam<int> {};

TEST_P(Mutants, AreNoticed) {
  const Subject &subject = kSubjects[GetParam()];
  const std::string text =
      readFile(std::string(MOE_KERNEL_DIR) + "/" + subject.source + ".ptx");
  const std::vector<std::string> lines = split(text);
  ASSERT_EQ(noticed(subject, text), nullptr) << "the original is not clean";
  auto [begin, end] = kernelLines(lines, subject.kernel);
  int mutants = 0;
  for (const Mutation &mutation : kMutations) {
    std::regex pattern(mutation.pattern);
    int ordinal = 0;
    for (size_t i = begin; i < end; ++i) {
      if (!std::regex_search(lines[i], pattern))
        continue;
      std::vector<std::string> mutant = lines;
      mutant[i] = std::regex_replace(lines[i], pattern, mutation.replacement);
      const char *order = noticed(subject, join(mutant));
      const Equivalent *equivalent =
          findEquivalent(subject, mutation, ordinal++);
      ++mutants;
      if (equivalent)
        EXPECT_EQ(order, nullptr)
            << subject.kernel << ": " << mutation.name
            << " is listed as equivalent, but was noticed";
      else
        EXPECT_NE(order, nullptr)
            << subject.kernel << ": " << mutation.name << " " << ordinal - 1
            << " at line " << i + 1 << " was not noticed:" << lines[i];
    }
  }
  EXPECT_GT(mutants, 0);
}

TEST(Mutations, EachHasAVictim) {
  for (const Mutation &mutation : kMutations) {
    std::regex pattern(mutation.pattern);
    int victims = 0;
    for (const Subject &subject : kSubjects) {
      std::vector<std::string> lines = split(readFile(
          std::string(MOE_KERNEL_DIR) + "/" + subject.source + ".ptx"));
      auto [begin, end] = kernelLines(lines, subject.kernel);
      for (size_t i = begin; i < end; ++i)
        victims += std::regex_search(lines[i], pattern);
    }
    EXPECT_GT(victims, 0) << mutation.name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, Mutants,
    ::testing::Range(0, int(sizeof(kSubjects) / sizeof(*kSubjects))),
    [](const ::testing::TestParamInfo<int> &info) {
      return kSubjects[info.param].kernel + std::to_string(info.param);
    });

} // namespace
