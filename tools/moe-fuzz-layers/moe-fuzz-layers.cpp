//===- moe-fuzz-layers.cpp - Random layers, run every way -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/MoE/Transforms/BufferizableOpInterfaceImpl.h"
#include "moe/Testing/CompiledCheck.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"

using namespace llvm;
using namespace mlir;
using namespace mlir::moe;

static cl::opt<uint64_t> seed("seed", cl::desc("seed of the first layer"),
                              cl::init(1));
static cl::opt<unsigned> layerCount("count", cl::desc("number of layers"),
                                    cl::init(100));
static cl::opt<bool> list("list", cl::desc("print what each layer is"));
static cl::opt<bool> print("print", cl::desc("print each layer's IR"));

static cl::opt<bool> compile("compile", cl::init(true),
                             cl::desc("compile and run each layer as well"));
static cl::opt<std::string> cpu("cpu", cl::desc("CPU to compile for"),
                                cl::init("native"));

/// Kernels for the CPU, or those of a wider one on what this one has; rows and
/// reductions in one part or in several.
static CompiledVariant drawVariant(uint64_t layerSeed) {
  CompiledVariant variant;
  variant.cpu = cpu;
  uint64_t kind = Dice(layerSeed ^ 0x5eed).roll() % 8;
  variant.vectorBits = kind % 4 >= 2 ? 512 : 0;
  variant.emulateDot = kind % 4 == 3;
  variant.smallBlocks = kind >= 4;
  return variant;
}

static bool checkOne(uint64_t layerSeed, MLIRContext &context) {
  RandomLayer layer = makeRandomLayer(layerSeed);
  if (list)
    outs() << layerSeed << ": " << layer.summary << "\n";
  if (print)
    outs() << layer.text;
  outs().flush();
  bool good = succeeded(checkLevels(layer, context, errs()));
  if (good && compile)
    good = succeeded(
        checkCompiled(layer, drawVariant(layerSeed), context, errs()));
  if (good)
    return true;
  errs() << "layer " << layerSeed << " failed: " << layer.summary << "\n"
         << "again: moe-fuzz-layers --count=1 --seed=" << layerSeed
         << " --cpu=" << cpu << "\n"
         << layer.text << "\n";
  return false;
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::ParseCommandLineOptions(
      argc, argv,
      "Checks that random layers mean the same at every level and as code\n\n"
      "  moe-fuzz-layers --seed=1 --count=100\n");
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<MoEDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);

  outs() << "seed " << seed << ", " << layerCount << " layers\n";
  unsigned numFailed = 0;
  for (unsigned i = 0; i < layerCount; ++i)
    numFailed += !checkOne(seed + i, context);
  outs() << layerCount - numFailed << " passed, " << numFailed << " failed\n";
  return numFailed == 0 ? 0 : 1;
}
