//===- DeviceImpl.h - What a device is made of ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The inside of a device: memory, module instances, streams.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_DEVICEIMPL_H
#define MOE_LIB_EMULATOR_DEVICEIMPL_H

#include "Block.h"

#include <deque>
#include <map>

namespace moe::emulator {

/// A module with its variables in the memory of a device.
struct Instance {
  std::shared_ptr<const Module> module;
  VariableAddresses addresses;
  std::map<std::string, std::unique_ptr<Program>> programs;
};

/// A launch that has been checked, with its arguments copied.
struct PreparedLaunch {
  std::shared_ptr<const Module> module;
  const KernelInfo *kernel;
  const Program *program;
  LaunchConfig config;
  std::vector<uint8_t> params;
};
using LaunchContextPtr = std::unique_ptr<PreparedLaunch>;

/// Work of a stream, or a point that others wait for.
struct StreamItem {
  std::function<Status()> work;
  std::optional<EventId> record, wait;
  uint64_t generation = 0; ///< of the event
};

struct Stream {
  std::deque<StreamItem> items;
  bool draining = false;
};

struct Event {
  uint64_t recorded = 0;  ///< how often `record` was called
  uint64_t completed = 0; ///< and how often it has been reached
  StreamId stream = 0;
};

struct Device::Impl {
  DeviceOptions options;
  GlobalMemory memory;
  std::map<const Module *, std::unique_ptr<Instance>> instances;
  std::vector<LaunchResult> results;
  uint64_t launches = 0;
  std::map<StreamId, Stream> streams{{0, Stream()}};
  std::map<EventId, Event> events;
  StreamId nextStream = 1;
  EventId nextEvent = 1;

  Expected<Instance *> instantiate(const std::shared_ptr<const Module> &module);
  Expected<LaunchContextPtr>
  prepare(const std::shared_ptr<const Module> &module, std::string_view name,
          const LaunchConfig &config, const std::vector<Argument> &arguments);
  LaunchResult run(const PreparedLaunch &prepared);

  Status add(StreamId stream, StreamItem item);
  Status drain(StreamId stream);
  Status drainEvent(EventId event, uint64_t generation);
};

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_DEVICEIMPL_H
