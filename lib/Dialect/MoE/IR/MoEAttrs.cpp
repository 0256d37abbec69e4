//===- MoEAttrs.cpp - Verification of the attributes of moe ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::moe;

FailureOr<FloatAttr> mlir::moe::detail::parseNumber(AsmParser &parser) {
  double value;
  if (failed(parser.parseFloat(value)))
    return failure();
  return parser.getBuilder().getF64FloatAttr(value);
}

void mlir::moe::detail::printNumber(AsmPrinter &printer, FloatAttr number) {
  double value = number.getValueAsDouble();
  std::string text;
  for (int digits = 1; digits <= 17; ++digits) {
    text = llvm::formatv("{0}", llvm::format("%.*g", digits, value)).str();
    if (std::strtod(text.c_str(), nullptr) == value)
      break;
  }
  // Without a point the text would read back as an integer.
  if (text.find('.') == std::string::npos)
    text.insert(std::min(text.find('e'), text.size()), ".0");
  printer << text;
}

using EmitError = function_ref<InFlightDiagnostic()>;

static bool isPositive(FloatAttr attr) {
  double value = attr.getValueAsDouble();
  return value > 0 && attr.getValue().isFinite();
}

LogicalResult GroupsAttr::verify(EmitError emitError, int64_t count,
                                 int64_t keep, int64_t sumTop, GroupFill) {
  // C1
  if (keep < 1 || keep > count)
    return emitError() << "expected 1 <= keep <= count, got keep = " << keep
                       << " and count = " << count;
  // C2
  if (sumTop < 1)
    return emitError() << "expected sum_top >= 1, got " << sumTop;
  return success();
}

LogicalResult RenormalizeAttr::verify(EmitError emitError, RenormalizeMode mode,
                                      FloatAttr epsilon, int64_t p) {
  // C1
  if (p < 1)
    return emitError() << "expected p >= 1, got " << p;
  // C2
  if (mode == RenormalizeMode::Exact) {
    if (epsilon)
      return emitError() << "expected no epsilon with mode = exact, got "
                         << epsilon.getValueAsDouble();
    return success();
  }
  if (!epsilon)
    return emitError() << "expected an epsilon with mode = "
                       << stringifyRenormalizeMode(mode);
  if (!isPositive(epsilon))
    return emitError() << "expected a positive, finite epsilon, got "
                       << epsilon.getValueAsDouble();
  return success();
}

LogicalResult RouterAttr::verify(EmitError emitError, Score score, int64_t topK,
                                 SelectionKey key, GroupsAttr,
                                 WeightSource weight, FloatAttr jitter,
                                 RenormalizeAttr renormalize, FloatAttr scale,
                                 Type roundTo) {
  // C1
  if (topK < 1)
    return emitError() << "expected top_k >= 1, got " << topK;
  bool isSparseMixer = weight == WeightSource::SparseMixer;
  // C2
  if (isSparseMixer != static_cast<bool>(jitter))
    return emitError() << "expected a jitter exactly where weight = "
                          "sparsemixer, got weight = "
                       << stringifyWeightSource(weight)
                       << (jitter ? " with one" : " without one");
  if (jitter && !isPositive(jitter))
    return emitError() << "expected a positive, finite jitter, got "
                       << jitter.getValueAsDouble();
  // C3
  if (isSparseMixer && (key != SelectionKey::Logit || renormalize))
    return emitError() << "expected key = logit and no renormalize with "
                          "weight = sparsemixer";
  // C4
  if (scale && !scale.getValue().isFinite())
    return emitError() << "expected a finite scale, got "
                       << scale.getValueAsDouble();
  // C5
  if (roundTo &&
      (!isa<FloatType>(roundTo) || roundTo.getIntOrFloatBitWidth() > 32))
    return emitError() << "expected round_to to be a float type of at most 32 "
                          "bits, got "
                       << roundTo;
  // C6
  if (score == Score::None && key != SelectionKey::Logit)
    return emitError() << "expected key = logit with score = none";
  return success();
}

double RouterAttr::getScaleValue() const {
  return getScale() ? getScale().getValueAsDouble() : 1.0;
}

/// Far above any use; products of sizes stay far below 2^63.
static constexpr int64_t maxTileSize = 65536;

LogicalResult LoweringConfigAttr::verify(EmitError emitError, int64_t rows,
                                         int64_t columns, int64_t panels,
                                         int64_t rowBlock, int64_t kBlock,
                                         int64_t prefetch, int64_t passBytes,
                                         int64_t passPanels) {
  // C1
  for (auto [name, number] : {std::pair("rows", rows),
                              {"columns", columns},
                              {"panels", panels},
                              {"row_block", rowBlock},
                              {"pass_panels", passPanels}})
    if (number < 1 || number > maxTileSize)
      return emitError() << "expected " << name << " of 1 to " << maxTileSize
                         << ", got " << number;
  // C2
  for (auto [name, number] : {std::pair("k_block", kBlock),
                              {"prefetch", prefetch},
                              {"pass_bytes", passBytes}})
    if (number < 0)
      return emitError() << "expected " << name << " of at least 0, got "
                         << number;
  // C3
  if (panels > rows)
    return emitError() << "expected at most as many panels as rows, got "
                       << panels << " panels and " << rows << " rows";
  return success();
}
