//===- EntryPoint.cpp - What a compiled layer takes and gives --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/EntryPoint.h"

#include "Support/EntryPoint.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::moe;

std::optional<DLPackType> moe::getDLPackType(Type type) {
  // Codes that are newer than the header at hand: DLPack 1.0 has booleans, 1.1
  // the 8-bit floats.
  constexpr uint8_t kBool = 6, kFloat8E4M3FN = 10, kFloat8E5M2 = 12;
  if (isa<Float8E4M3FNType>(type))
    return DLPackType{kFloat8E4M3FN, 8};
  if (isa<Float8E5M2Type>(type))
    return DLPackType{kFloat8E5M2, 8};
  if (type.isInteger(1))
    return DLPackType{kBool, 8};
  if (type.isBF16())
    return DLPackType{kDLBfloat, 16};
  if (!type.isF16() && !type.isF32() && !type.isF64() && !type.isInteger(8) &&
      !type.isInteger(16) && !type.isInteger(32) && !type.isInteger(64))
    return std::nullopt;
  uint8_t code = isa<FloatType>(type)       ? kDLFloat
                 : type.isUnsignedInteger() ? kDLUInt
                                            : kDLInt;
  return DLPackType{code, static_cast<uint8_t>(type.getIntOrFloatBitWidth())};
}

int64_t EntryPoint::getNumParamTensors() const {
  int64_t count = 0;
  for (const EntryTensor &param : params)
    count += param.getCount();
  return count;
}

namespace {
/// Reads one element of `moe.entry_points`.
class EntryReader {
public:
  EntryReader(ModuleOp module, DictionaryAttr attr)
      : module(module), attr(attr) {}

  FailureOr<EntryPoint> read();

private:
  InFlightDiagnostic emitError() { return emitError(module); }
  InFlightDiagnostic emitError(Operation *op) {
    InFlightDiagnostic diag = op->emitError("entry point ");
    if (!entry.name.empty())
      diag << "'" << entry.name << "': ";
    return diag;
  }
  LogicalResult readName();
  LogicalResult readSize(StringRef key, int64_t &size, bool required);
  LogicalResult readTensors(StringRef key, bool isParam,
                            std::vector<EntryTensor> &tensors);
  LogicalResult readTensor(StringRef where, bool isParam, Attribute attr,
                           EntryTensor &tensor);
  LogicalResult checkType(StringRef where, bool isParam,
                          const EntryTensor &tensor);
  LogicalResult checkFunction(StringRef suffix, ArrayRef<Type> arguments);

  ModuleOp module;
  DictionaryAttr attr;
  EntryPoint entry;
};
} // namespace

/// Whether C accepts `name` at the start of an identifier.
static bool isCIdentifier(StringRef name) {
  return !name.empty() && !llvm::isDigit(name.front()) &&
         llvm::all_of(name,
                      [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

LogicalResult EntryReader::readName() {
  auto name = attr.getAs<StringAttr>("name");
  if (!name)
    return emitError() << "expected a string as 'name'";
  if (!isCIdentifier(name))
    return emitError() << "expected a C identifier as name, got " << name;
  entry.name = name.str();
  return success();
}

LogicalResult EntryReader::readSize(StringRef key, int64_t &size,
                                    bool required) {
  Attribute value = attr.get(key);
  if (!value && !required)
    return success();
  auto number = dyn_cast_or_null<IntegerAttr>(value);
  if (!number || !number.getType().isInteger(64) || number.getInt() < 0)
    return emitError() << "expected a non-negative i64 as '" << key << "'";
  size = number.getInt();
  return success();
}

LogicalResult EntryReader::checkType(StringRef where, bool isParam,
                                     const EntryTensor &tensor) {
  RankedTensorType type = tensor.type;
  if (!getDLPackType(type.getElementType())) {
    // The layer that it was lowered from says so.
    Operation *run = module.lookupSymbol(entry.name + "__run");
    return emitError(run ? run : module)
           << where << ": expected an element type that DLPack has, got "
           << type.getElementType();
  }
  if (isParam && !type.hasStaticShape())
    return emitError() << where << ": expected a static shape, got " << type;
  if (!tensor.perExpert)
    return success();
  if (!isParam || type.getRank() == 0 || StringRef(tensor.name).count('*') != 1)
    return emitError()
           << where
           << ": expected a parameter with experts as its leading "
              "dimension and one '*' in its name where 'per_expert' "
              "is set";
  return success();
}

LogicalResult EntryReader::readTensor(StringRef where, bool isParam,
                                      Attribute element, EntryTensor &tensor) {
  auto dict = dyn_cast<DictionaryAttr>(element);
  auto name = dict ? dict.getAs<StringAttr>("name") : StringAttr();
  auto type = dict ? dict.getAs<TypeAttr>("type") : TypeAttr();
  auto tensorType =
      type ? dyn_cast<RankedTensorType>(type.getValue()) : RankedTensorType();
  if (!name || !tensorType)
    return emitError() << where
                       << ": expected a dictionary with a string as 'name' and "
                          "a ranked tensor as 'type'";
  tensor = {name.str(), tensorType, dict.contains("per_expert")};
  return checkType(where, isParam, tensor);
}

LogicalResult EntryReader::readTensors(StringRef key, bool isParam,
                                       std::vector<EntryTensor> &tensors) {
  auto array = attr.getAs<ArrayAttr>(key);
  if (!array)
    return emitError() << "expected an array as '" << key << "'";
  for (auto [index, element] : llvm::enumerate(array)) {
    std::string where = (key + "[" + Twine(index) + "]").str();
    if (failed(readTensor(where, isParam, element, tensors.emplace_back())))
      return failure();
  }
  return success();
}

LogicalResult EntryReader::checkFunction(StringRef suffix,
                                         ArrayRef<Type> arguments) {
  std::string name = entry.name + suffix.str();
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(module.getContext()), arguments);
  auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  if (!function || function.isExternal() || function.getFunctionType() != type)
    return emitError() << "expected a function '" << name << "' of type "
                       << type << " in the llvm dialect";
  return success();
}

FailureOr<EntryPoint> EntryReader::read() {
  if (failed(readName()) ||
      failed(readTensors("inputs", /*isParam=*/false, entry.inputs)) ||
      failed(readTensors("params", /*isParam=*/true, entry.params)) ||
      failed(readTensors("outputs", /*isParam=*/false, entry.outputs)))
    return failure();
  if (entry.inputs.size() + entry.outputs.size() > MOE_MAX_RUN_TENSORS)
    return emitError() << "expected at most " << MOE_MAX_RUN_TENSORS
                       << " inputs and outputs, got "
                       << entry.inputs.size() + entry.outputs.size();
  if (failed(readSize("packed_size", entry.packedSize, true)) ||
      failed(readSize("workspace_fixed", entry.workspaceFixed, true)) ||
      failed(readSize("workspace_per_token", entry.workspacePerToken, true)) ||
      failed(
          readSize("workspace_per_thread", entry.workspacePerThread, false)) ||
      failed(readSize("top_k", entry.topK, false)))
    return failure();
  if (entry.topK == 0)
    return emitError() << "expected 'top_k' of at least 1, got 0";
  Type ptr = LLVM::LLVMPointerType::get(module.getContext());
  Type i64 = IntegerType::get(module.getContext(), 64);
  if (failed(checkFunction("__pack", {ptr, ptr})) ||
      failed(checkFunction("__run", {i64, ptr, ptr, ptr, ptr})))
    return failure();
  return std::move(entry);
}

FailureOr<std::vector<EntryPoint>> moe::getEntryPoints(ModuleOp module) {
  auto array = module->getAttrOfType<ArrayAttr>("moe.entry_points");
  if (!array || array.empty())
    return module.emitError("expected 'moe.entry_points', an array of "
                            "dictionaries, on a module to compile");
  std::vector<EntryPoint> entries;
  for (Attribute element : array) {
    auto dict = dyn_cast<DictionaryAttr>(element);
    if (!dict)
      return module.emitError("expected a dictionary in 'moe.entry_points', "
                              "got ")
             << element;
    FailureOr<EntryPoint> entry = EntryReader(module, dict).read();
    if (failed(entry))
      return failure();
    if (llvm::any_of(entries, [&](const EntryPoint &other) {
          return other.name == entry->name;
        }))
      return module.emitError("expected entry points of different names, got "
                              "two called '")
             << entry->name << "'";
    entries.push_back(std::move(*entry));
  }
  return entries;
}
