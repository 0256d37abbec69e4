//===- CompiledCheck.cpp - Compiled layers against their meaning ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ids by margin, outputs by replay of the ids, both by bits between runs.
//
//===----------------------------------------------------------------------===//

#include "moe/Testing/CompiledCheck.h"

#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Pipelines/Pipelines.h"
#include "moe/Target/CPU/AlignedMemory.h"
#include "moe/Target/CPU/JIT.h"
#include "moe/Target/CPU/OpenMP.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/Support/Format.h"
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

using namespace mlir;
using namespace mlir::moe;

static constexpr double infinity = std::numeric_limits<double>::infinity();

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// `tensor` as the C ABI takes it; the shape stays the tensor's.
static DLTensor toDLTensor(const Tensor &tensor) {
  DLTensor result = {};
  result.data = const_cast<void *>(tensor.getData());
  result.device = {kDLCPU, 0};
  result.ndim = static_cast<int32_t>(tensor.getRank());
  result.shape = const_cast<int64_t *>(tensor.getShape().data());
  switch (tensor.getType()) {
  case ElementType::bf16:
    result.dtype = {kDLBfloat, 16, 1};
    break;
  case ElementType::i32:
    result.dtype = {kDLInt, 32, 1};
    break;
  default:
    result.dtype = {kDLFloat, 32, 1};
  }
  return result;
}

namespace {
/// A layer in this process with its packed parameters.
class CompiledLayer {
public:
  /// Compiles `module`, whose @forward returns output, ids and weights.
  static FailureOr<CompiledLayer> create(ModuleOp module,
                                         const RandomLayer &layer,
                                         const CompiledVariant &variant);

  /// Runs the tokens `x` with the threads that are set.
  llvm::Expected<LayerResult> run(const Tensor &x, int64_t topK) const;

private:
  llvm::Error pack(const RandomLayer &layer);

  std::unique_ptr<JIT> jit;
  std::optional<JITFunction> function;
  std::optional<AlignedMemory> packed;
};
} // namespace

llvm::Error CompiledLayer::pack(const RandomLayer &layer) {
  // Per-expert parameters are E tensors.
  std::vector<Tensor> paramTensors;
  for (auto [param, tensor] :
       llvm::zip_equal(function->getEntryPoint().params,
                       ArrayRef(layer.arguments).drop_front()))
    for (int64_t i = 0; i < param.getCount(); ++i)
      paramTensors.push_back(param.perExpert ? tensor.slice(i) : tensor);
  std::vector<DLTensor> params;
  for (const Tensor &tensor : paramTensors)
    params.push_back(toDLTensor(tensor));

  auto memory = AlignedMemory::allocate(function->getPackedSize());
  if (!memory)
    return memory.takeError();
  packed.emplace(std::move(*memory));
  return function->pack(params, packed->getData());
}

FailureOr<CompiledLayer> CompiledLayer::create(ModuleOp module,
                                               const RandomLayer &layer,
                                               const CompiledVariant &variant) {
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager manager(module.getContext());
  CPUPipelineOptions options;
  options.cpu = variant.cpu;
  options.vectorBits = variant.vectorBits;
  options.emulateDot = variant.emulateDot;
  options.smallBlocks = variant.smallBlocks;
  buildCPUPipeline(manager, options);
  if (failed(manager.run(*copy)))
    return failure();
  auto jit = JIT::create(*copy);
  if (failed(jit))
    return failure();
  auto function = (*jit)->lookup("forward");
  if (!function)
    return emitError(module.getLoc()) << llvm::toString(function.takeError());
  CompiledLayer result;
  result.jit = std::move(*jit);
  result.function = *function;
  if (llvm::Error error = result.pack(layer))
    return emitError(module.getLoc()) << llvm::toString(std::move(error));
  return result;
}

llvm::Expected<LayerResult> CompiledLayer::run(const Tensor &x,
                                               int64_t topK) const {
  SmallVector<int64_t> slots = {x.getDim(0), topK};
  LayerResult result{Tensor::zeros(x.getType(), x.getShape()),
                     Tensor::zeros(ElementType::i32, slots),
                     Tensor::zeros(ElementType::f32, slots)};
  auto size = function->getWorkspaceSize(x.getDim(0));
  if (!size)
    return size.takeError();
  auto workspace = AlignedMemory::allocate(*size);
  if (!workspace)
    return workspace.takeError();
  // What an earlier run left is often what this one will write: read too early,
  // it would look right.
  std::memset(workspace->getData(), 0xff, *size);
  DLTensor inputs[] = {toDLTensor(x)};
  DLTensor outputs[] = {toDLTensor(result.y), toDLTensor(result.ids),
                        toDLTensor(result.weights)};
  if (llvm::Error error = function->run(inputs, packed->getData(), outputs,
                                        workspace->getData()))
    return std::move(error);
  return result;
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

static bool haveSameBits(const Tensor &a, const Tensor &b) {
  return a.getSizeInBytes() == b.getSizeInBytes() &&
         std::memcmp(a.getData(), b.getData(), a.getSizeInBytes()) == 0;
}

static LogicalResult compareBits(const LayerResult &actual,
                                 const LayerResult &expected, const Twine &how,
                                 raw_ostream &log) {
  StringRef different = !haveSameBits(actual.ids, expected.ids) ? "ids"
                        : !haveSameBits(actual.weights, expected.weights)
                            ? "weights"
                        : !haveSameBits(actual.y, expected.y) ? "output"
                                                              : "";
  if (different.empty())
    return success();
  log << how << ": expected the same bits, got another " << different << "\n";
  return failure();
}

/// Row `token` of each tensor, as the result of that token alone.
static LayerResult getRow(const LayerResult &result, int64_t token) {
  auto row = [&](const Tensor &tensor) {
    return tensor.slice(token).reshape({1, tensor.getDim(1)});
  };
  return {row(result.y), row(result.ids), row(result.weights)};
}

/// A row has the same bits for any number of threads, alone or in a batch.
static LogicalResult checkBits(const CompiledLayer &compiled,
                               const RandomLayer &layer,
                               const LayerResult &expected, raw_ostream &log) {
  const Tensor &x = layer.arguments[0];
  int64_t topK = expected.ids.getDim(1), numTokens = x.getDim(0);
  auto check = [&](const Tensor &tokens, const LayerResult &bits,
                   const Twine &how) -> LogicalResult {
    auto result = compiled.run(tokens, topK);
    if (result)
      return compareBits(*result, bits, how, log);
    log << how << ": " << llvm::toString(result.takeError()) << "\n";
    return failure();
  };

  auto openMP = OpenMPRuntime::get();
  if (!openMP) {
    log << llvm::toString(openMP.takeError()) << "\n";
    return failure();
  }
  int threadsBefore = (*openMP)->getMaxThreads();
  bool allGood = true;
  for (int threads : {1, 2, 3, 8}) {
    (*openMP)->setNumThreads(threads);
    std::string count = std::to_string(threads) + " threads";
    allGood &= succeeded(check(x, expected, count));
    // A token alone has fewer tasks than the batch, and splits others.
    for (int64_t token : {int64_t(0), numTokens / 2, numTokens - 1})
      if (token >= 0 && token < numTokens)
        allGood &= succeeded(check(
            x.slice(token).reshape({1, x.getDim(1)}), getRow(expected, token),
            "token " + Twine(token) + " alone, " + count));
  }
  (*openMP)->setNumThreads(threadsBefore);
  return success(allGood);
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

static double getNorm(const Tensor &row) {
  double sum = 0.0;
  for (int64_t i = 0, e = row.getNumElements(); i < e; ++i)
    sum += row.get(i) * row.get(i);
  return std::sqrt(sum);
}

/// How far a logit of `token` may be from the exact one. A f32 sum of H
/// products is off by H 2^-24 sum |x w| at most, which is at most H 2^-24 |x|
/// |w|; logit bias, soft cap and rounding add a few 2^-24 of the logit. A logit
/// that is rounded to bf16 may fall to the other side: 2^-7 of it.
static double getLogitError(const RandomLayer &layer, int64_t token) {
  const Tensor &x = layer.arguments[0], &router = layer.arguments[1];
  double largest = 0.0;
  for (int64_t expert = 0; expert < router.getDim(0); ++expert)
    largest = std::max(largest, getNorm(router.slice(expert)));
  double product = getNorm(x.slice(token)) * largest;
  double terms = static_cast<double>(x.getDim(1)) + 16.0;
  double error = terms * 0x1p-24 * (product + 2.0);
  return layer.hasNarrowLogits ? error + 0x1p-7 * (product + 2.0) : error;
}

//===----------------------------------------------------------------------===//
// Ids
//===----------------------------------------------------------------------===//

namespace {
/// The choice of one token against the keys of the interpreter.
class ChoiceCheck {
public:
  ChoiceCheck(const RoutingRecord &record, const Tensor &ids, int64_t token,
              double margin)
      : token(token), margin(margin) {
    for (int64_t e = 0; e < record.keys.getDim(1); ++e)
      keys.push_back(record.keys.at({token, e}));
    for (int64_t s = 0; s < ids.getDim(1); ++s)
      chosen.push_back(static_cast<int64_t>(ids.at({token, s})));
    groupGap = record.groupGaps.get(token);
  }

  LogicalResult run(raw_ostream &log) const;

private:
  LogicalResult fail(raw_ostream &log, const Twine &what) const;

  int64_t token;
  double margin, groupGap;
  SmallVector<double> keys;
  SmallVector<int64_t> chosen;
};
} // namespace

LogicalResult ChoiceCheck::fail(raw_ostream &log, const Twine &what) const {
  log << "token " << token << ": " << what << "; ids";
  for (int64_t id : chosen)
    log << " " << id;
  log << ", margin " << margin << ", keys";
  for (double key : keys)
    log << llvm::format(" %.9g", key);
  log << "\n";
  return failure();
}

LogicalResult ChoiceCheck::run(raw_ostream &log) const {
  llvm::SmallSet<int64_t, 16> seen;
  for (int64_t id : chosen)
    if (id < 0 || id >= static_cast<int64_t>(keys.size()) ||
        !seen.insert(id).second)
      return fail(log, "expected distinct ids in range");
  // Groups as close as rounding: which are kept is open.
  if (groupGap <= 4 * margin)
    return success();

  double worst = infinity;
  for (int64_t id : chosen) {
    if (keys[id] > worst + 2 * margin)
      return fail(log, "expected ids in descending order of key");
    worst = std::min(worst, keys[id]);
  }
  int64_t nextExcluded = 0;
  for (auto [expert, key] : llvm::enumerate(keys)) {
    bool isChosen = seen.contains(static_cast<int64_t>(expert));
    if (!isChosen && key > worst + 2 * margin)
      return fail(log, "expected the largest keys");
    // -inf is -inf however it is rounded: the lowest ids.
    if (key == -infinity) {
      bool needed =
          nextExcluded <
          llvm::count_if(
              chosen, [&](int64_t id) { return keys[id] == -infinity; });
      if (isChosen != needed)
        return fail(log, "expected the lowest ids among keys of -inf");
      ++nextExcluded;
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

static LogicalResult compareRow(StringRef what, const Tensor &actual,
                                const Tensor &expected, int64_t token,
                                double tolerance, raw_ostream &log) {
  for (int64_t i = 0; i < expected.getDim(1); ++i) {
    double a = actual.at({token, i}), b = expected.at({token, i});
    bool isFinite = std::isfinite(b);
    if (std::isfinite(a) == isFinite &&
        (!isFinite || std::fabs(a - b) <= tolerance))
      continue;
    log << what << " of token " << token << ", element " << i << ": expected "
        << llvm::format("%.9g", b) << ", got " << llvm::format("%.9g", a)
        << ", tolerance " << tolerance << "\n";
    return failure();
  }
  return success();
}

/// The largest finite magnitude.
static double getLargest(const Tensor &tensor) {
  double largest = 0.0;
  for (int64_t i = 0, e = tensor.getNumElements(); i < e; ++i)
    if (std::isfinite(tensor.get(i)))
      largest = std::max(largest, std::fabs(tensor.get(i)));
  return largest;
}

/// Scores and their shares change by less than a few times the change of the
/// logits, relatively; so do weights, and with them the output.
static LogicalResult compareValues(const LayerResult &actual,
                                   const LayerResult &expected,
                                   const RandomLayer &layer, raw_ostream &log) {
  double unit = getUnitRoundoff(layer.type);
  double terms = 256; // Products in a row: rows of at most 64 each.
  double weightScale = getLargest(expected.weights);
  double outputScale = getLargest(expected.y);
  bool allGood = true;
  for (int64_t token = 0; token < layer.arguments[0].getDim(0); ++token) {
    // Of a logit that is not finite nothing is known but that it is none.
    double logitError = getLogitError(layer, token);
    if (!(logitError < 1.0))
      logitError = 1.0;
    double weightError =
        8 * logitError + (layer.roundsWeights ? 0x1p-7 : 0x1p-20);
    allGood &= succeeded(compareRow("weight", actual.weights, expected.weights,
                                    token, weightError * weightScale, log));
    double outputError = weightError + 16 * unit + terms * 0x1p-24;
    allGood &= succeeded(compareRow("output", actual.y, expected.y, token,
                                    outputError * outputScale + 0x1p-100, log));
  }
  return success(allGood);
}

//===----------------------------------------------------------------------===//
// The check
//===----------------------------------------------------------------------===//

static LogicalResult checkModule(ModuleOp module, const RandomLayer &layer,
                                 const CompiledVariant &variant,
                                 raw_ostream &log) {
  PassManager manager(module.getContext());
  manager.addNestedPass<func::FuncOp>(createMoEExposeRoutingPass());
  if (failed(manager.run(module)))
    return failure();
  RoutingRecord record;
  auto chosen = interpretLayer(module, layer, Precision::Exact,
                               /*replay=*/nullptr, &record);
  if (failed(chosen))
    return failure();
  auto code = CompiledLayer::create(module, layer, variant);
  if (failed(code))
    return failure();
  auto compiled = code->run(layer.arguments[0], chosen->ids.getDim(1));
  if (!compiled)
    return emitError(module.getLoc()) << llvm::toString(compiled.takeError());

  bool allGood = true;
  for (int64_t token = 0; token < compiled->ids.getDim(0); ++token) {
    double margin = getLogitError(layer, token);
    ChoiceCheck check(record, compiled->ids, token,
                      std::isfinite(margin) ? margin : 0.0);
    allGood &= succeeded(check.run(log));
  }
  if (!allGood)
    return failure();
  const Tensor *replay = &compiled->ids;
  auto expected = interpretLayer(module, layer, Precision::Exact, replay);
  if (failed(expected))
    return failure();
  bool sameBits = succeeded(checkBits(*code, layer, *compiled, log));
  return success(succeeded(compareValues(*compiled, *expected, layer, log)) &&
                 sameBits);
}

LogicalResult mlir::moe::checkCompiled(const RandomLayer &layer,
                                       const CompiledVariant &variant,
                                       MLIRContext &context, raw_ostream &log) {
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    log << diagnostic.getLocation() << ": " << diagnostic << "\n";
    for (Diagnostic &note : diagnostic.getNotes())
      log << note.getLocation() << ": " << note << "\n";
    return success();
  });
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(layer.text, ParserConfig(&context));
  if (!module)
    return failure();
  return checkModule(*module, layer, variant, log);
}
