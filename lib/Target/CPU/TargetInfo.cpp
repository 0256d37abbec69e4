//===- TargetInfo.cpp - x86-64 processors --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/TargetInfo.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"

using namespace mlir::moe;
using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;

constexpr llvm::StringLiteral kTriple = "x86_64-unknown-linux-gnu";

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// The names nearest to `name`, nearest first, at most three.
static SmallVector<StringRef> findNearest(StringRef name,
                                          ArrayRef<StringRef> names) {
  SmallVector<std::pair<unsigned, StringRef>> ranked;
  for (StringRef candidate : names)
    ranked.push_back({name.edit_distance_insensitive(candidate), candidate});
  llvm::sort(ranked);
  SmallVector<StringRef> nearest;
  for (auto &[distance, candidate] : ranked)
    if (nearest.size() < 3 && distance <= std::max<size_t>(name.size() / 2, 2))
      nearest.push_back(candidate);
  return nearest;
}

static llvm::Error makeUnknownCPUError(StringRef name) {
  SmallVector<StringRef> names;
  llvm::X86::fillValidCPUArchList(names, /*Only64Bit=*/true);
  SmallVector<StringRef> nearest = findNearest(name, names);
  if (nearest.empty())
    nearest = {"x86-64-v3", "znver4", "sapphirerapids"};
  return llvm::createStringError(
      "expected 'native' or the name of a 64-bit x86 processor such as '" +
      llvm::join(nearest, "', '") + "', got '" + name + "'");
}

static CPUTarget getHostTarget() {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  SmallVector<std::string> features;
  // Both signs: a virtual machine can hide features of the processor it names.
  for (const auto &feature : host)
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(features);
  return {llvm::sys::getHostCPUName().str(), llvm::join(features, ",")};
}

llvm::Expected<CPUTarget> mlir::moe::resolveCPU(StringRef name) {
  if (name == "native")
    return getHostTarget();
  if (llvm::X86::parseArchX86(name, /*Only64Bit=*/true) == llvm::X86::CK_None)
    return makeUnknownCPUError(name);
  return CPUTarget{name.str(), ""};
}

//===----------------------------------------------------------------------===//
// Code generators
//===----------------------------------------------------------------------===//

static const llvm::Target *getX86() {
  static const llvm::Target *target = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    std::string error;
    return llvm::TargetRegistry::lookupTarget(llvm::Triple(kTriple), error);
  }();
  return target;
}

/// LLVM only warns about features that it does not know.
static llvm::Error checkFeatureNames(StringRef features,
                                     const llvm::MCSubtargetInfo &info) {
  SmallVector<StringRef> parts;
  features.split(parts, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef part : parts) {
    bool known = part.size() > 1 && (part[0] == '+' || part[0] == '-') &&
                 llvm::any_of(info.getAllProcessorFeatures(),
                              [&](const llvm::SubtargetFeatureKV &feature) {
                                return part.drop_front() == feature.Key;
                              });
    if (!known)
      return llvm::createStringError(
          "expected '+' or '-' and the name of an x86 feature, got '" + part +
          "'");
  }
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
mlir::moe::createTargetMachine(const CPUTarget &target, unsigned optLevel) {
  const llvm::Target *x86 = getX86();
  if (!x86)
    return llvm::createStringError("this LLVM has no x86 code generator");
  if (llvm::X86::parseArchX86(target.cpu, /*Only64Bit=*/true) ==
      llvm::X86::CK_None)
    return makeUnknownCPUError(target.cpu);
  std::unique_ptr<llvm::MCSubtargetInfo> info(x86->createMCSubtargetInfo(
      llvm::Triple(kTriple), /*CPU=*/"x86-64", /*Features=*/""));
  if (llvm::Error error = checkFeatureNames(target.features, *info))
    return std::move(error);
  llvm::CodeGenOptLevel level = *llvm::CodeGenOpt::getLevel(optLevel);
  llvm::TargetOptions options;
  options.UseInitArray = true; // Loaders run nothing else.
  return std::unique_ptr<llvm::TargetMachine>(x86->createTargetMachine(
      llvm::Triple(kTriple), target.cpu, target.features, options,
      llvm::Reloc::PIC_, /*CM=*/std::nullopt, level));
}

//===----------------------------------------------------------------------===//
// Features
//===----------------------------------------------------------------------===//

// Registers of CPUID and state bits of XCR0.
enum : uint32_t { EAX, EBX, ECX, EDX };
enum : uint32_t {
  kNone = 0,
  kYmm = 0x6,
  kZmm = 0xe6,
  kTiles = 0x60000,
  kApx = 0x80000
};

// The features whose instructions LLVM chooses by itself or by the intrinsics
// that lowering emits. (Intel, Software Developer's Manual, volume 2, CPUID;
// AMD, Architecture Programmer's Manual, volume 3, appendix E.)
constexpr CPUFeature kFeatures[] = {
    {"sse3", 1, 0, ECX, 0, kNone},
    {"pclmul", 1, 0, ECX, 1, kNone},
    {"ssse3", 1, 0, ECX, 9, kNone},
    {"fma", 1, 0, ECX, 12, kYmm},
    {"cx16", 1, 0, ECX, 13, kNone},
    {"sse4.1", 1, 0, ECX, 19, kNone},
    {"sse4.2", 1, 0, ECX, 20, kNone},
    {"movbe", 1, 0, ECX, 22, kNone},
    {"popcnt", 1, 0, ECX, 23, kNone},
    {"avx", 1, 0, ECX, 28, kYmm},
    {"f16c", 1, 0, ECX, 29, kYmm},
    {"bmi", 7, 0, EBX, 3, kNone},
    {"avx2", 7, 0, EBX, 5, kYmm},
    {"bmi2", 7, 0, EBX, 8, kNone},
    {"avx512f", 7, 0, EBX, 16, kZmm},
    {"avx512dq", 7, 0, EBX, 17, kZmm},
    {"avx512ifma", 7, 0, EBX, 21, kZmm},
    {"avx512cd", 7, 0, EBX, 28, kZmm},
    {"avx512bw", 7, 0, EBX, 30, kZmm},
    {"avx512vl", 7, 0, EBX, 31, kZmm},
    {"avx512vbmi", 7, 0, ECX, 1, kZmm},
    {"avx512vbmi2", 7, 0, ECX, 6, kZmm},
    {"gfni", 7, 0, ECX, 8, kNone},
    {"vpclmulqdq", 7, 0, ECX, 10, kYmm},
    {"avx512vnni", 7, 0, ECX, 11, kZmm},
    {"avx512bitalg", 7, 0, ECX, 12, kZmm},
    {"avx512vpopcntdq", 7, 0, ECX, 14, kZmm},
    {"avx512vp2intersect", 7, 0, EDX, 8, kZmm},
    {"amx-bf16", 7, 0, EDX, 22, kTiles},
    {"avx512fp16", 7, 0, EDX, 23, kZmm},
    {"amx-tile", 7, 0, EDX, 24, kTiles},
    {"amx-int8", 7, 0, EDX, 25, kTiles},
    {"avxvnni", 7, 1, EAX, 4, kYmm},
    {"avx512bf16", 7, 1, EAX, 5, kZmm},
    {"amx-fp16", 7, 1, EAX, 21, kTiles},
    {"avxifma", 7, 1, EAX, 23, kYmm},
    {"avxvnniint8", 7, 1, EDX, 4, kYmm},
    {"avxneconvert", 7, 1, EDX, 5, kYmm},
    {"avxvnniint16", 7, 1, EDX, 10, kYmm},
    {"avx10.1", 7, 1, EDX, 19, kZmm},
    {"egpr", 7, 1, EDX, 21, kApx},
    {"sahf", 0x80000001, 0, ECX, 0, kNone},
    {"lzcnt", 0x80000001, 0, ECX, 5, kNone},
    {"sse4a", 0x80000001, 0, ECX, 6, kNone},
    {"xop", 0x80000001, 0, ECX, 11, kYmm},
    {"fma4", 0x80000001, 0, ECX, 16, kYmm},
    {"tbm", 0x80000001, 0, ECX, 21, kNone},
};

SmallVector<CPUFeature>
mlir::moe::getRequiredFeatures(const llvm::TargetMachine &machine) {
  const llvm::MCSubtargetInfo &info = *machine.getMCSubtargetInfo();
  llvm::StringSet<> enabled;
  for (const llvm::SubtargetFeatureKV &feature : info.getAllProcessorFeatures())
    if (info.hasFeature(feature.Value))
      enabled.insert(feature.Key);
  SmallVector<CPUFeature> required;
  for (const CPUFeature &feature : kFeatures)
    if (enabled.contains(feature.name))
      required.push_back(feature);
  return required;
}

SmallVector<StringRef>
mlir::moe::getMissingFeatures(const llvm::TargetMachine &machine) {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  SmallVector<StringRef> missing;
  for (const CPUFeature &feature : getRequiredFeatures(machine))
    if (!host.lookup(feature.name))
      missing.push_back(feature.name);
  return missing;
}
