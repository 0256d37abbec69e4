//===- Streams.cpp - Work in order ----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Streams and events of a device. Under lazy timing work waits in its stream
// until something asks for it.
//
//===----------------------------------------------------------------------===//

#include "DeviceImpl.h"

using namespace moe::emulator;

static Error unknown(const char *what, uint32_t id) {
  return Error{std::string("no ") + what + " " + std::to_string(id)};
}

Status Device::Impl::add(StreamId id, StreamItem item) {
  auto it = streams.find(id);
  if (it == streams.end())
    return unknown("stream", id);
  it->second.items.push_back(std::move(item));
  return options.order.timing == AsyncTiming::Eager ? drain(id) : Status();
}

/// Runs everything in a stream.
Status Device::Impl::drain(StreamId id) {
  auto it = streams.find(id);
  if (it == streams.end())
    return unknown("stream", id);
  Stream &stream = it->second;
  if (stream.draining)
    return Error{"stream " + std::to_string(id) + " waits for itself"};
  stream.draining = true;
  Status result;
  while (!stream.items.empty() && result) {
    StreamItem item = std::move(stream.items.front());
    stream.items.pop_front();
    if (item.wait)
      result = drainEvent(*item.wait, item.generation);
    if (item.work)
      result = item.work();
    if (item.record)
      events[*item.record].completed = item.generation;
  }
  stream.draining = false;
  return result;
}

/// Runs the stream in which an event was recorded until it is reached.
Status Device::Impl::drainEvent(EventId id, uint64_t generation) {
  auto it = events.find(id);
  if (it == events.end())
    return unknown("event", id);
  if (it->second.completed >= generation)
    return {};
  return drain(it->second.stream);
}

StreamId Device::createStream() {
  implementation->streams[implementation->nextStream] = Stream();
  return implementation->nextStream++;
}

Status Device::destroyStream(StreamId stream) {
  if (Status status = implementation->drain(stream); !status)
    return status;
  if (stream)
    implementation->streams.erase(stream);
  return {};
}

Status Device::enqueue(StreamId stream, std::function<Status()> work) {
  StreamItem item;
  item.work = std::move(work);
  return implementation->add(stream, std::move(item));
}

Status Device::enqueueLaunch(StreamId stream,
                             const std::shared_ptr<const Module> &module,
                             std::string_view kernel,
                             const LaunchConfig &config,
                             const std::vector<Argument> &arguments) {
  auto prepared = implementation->prepare(module, kernel, config, arguments);
  if (!prepared)
    return prepared.error();
  Impl *impl = implementation.get();
  std::shared_ptr<PreparedLaunch> launch(std::move(*prepared));
  return enqueue(stream, [impl, launch] {
    impl->results.push_back(impl->run(*launch));
    return Status();
  });
}

EventId Device::createEvent() {
  implementation->events[implementation->nextEvent] = Event();
  return implementation->nextEvent++;
}

Status Device::record(EventId event, StreamId stream) {
  auto it = implementation->events.find(event);
  if (it == implementation->events.end())
    return unknown("event", event);
  it->second.stream = stream;
  StreamItem item;
  item.record = event;
  item.generation = ++it->second.recorded;
  return implementation->add(stream, std::move(item));
}

Status Device::wait(StreamId stream, EventId event) {
  auto it = implementation->events.find(event);
  if (it == implementation->events.end())
    return unknown("event", event);
  StreamItem item;
  item.wait = event;
  item.generation = it->second.recorded;
  return implementation->add(stream, std::move(item));
}

Status Device::synchronize(StreamId stream) {
  return implementation->drain(stream);
}

Status Device::synchronizeEvent(EventId event) {
  auto it = implementation->events.find(event);
  if (it == implementation->events.end())
    return unknown("event", event);
  return implementation->drainEvent(event, it->second.recorded);
}

Status Device::synchronize() {
  std::vector<StreamId> ids;
  for (const auto &[id, stream] : implementation->streams)
    ids.push_back(id);
  for (StreamId id : ids)
    if (Status status = implementation->drain(id); !status)
      return status;
  return {};
}
