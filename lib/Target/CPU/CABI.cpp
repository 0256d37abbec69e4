//===- CABI.cpp - The C functions of compiled layers --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CABI.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Transforms/IPO/Internalize.h"

using namespace mlir;
using namespace mlir::moe;

// Support/EntryPoint.c as LLVM bitcode.
constexpr unsigned char kSupportBitcode[] = {
#include "EntryPointBitcode.inc"
};

// NAME and each of these is public; the code behind it is moe_entry plus it.
constexpr llvm::StringLiteral kSuffixes[] = {
    "_packed_size", "_pack", "_workspace_size", "_run", "_last_error"};

namespace {
/// Builds the constants of Support/EntryPoint.h, field by field.
class TableBuilder {
public:
  TableBuilder(llvm::Module &code, StringRef cpu, ArrayRef<CPUFeature> features)
      : code(code), context(code.getContext()), cpu(getString(cpu)),
        features(getArray(
            features,
            [&](const CPUFeature &feature) { return getFeature(feature); })),
        numFeatures(features.size()) {}

  /// The moe_entry_point of `entry`.
  llvm::Constant *getEntryPoint(const EntryPoint &entry) {
    return getGlobal(getStruct(
        {getString(entry.name), cpu, getTensors(entry.params),
         getTensors(entry.inputs), getTensors(entry.outputs), features,
         getI64(entry.params.size()), getI64(entry.inputs.size()),
         getI64(entry.outputs.size()), getI64(numFeatures),
         getI64(entry.packedSize), getI64(entry.workspaceFixed),
         getI64(entry.workspacePerToken), getI64(entry.workspacePerThread),
         getI64(entry.getMaxTokens()), code.getFunction(entry.name + "__pack"),
         code.getFunction(entry.name + "__run")}));
  }

private:
  /// A moe_cpu_feature.
  llvm::Constant *getFeature(const CPUFeature &feature) {
    return getStruct({getString(feature.name), getI32(feature.leaf),
                      getI32(feature.subleaf), getI32(feature.reg),
                      getI32(feature.bit), getI32(feature.xcr0)});
  }

  /// A moe_tensor_spec.
  llvm::Constant *getTensor(const EntryTensor &tensor) {
    Type elementType = tensor.type.getElementType();
    std::string typeName;
    llvm::raw_string_ostream(typeName) << elementType;
    DLPackType type = *getDLPackType(elementType);
    auto *shape = getArray(tensor.getShape(), [&](int64_t size) {
      return getI64(ShapedType::isDynamic(size) ? -1 : size);
    });
    return getStruct({getString(tensor.name), getString(typeName), shape,
                      getI32(tensor.getShape().size()),
                      getI32(tensor.getCount()), getI32(tensor.perExpert),
                      getI32(type.code), getI32(type.bits)});
  }

  llvm::Constant *getTensors(ArrayRef<EntryTensor> tensors) {
    return getArray(tensors,
                    [&](const EntryTensor &t) { return getTensor(t); });
  }

  llvm::Constant *getI32(uint32_t value) {
    return llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), value);
  }
  llvm::Constant *getI64(int64_t value) {
    return llvm::ConstantInt::getSigned(llvm::Type::getInt64Ty(context), value);
  }
  llvm::Constant *getStruct(ArrayRef<llvm::Constant *> fields) {
    return llvm::ConstantStruct::getAnon(context, fields);
  }
  llvm::Constant *getString(StringRef text) {
    return getGlobal(llvm::ConstantDataArray::getString(context, text));
  }

  /// The address of an array with one constant for each of `elements`; null for
  /// an empty one.
  template <typename Range, typename Fn>
  llvm::Constant *getArray(const Range &elements, Fn getElement) {
    SmallVector<llvm::Constant *> constants;
    for (const auto &element : elements)
      constants.push_back(getElement(element));
    if (constants.empty())
      return llvm::ConstantPointerNull::get(llvm::PointerType::get(context, 0));
    auto *type =
        llvm::ArrayType::get(constants[0]->getType(), constants.size());
    return getGlobal(llvm::ConstantArray::get(type, constants));
  }

  /// The address of a private constant.
  llvm::Constant *getGlobal(llvm::Constant *value) {
    auto *global = new llvm::GlobalVariable(
        code, value->getType(), /*isConstant=*/true,
        llvm::GlobalValue::PrivateLinkage, value, "moe");
    global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
    return global;
  }

  llvm::Module &code;
  llvm::LLVMContext &context;
  llvm::Constant *cpu;
  llvm::Constant *features;
  size_t numFeatures;
};
} // namespace

static llvm::Error linkSupport(llvm::Module &code) {
  StringRef bytes(reinterpret_cast<const char *>(kSupportBitcode),
                  sizeof(kSupportBitcode));
  auto support = llvm::parseBitcodeFile(
      llvm::MemoryBufferRef(bytes, "entry point support"), code.getContext());
  if (!support)
    return support.takeError();
  (*support)->setTargetTriple(code.getTargetTriple());
  (*support)->setDataLayout(code.getDataLayout());
  if (llvm::Linker::linkModules(code, std::move(*support)))
    return llvm::createStringError(
        "expected a module whose symbols do not start with 'moe_entry'");
  return llvm::Error::success();
}

/// Defines `name`: `implementation` with the entry point as first argument.
static void addWrapper(llvm::Module &code, StringRef name,
                       llvm::Function *implementation, llvm::Constant *entry) {
  llvm::FunctionType *type = implementation->getFunctionType();
  auto *wrapper = llvm::Function::Create(
      llvm::FunctionType::get(type->getReturnType(),
                              type->params().drop_front(),
                              /*isVarArg=*/false),
      llvm::GlobalValue::ExternalLinkage, name, code);
  // Baseline x86-64, as the implementation is: it checks the machine.
  for (StringRef kind : {"target-cpu", "target-features", "tune-cpu"})
    if (implementation->hasFnAttribute(kind))
      wrapper->addFnAttr(implementation->getFnAttribute(kind));
  wrapper->setDoesNotThrow();
  llvm::IRBuilder<> builder(
      llvm::BasicBlock::Create(code.getContext(), "entry", wrapper));
  SmallVector<llvm::Value *> arguments = {entry};
  for (llvm::Argument &argument : wrapper->args())
    arguments.push_back(&argument);
  llvm::CallInst *call = builder.CreateCall(implementation, arguments);
  call->setTailCall();
  builder.CreateRet(call);
}

std::string moe::getUnloadFunctionName(ArrayRef<EntryPoint> entryPoints) {
  return entryPoints.front().name + "__unload";
}

llvm::Error moe::addCFunctions(llvm::Module &code,
                               ArrayRef<EntryPoint> entryPoints, StringRef cpu,
                               ArrayRef<CPUFeature> features) {
  for (const EntryPoint &entry : entryPoints)
    for (StringRef suffix : kSuffixes)
      if (code.getNamedValue((entry.name + suffix).str()))
        return llvm::createStringError("expected no symbol '" + entry.name +
                                       suffix +
                                       "', which is to be a public function");
  if (llvm::Error error = linkSupport(code))
    return error;
  TableBuilder tables(code, cpu, features);
  llvm::StringSet<> isPublic;
  for (const EntryPoint &entry : entryPoints) {
    llvm::Constant *table = tables.getEntryPoint(entry);
    for (StringRef suffix : kSuffixes) {
      std::string name = (entry.name + suffix).str();
      addWrapper(code, name, code.getFunction(("moe_entry" + suffix).str()),
                 table);
      isPublic.insert(name);
    }
  }
  llvm::Function *unload = code.getFunction("moe_entry_unload");
  unload->setName(getUnloadFunctionName(entryPoints));
  unload->setVisibility(llvm::GlobalValue::HiddenVisibility);
  llvm::internalizeModule(code, [&](const llvm::GlobalValue &value) {
    return &value == unload || isPublic.contains(value.getName());
  });
  return llvm::Error::success();
}
