//===- RunMain.cpp - The moe-run tool -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The command line of moe-run.
//
//===----------------------------------------------------------------------===//

#include "moe/Run/RunMain.h"

#include "Runner.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir;
using namespace mlir::moe;
namespace cl = llvm::cl;

static constexpr llvm::StringLiteral overview =
    R"(Runs a Mixture-of-Experts layer.

EXAMPLE:
  A layer on 16 random tokens with random weights, compiled for this machine
  and checked against the reference interpreter; the tokens of each expert:

    moe-import examples/olmoe-1b-7b.json -o layer.mlir
    moe-run layer.mlir --tokens=16 --seed=1 --compare=interpreter --stats

  Its time, beside the machine's limits:

    moe-run layer.mlir --tokens=16 --repeat=20

  A checkpoint's weights on activations from a file:

    moe-run layer.mlir --inputs=x.safetensors --weights=path/to/model \
      --outputs=y.safetensors --routing

  Inputs called `ids` and `weights` in the file replay a routing in place of the
  layer's own. --compare runs the interpreter on at most as many tokens as it
  can do in about ten seconds, evenly spread: a layer computes each by itself.
  Without --atol and --rtol results may differ by what rounding makes of the
  least precise type that they, or what they are computed from, are rounded to:
  4 u rms + 2 u |expected| for bf16 and f16 (u = 2^-8, 2^-11), 1024 u rms
  + 128 u |expected| for f32 (u = 2^-24), where rms is that of what is expected.
  Routing weights may differ by 4 u rms + 16 u |expected| of theirs (a logit
  rounded to that type may fall to the other side).
)";

namespace {
/// The options, registered while this lives.
struct CommandLine {
  cl::OptionCategory category{"moe-run options"};
  cl::opt<std::string> input{cl::Positional, cl::Required,
                             cl::desc("<layer.mlir, or ->"), cl::cat(category)};
  static cl::ValuesClass getEngines() {
    return cl::values(
        clEnumValN(EngineKind::Interpreter, "interpreter",
                   "the reference interpreter, in exact mode"),
        clEnumValN(EngineKind::CPU, "cpu", "code for this machine"),
        clEnumValN(EngineKind::Emulator, "emulator",
                   "PTX, emulated on this machine"),
        clEnumValN(EngineKind::CUDA, "cuda", "PTX, on an NVIDIA GPU"));
  }
  cl::opt<EngineKind> engine{"engine", cl::desc("What computes (default: cpu)"),
                             getEngines(), cl::init(EngineKind::CPU),
                             cl::cat(category)};
  cl::opt<int64_t> tokens{"tokens",
                          cl::desc("Number of random tokens (default: 16, or "
                                   "what the layer's types fix)"),
                          cl::cat(category)};
  cl::opt<uint64_t> seed{
      "seed", cl::desc("Seed of random tokens and weights (default: 0)"),
      cl::init(0), cl::cat(category)};
  cl::opt<std::string> inputs{"inputs", cl::desc("Inputs, under their names"),
                              cl::value_desc("file.safetensors"),
                              cl::cat(category)};
  cl::opt<std::string> weights{
      "weights",
      cl::desc("Parameters, under their checkpoint names (default: random)"),
      cl::value_desc("file.safetensors or folder"), cl::cat(category)};
  cl::opt<std::string> outputs{"outputs", cl::desc("Where results go, as `y`"),
                               cl::value_desc("file.safetensors"),
                               cl::cat(category)};
  cl::opt<std::string> expect{"expect", cl::desc("What results should be"),
                              cl::value_desc("file.safetensors"),
                              cl::cat(category)};
  cl::opt<double> absolute{
      "atol", cl::desc("Absolute tolerance of comparisons"), cl::cat(category)};
  cl::opt<double> relative{
      "rtol", cl::desc("Relative tolerance of comparisons"), cl::cat(category)};
  cl::opt<EngineKind> compare{"compare",
                              cl::desc("Compare with what another computes"),
                              getEngines(), cl::cat(category)};
  cl::opt<unsigned> repeat{"repeat", cl::desc("Time as many calls"),
                           cl::init(0), cl::cat(category)};
  cl::opt<unsigned> threads{"threads",
                            cl::desc("Threads (default: OpenMP's choice)"),
                            cl::init(0), cl::cat(category)};
  cl::opt<bool> stats{"stats", cl::desc("Print the tokens of each expert"),
                      cl::cat(category)};
  cl::opt<bool> routing{"routing",
                        cl::desc("Add `ids` and `weights` to the results"),
                        cl::cat(category)};

  RunOptions get() const {
    RunOptions options;
    options.input = input;
    options.engine = engine;
    if (tokens.getNumOccurrences())
      options.tokens = tokens;
    options.seed = seed;
    options.inputs = inputs;
    options.weights = weights;
    options.outputs = outputs;
    options.expect = expect;
    if (absolute.getNumOccurrences())
      options.tolerance.absolute = absolute;
    if (relative.getNumOccurrences())
      options.tolerance.relative = relative;
    if (compare.getNumOccurrences())
      options.compare = compare;
    options.repeat = repeat;
    options.threads = threads;
    options.stats = stats;
    options.routing = routing;
    return options;
  }
};
} // namespace

/// LLVM's library has options of its own that are called like some of ours.
static void makeRoomForOptions() {
  auto &options = cl::getRegisteredOptions();
  for (StringRef name : {"threads", "stats", "seed"})
    if (cl::Option *other = options.lookup(name))
      other->removeArgument();
}

int mlir::moe::moeRunMain(int argc, char **argv) {
  makeRoomForOptions();
  static CommandLine commandLine;
  registerPassManagerCLOptions();
  cl::HideUnrelatedOptions(commandLine.category);
  cl::SetVersionPrinter(printVersion);
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &llvm::errs()))
    return WrongUsage;
  RunOptions options = commandLine.get();
  if (options.tokens.value_or(0) < 0)
    return fail(WrongUsage, "moe-run", "--tokens: expected 0 or more");
  if (options.tokens && !options.inputs.empty())
    return fail(WrongUsage, "moe-run",
                "--tokens and --inputs: expected one of them");
  if (options.repeat && options.engine != EngineKind::CPU)
    return fail(WrongUsage, "moe-run", "--repeat times --engine=cpu alone");
  return Runner(options).run();
}
