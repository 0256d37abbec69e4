//===- Emulator.h - Running PTX text on the CPU -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The public interface of the PTX interpreter: load a module from text, own
// device memory, launch kernels, order them in streams, read reports and
// counters. docs/emulator.md is the guide.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_EMULATOR_EMULATOR_H
#define MOE_EMULATOR_EMULATOR_H

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moe::emulator {

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

/// Why something could not be done. Messages about PTX text start with
/// `file:line:column: error: `, several are separated by newlines.
struct Error {
  std::string message;
};

/// A value, or the error that stands in its place. The library uses neither
/// exceptions nor RTTI.
template <typename T>
class [[nodiscard]] Expected {
public:
  Expected(T value) : stored(std::move(value)) {}
  Expected(Error error) : failure(std::move(error)) {}

  explicit operator bool() const { return stored.has_value(); }
  T &operator*() {
    assert(stored && "no value");
    return *stored;
  }
  T *operator->() { return &**this; }
  const Error &error() const { return failure; }

private:
  std::optional<T> stored;
  Error failure;
};

/// What an operation without a result returns: nothing, or an error.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Error error) : failure(std::move(error)) {}
  /// True when the operation succeeded.
  explicit operator bool() const { return !failure; }
  const Error &error() const { return *failure; }

private:
  std::optional<Error> failure;
};

//===----------------------------------------------------------------------===//
// Modules and kernels
//===----------------------------------------------------------------------===//

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t(x) * y * z; }
};

/// One parameter of a kernel.
struct ParamInfo {
  std::string name;
  uint32_t size;  ///< bytes
  uint32_t align; ///< bytes
  bool isPointer; ///< declared with `.ptr`
};

/// What the text says about a kernel.
struct KernelInfo {
  std::string name;
  std::vector<ParamInfo> params;
  Dim3 requiredBlock{0, 0, 0}; ///< `.reqntid`; x = 0 when absent
  Dim3 maxBlock{0, 0, 0};      ///< `.maxntid`; x = 0 when absent
  uint32_t minBlocksPerSM = 0; ///< `.minnctapersm`
  uint32_t maxRegisters = 0;   ///< `.maxnreg`
  uint32_t staticShared = 0;   ///< bytes
  /// True when the result may depend on the order of blocks (float atomics,
  /// atomics whose result is used). Such a kernel runs on one core.
  bool orderDependent = false;
};

/// A parsed and checked PTX file. Immutable, may be shared by devices.
class Module {
public:
  /// Parses `text`; `file` is the name used in messages. Every instruction of
  /// every function is checked against the instruction table.
  static Expected<std::shared_ptr<const Module>> load(std::string_view text,
                                                      std::string file);
  ~Module();

  const std::vector<KernelInfo> &kernels() const;
  /// Null when there is no such kernel.
  const KernelInfo *findKernel(std::string_view name) const;
  /// `.target` as a number, 80 for sm_80, and whether it ends in `a`.
  unsigned target() const;
  bool targetIsArchSpecific() const;

  struct Impl;
  const Impl &impl() const { return *implementation; }

private:
  explicit Module(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> implementation;
};

//===----------------------------------------------------------------------===//
// Order of execution, checks, reports
//===----------------------------------------------------------------------===//

/// When an asynchronous effect (cp.async, bulk copy, wgmma) happens.
enum class AsyncTiming {
  Eager, ///< when it is issued
  Lazy,  ///< at the last moment the program permits
};

/// Which warp runs next.
enum class WarpPolicy {
  Priority,   ///< seeded priorities that change at seeded moments
  Greedy,     ///< one warp as far as it can go
  RoundRobin, ///< a few instructions each
};

/// One of the many orders in which a GPU may run a kernel.
struct Order {
  AsyncTiming timing = AsyncTiming::Lazy;
  WarpPolicy policy = WarpPolicy::Priority;
  uint64_t seed = 0;

  /// Parses a comma-separated list of `lazy`, `eager`, `priority`, `greedy`,
  /// `rr`, `seed=N`.
  static Expected<Order> parse(std::string_view text);
  std::string str() const;
};

/// What a report is about.
enum class CheckKind {
  OutOfBounds,
  Misaligned,
  UseAfterFree,
  Uninitialized,
  SharedRace,          ///< two warps, one writing, nothing ordering them
  AsyncOwnership,      ///< touched while an asynchronous operation owns it
  DivergentCollective, ///< lanes of a mask did not meet
  TransactionCount,    ///< mbarrier: bytes that arrived differ from expected
  EarlyExit,           ///< threads left that a barrier waits for
  Deadlock,
  Livelock,
  InvalidOperation, ///< operand values the instruction does not allow
  Trap,             ///< the kernel executed `trap`
};
constexpr unsigned numCheckKinds = unsigned(CheckKind::Trap) + 1;

/// `out-of-bounds`, `shared-race`, ...
const char *checkName(CheckKind kind);
std::optional<CheckKind> checkByName(std::string_view name);

/// A place in the program and the threads that were there.
struct Site {
  unsigned line = 0;       ///< of the PTX text, from 1
  std::string instruction; ///< the statement
  std::string sourceFile;  ///< from `.loc`, empty when absent
  unsigned sourceLine = 0;
  unsigned warp = 0;  ///< within the block
  uint32_t lanes = 0; ///< mask of the lanes concerned
};

/// Something a check found. Repetitions at one instruction are counted.
struct Report {
  CheckKind kind;
  std::string file; ///< name given to Module::load
  std::string kernel;
  Dim3 block; ///< index of the block
  Site site;
  uint64_t address = 0; ///< in the space that `message` names
  std::string message;
  std::optional<Site> other; ///< the access or operation in conflict
  uint64_t count = 1;        ///< how often it happened

  /// Several lines, ready to print.
  std::string str() const;
};

/// Deterministic figures of one launch; see docs/emulator.md.
struct Counters {
  uint64_t warpInstructions = 0;
  uint64_t threadInstructions = 0; ///< active, unpredicated lanes
  uint64_t divergentBranches = 0;
  uint64_t globalLoadSectors = 0; ///< 32-byte sectors, per warp instruction
  uint64_t globalLoadBytes = 0;   ///< bytes the lanes asked for
  uint64_t globalStoreSectors = 0;
  uint64_t globalStoreBytes = 0;
  uint64_t sharedWavefronts = 0;    ///< with bank conflicts
  uint64_t sharedWavefrontsMin = 0; ///< the same bytes without conflicts
  uint64_t tensorFlops = 0;         ///< mma and wgmma, 2 per multiply-add
  uint64_t barriers = 0;            ///< bar/barrier, per warp
  uint64_t mbarrierWaits = 0;       ///< test_wait and try_wait, per warp
  uint64_t asyncBytes = 0;          ///< moved by cp.async and bulk copies
  uint64_t filledBytes = 0;         ///< zeros written for padding
  uint64_t atomics = 0;             ///< lanes of atom and red

  void add(const Counters &other);
  /// `name value` lines.
  std::string str() const;
};

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

struct LaunchConfig {
  Dim3 grid, block, cluster;
  uint32_t dynamicShared = 0; ///< bytes
};

/// The bytes of one kernel argument.
struct Argument {
  const void *data;
  size_t size;
};

struct LaunchResult {
  std::string kernel;
  std::vector<Report> reports;
  Counters counters;
  /// True when blocks ran on one core in seeded order.
  bool sequential = false;
};

struct DeviceOptions {
  Order order;
  /// Checks to leave out, by kind. Structural kinds (divergent-collective,
  /// early-exit, deadlock, livelock, invalid-operation, trap) stay on.
  std::vector<CheckKind> disabledChecks;
  /// Cores for order-independent kernels; 0 means all.
  unsigned threads = 0;
  /// Different reports to keep per launch; a launch ends when it is exceeded.
  unsigned maxReports = 20;
  /// Warp instructions of a block without any effect before it counts as
  /// livelocked.
  uint64_t livelockLimit = uint64_t(1) << 26;
  /// Blocks of an order-dependent kernel that run interleaved, and so may
  /// wait for each other.
  unsigned residentBlocks = 16;
  /// When set, every warp instruction is written here (and one core is used).
  std::ostream *trace = nullptr;
  /// Only this block (linear index) is traced, unless negative.
  int64_t traceBlock = -1;
};

using StreamId = uint32_t; ///< 0 is the default stream
using EventId = uint32_t;

/// Device memory, streams and the launches on them. Calls on one device must
/// not overlap.
class Device {
public:
  explicit Device(DeviceOptions options = {});
  ~Device();

  DeviceOptions &options();

  /// Memory of `size` bytes, 256-byte aligned, filled with a NaN pattern and
  /// counted as uninitialised. Addresses are the same in every run and are
  /// never given out twice. `name` appears in reports.
  Expected<uint64_t> allocate(size_t size, std::string name = {});
  Status free(uint64_t address);
  /// Makes host memory accessible to kernels at its own address, initialised.
  Status registerHost(void *data, size_t size);
  Status unregisterHost(void *data);

  Status copyToDevice(uint64_t to, const void *from, size_t size);
  Status copyToHost(void *to, uint64_t from, size_t size);
  Status copyOnDevice(uint64_t to, uint64_t from, size_t size);
  /// Writes `count` elements of `width` (1, 2 or 4) bytes.
  Status fill(uint64_t to, uint32_t value, unsigned width, size_t count);

  /// Address and size of a `.global` or `.const` variable of a module, which
  /// is instantiated on this device when first used.
  Expected<std::pair<uint64_t, size_t>>
  global(const std::shared_ptr<const Module> &module, std::string_view name);

  /// Runs a kernel to its end. An error means that it was not started; what
  /// went wrong while it ran is in the reports.
  Expected<LaunchResult> launch(const std::shared_ptr<const Module> &module,
                                std::string_view kernel,
                                const LaunchConfig &config,
                                const std::vector<Argument> &arguments);

  /// \name Streams
  /// Work of one stream runs in order; under lazy timing nothing runs before
  /// something waits for it, under eager timing it runs at once.
  /// @{
  StreamId createStream();
  Status destroyStream(StreamId stream);
  Status enqueue(StreamId stream, std::function<Status()> work);
  /// Checks the launch at once, copies the arguments, runs it in order.
  Status enqueueLaunch(StreamId stream,
                       const std::shared_ptr<const Module> &module,
                       std::string_view kernel, const LaunchConfig &config,
                       const std::vector<Argument> &arguments);
  EventId createEvent();
  Status record(EventId event, StreamId stream);
  Status wait(StreamId stream, EventId event);
  Status synchronize(StreamId stream);
  Status synchronizeEvent(EventId event);
  Status synchronize();
  /// @}

  /// Results of all launches so far, in the order in which they ran.
  const std::vector<LaunchResult> &results() const;

  struct Impl;

private:
  std::unique_ptr<Impl> implementation;
};

/// The instruction table as Markdown, for docs/emulator.md.
std::string instructionTable();

} // namespace moe::emulator

#endif // MOE_EMULATOR_EMULATOR_H
