//===- Report.cpp - Reports, counters and orders as text ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The textual forms of the public structures.
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/Emulator.h"

#include <cstdio>
#include <cstdlib>

using namespace moe::emulator;

static const char *const checkNames[numCheckKinds] = {"out-of-bounds",
                                                      "misaligned",
                                                      "use-after-free",
                                                      "uninitialized",
                                                      "shared-race",
                                                      "async-ownership",
                                                      "divergent-collective",
                                                      "transaction-count",
                                                      "early-exit",
                                                      "deadlock",
                                                      "livelock",
                                                      "invalid-operation",
                                                      "trap"};

const char *moe::emulator::checkName(CheckKind kind) {
  return checkNames[unsigned(kind)];
}

std::optional<CheckKind> moe::emulator::checkByName(std::string_view name) {
  for (unsigned i = 0; i < numCheckKinds; ++i)
    if (name == checkNames[i])
      return CheckKind(i);
  return std::nullopt;
}

static std::string hex(uint64_t value, const char *format) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, (unsigned long long)value);
  return buffer;
}

static std::string describe(const Site &site) {
  std::string text =
      "line " + std::to_string(site.line) + ": " + site.instruction;
  if (site.sourceLine)
    text += " (" + (site.sourceFile.empty() ? "source" : site.sourceFile) +
            ":" + std::to_string(site.sourceLine) + ")";
  return text;
}

std::string Report::str() const {
  std::string text = file + ":" + std::to_string(site.line) + ": " +
                     checkName(kind) + ": " + message + "\n";
  text += "  kernel " + kernel + ", block (" + std::to_string(block.x) + "," +
          std::to_string(block.y) + "," + std::to_string(block.z) + "), warp " +
          std::to_string(site.warp) + ", lanes " + hex(site.lanes, "0x%08llx") +
          ", address " + hex(address, "0x%llx") + "\n";
  text += "  at " + describe(site) + "\n";
  if (other) {
    text += "  other: warp " + std::to_string(other->warp);
    if (other->lanes)
      text += ", lanes " + hex(other->lanes, "0x%08llx");
    text += ", " + describe(*other) + "\n";
  }
  if (count > 1)
    text += "  happened " + std::to_string(count) + " times\n";
  return text;
}

namespace {
struct CounterField {
  const char *name;
  uint64_t Counters::*field;
};
} // namespace

static const CounterField counterFields[] = {
    {"warp-instructions", &Counters::warpInstructions},
    {"thread-instructions", &Counters::threadInstructions},
    {"divergent-branches", &Counters::divergentBranches},
    {"global-load-sectors", &Counters::globalLoadSectors},
    {"global-load-bytes", &Counters::globalLoadBytes},
    {"global-store-sectors", &Counters::globalStoreSectors},
    {"global-store-bytes", &Counters::globalStoreBytes},
    {"shared-wavefronts", &Counters::sharedWavefronts},
    {"shared-wavefronts-min", &Counters::sharedWavefrontsMin},
    {"tensor-flops", &Counters::tensorFlops},
    {"barriers", &Counters::barriers},
    {"mbarrier-waits", &Counters::mbarrierWaits},
    {"async-bytes", &Counters::asyncBytes},
    {"filled-bytes", &Counters::filledBytes},
    {"atomics", &Counters::atomics},
};

void Counters::add(const Counters &other) {
  for (const CounterField &field : counterFields)
    this->*field.field += other.*field.field;
}

std::string Counters::str() const {
  std::string text;
  for (const CounterField &field : counterFields)
    text += std::string(field.name) + " " + std::to_string(this->*field.field) +
            "\n";
  return text;
}

Expected<Order> Order::parse(std::string_view text) {
  Order order;
  while (!text.empty()) {
    std::string part(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    char *end = nullptr;
    if (part == "lazy")
      order.timing = AsyncTiming::Lazy;
    else if (part == "eager")
      order.timing = AsyncTiming::Eager;
    else if (part == "priority")
      order.policy = WarpPolicy::Priority;
    else if (part == "greedy")
      order.policy = WarpPolicy::Greedy;
    else if (part == "rr")
      order.policy = WarpPolicy::RoundRobin;
    else if (part.compare(0, 5, "seed=") == 0 && part.size() > 5 &&
             (order.seed = std::strtoull(part.c_str() + 5, &end, 10), !*end))
      ;
    else
      return Error{
          "expected lazy, eager, priority, greedy, rr or seed=N, got '" + part +
          "'"};
  }
  return order;
}

std::string Order::str() const {
  std::string text = timing == AsyncTiming::Lazy ? "lazy" : "eager";
  text += policy == WarpPolicy::Priority ? ",priority"
          : policy == WarpPolicy::Greedy ? ",greedy"
                                         : ",rr";
  return text + ",seed=" + std::to_string(seed);
}
