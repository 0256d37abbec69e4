//===- ThreadSanitizer.cpp - Races in generated code ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ThreadSanitizer.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/IntrinsicsX86.h"
#include "llvm/Transforms/Instrumentation/ThreadSanitizer.h"

using namespace mlir::moe;

namespace {

/// Tells the runtime of the accesses that LLVM's pass and the runtime leave
/// out: the pass those of other sizes than 1, 2, 4, 8 and 16 bytes, such as
/// vectors of AVX2 and AVX-512, and tiles of AMX; the runtime what is copied or
/// set, since the option ignore_noninstrumented_modules takes every module on
/// Linux for one that is not instrumented.
class RangePass : public llvm::PassInfoMixin<RangePass> {
public:
  llvm::PreservedAnalyses run(llvm::Function &function,
                              llvm::FunctionAnalysisManager &);
  static bool isRequired() { return true; }
};

} // namespace

static bool isSizeOfPass(llvm::TypeSize bits) {
  for (unsigned size : {8, 16, 32, 64, 128})
    if (bits == llvm::TypeSize::getFixed(size))
      return true;
  return false;
}

/// Calls `__tsan_read_range` or `__tsan_write_range` at `builder`.
static void addCall(llvm::IRBuilder<> &builder, bool isWrite,
                    llvm::Value *address, llvm::Value *size) {
  llvm::Type *i64 = builder.getInt64Ty();
  llvm::FunctionCallee callee =
      builder.GetInsertBlock()->getModule()->getOrInsertFunction(
          isWrite ? "__tsan_write_range" : "__tsan_read_range",
          builder.getVoidTy(), builder.getPtrTy(), i64);
  builder.CreateCall(callee, {address, builder.CreateZExtOrTrunc(size, i64)});
}

/// A call for each row of a tile: rows, bytes of a row, address and stride are
/// the first operands of all its loads and stores.
static void addTileCalls(llvm::IRBuilder<> &builder,
                         const llvm::IntrinsicInst &access, bool isWrite) {
  auto *rows = llvm::dyn_cast<llvm::ConstantInt>(access.getArgOperand(0));
  if (!rows)
    return;
  for (uint64_t row = 0; row < rows->getZExtValue(); ++row) {
    llvm::Value *offset =
        builder.CreateMul(access.getArgOperand(3), builder.getInt64(row));
    addCall(builder, isWrite,
            builder.CreatePtrAdd(access.getArgOperand(2), offset),
            access.getArgOperand(1));
  }
}

static void addCalls(llvm::Instruction &instruction) {
  llvm::IRBuilder<> builder(&instruction);
  if (auto *transfer = llvm::dyn_cast<llvm::AnyMemTransferInst>(&instruction))
    addCall(builder, /*isWrite=*/false, transfer->getRawSource(),
            transfer->getLength());
  if (auto *memory = llvm::dyn_cast<llvm::AnyMemIntrinsic>(&instruction))
    return addCall(builder, /*isWrite=*/true, memory->getRawDest(),
                   memory->getLength());
  if (auto *intrinsic = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction)) {
    llvm::Intrinsic::ID id = intrinsic->getIntrinsicID();
    if (id == llvm::Intrinsic::x86_tileloadd64_internal ||
        id == llvm::Intrinsic::x86_tileloaddt164_internal ||
        id == llvm::Intrinsic::x86_tilestored64_internal)
      addTileCalls(builder, *intrinsic,
                   id == llvm::Intrinsic::x86_tilestored64_internal);
    return;
  }
  llvm::Value *address = llvm::getLoadStorePointerOperand(&instruction);
  if (!address)
    return;
  llvm::TypeSize bits = instruction.getDataLayout().getTypeStoreSizeInBits(
      llvm::getLoadStoreType(&instruction));
  if (!isSizeOfPass(bits))
    addCall(builder, llvm::isa<llvm::StoreInst>(instruction), address,
            builder.getInt64(bits.getFixedValue() / 8));
}

llvm::PreservedAnalyses RangePass::run(llvm::Function &function,
                                       llvm::FunctionAnalysisManager &) {
  for (llvm::Instruction &instruction :
       llvm::make_early_inc_range(llvm::instructions(function)))
    addCalls(instruction);
  return llvm::PreservedAnalyses::none();
}

void mlir::moe::setThreadSanitizerAttributes(llvm::Module &code) {
  for (llvm::Function &function : code)
    if (!function.isDeclaration())
      function.addFnAttr(llvm::Attribute::SanitizeThread);
}

void mlir::moe::addThreadSanitizerPasses(llvm::PassBuilder &builder) {
  builder.registerOptimizerLastEPCallback([](llvm::ModulePassManager &passes,
                                             llvm::OptimizationLevel,
                                             llvm::ThinOrFullLTOPhase) {
    llvm::FunctionPassManager functions;
    functions.addPass(RangePass());
    functions.addPass(llvm::ThreadSanitizerPass());
    passes.addPass(
        llvm::createModuleToFunctionPassAdaptor(std::move(functions)));
    passes.addPass(llvm::ModuleThreadSanitizerPass());
  });
}
