//===- Runtime.cpp - Pointers and threads in emitted code -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Runtime.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"

using namespace mlir;
using namespace mlir::moe;

Value mlir::moe::memrefFromPointer(LoopBuilder &builder, Value pointer,
                                   MemRefType type, ValueRange sizes) {
  Type i64 = builder.getI64Type();
  int64_t rank = type.getRank();
  SmallVector<Type> fields = {pointer.getType(), pointer.getType(), i64};
  if (rank > 0)
    fields.append(2, LLVM::LLVMArrayType::get(i64, rank));
  auto descriptorType =
      LLVM::LLVMStructType::getLiteral(builder.getContext(), fields);
  Value descriptor = LLVM::PoisonOp::create(builder, descriptorType);
  auto insert = [&](Value value, ArrayRef<int64_t> position) {
    descriptor =
        LLVM::InsertValueOp::create(builder, descriptor, value, position);
  };
  auto asI64 = [&](Value value) -> Value {
    return arith::IndexCastOp::create(builder, i64, value);
  };
  insert(pointer, {0});
  insert(pointer, {1});
  insert(asI64(builder.index(0)), {2});

  SmallVector<Value> extents;
  for (int64_t size : type.getShape()) {
    bool isDynamic = ShapedType::isDynamic(size);
    extents.push_back(isDynamic ? sizes.front() : builder.index(size));
    sizes = isDynamic ? sizes.drop_front() : sizes;
  }
  Value stride = builder.index(1);
  for (int64_t d = rank - 1; d >= 0; --d) {
    insert(asI64(extents[d]), {3, d});
    insert(asI64(stride), {4, d});
    stride = builder.mul(stride, extents[d]);
  }
  return UnrealizedConversionCastOp::create(builder, type, descriptor)
      .getResult(0);
}

Value mlir::moe::loadPointer(LoopBuilder &builder, Value array,
                             Value position) {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Value offset =
      arith::IndexCastOp::create(builder, builder.getI64Type(), position);
  Value address = LLVM::GEPOp::create(builder, pointer, pointer, array,
                                      ArrayRef<LLVM::GEPArg>{offset});
  return LLVM::LoadOp::create(builder, pointer, address);
}

/// From the fields of the memref's descriptor.
Value mlir::moe::getAddress(LoopBuilder &builder, Value memory,
                            Value position) {
  auto type = cast<MemRefType>(memory.getType());
  Type i64 = builder.getI64Type();
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  Type array = LLVM::LLVMArrayType::get(i64, 1);
  auto descriptorType = LLVM::LLVMStructType::getLiteral(
      builder.getContext(), {pointer, pointer, i64, array, array});
  Value descriptor =
      UnrealizedConversionCastOp::create(builder, descriptorType, memory)
          .getResult(0);
  auto get = [&](ArrayRef<int64_t> field) -> Value {
    return LLVM::ExtractValueOp::create(builder, descriptor, field);
  };
  Value element = arith::IndexCastOp::create(builder, i64, position);
  element = builder.add(get({2}), builder.mul(element, get({4, 0})));
  return LLVM::GEPOp::create(builder, pointer, type.getElementType(), get({1}),
                             ArrayRef<LLVM::GEPArg>{element});
}

static unsigned getAlignment(Type element) {
  return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

static Value loadAtomic(LoopBuilder &builder, Value memory, Value position,
                        LLVM::AtomicOrdering order) {
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  return LLVM::LoadOp::create(builder, element,
                              getAddress(builder, memory, position),
                              getAlignment(element), /*isVolatile=*/false,
                              /*isNonTemporal=*/false, /*isInvariant=*/false,
                              /*isInvariantGroup=*/false, order);
}

Value mlir::moe::loadRelaxed(LoopBuilder &builder, Value memory,
                             Value position) {
  return loadAtomic(builder, memory, position, LLVM::AtomicOrdering::monotonic);
}

void mlir::moe::storeRelaxed(LoopBuilder &builder, Value value, Value memory,
                             Value position) {
  LLVM::StoreOp::create(builder, value, getAddress(builder, memory, position),
                        getAlignment(value.getType()), /*isVolatile=*/false,
                        /*isNonTemporal=*/false, /*isInvariantGroup=*/false,
                        LLVM::AtomicOrdering::monotonic);
}

/// Calls a function of libc or the OpenMP runtime that returns a number.
static Value callRuntime(LoopBuilder &builder, ModuleOp module, StringRef name,
                         ValueRange arguments = {}) {
  Type i32 = builder.getI32Type();
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    auto type = builder.getFunctionType(arguments.getTypes(), i32);
    func::FuncOp::create(builder, name, type).setPrivate();
  }
  return func::CallOp::create(builder, name, TypeRange(i32), arguments)
      .getResult(0);
}

void mlir::moe::emitWait(LoopBuilder &b, ModuleOp module, Value memory,
                         Value position, Value value) {
  // Some ten microseconds where a pause takes 140 cycles.
  constexpr int64_t maxPauses = 256;
  auto loop = scf::WhileOp::create(b, TypeRange(b.getIndexType()),
                                   ValueRange{b.index(0)});
  OpBuilder::InsertionGuard guard(b);
  Block *before =
      b.createBlock(&loop.getBefore(), {}, b.getIndexType(), b.getLoc());
  Value current =
      loadAtomic(b, memory, position, LLVM::AtomicOrdering::acquire);
  scf::ConditionOp::create(b, b.cmp(arith::CmpIPredicate::ne, current, value),
                           before->getArgument(0));
  Block *after =
      b.createBlock(&loop.getAfter(), {}, b.getIndexType(), b.getLoc());
  Value pauses = after->getArgument(0);
  Value mayPause = b.less(pauses, b.index(maxPauses));
  b.ifElse(
      mayPause,
      [&] {
        LLVM::CallIntrinsicOp::create(b, b.getStringAttr("llvm.x86.sse2.pause"),
                                      ValueRange());
      },
      [&] { callRuntime(b, module, "sched_yield"); });
  scf::YieldOp::create(b, ValueRange{b.add(pauses, 1)});
}

/// The team is LLVM's, so only LLVM's runtime knows its threads. The standard
/// names (omp_get_thread_num) may belong to another runtime of the process:
/// a global scope with PyTorch in it answers them with GNU's. The two here are
/// LLVM's alone; they make nothing of the source location. The bound on the
/// team is the answer that the size of the workspace was computed from,
/// whichever runtime gives it.
void mlir::moe::emitParallel(
    LoopBuilder &builder, ModuleOp module,
    function_ref<void(Value thread, Value numThreads)> body) {
  omp::ParallelOperands clauses;
  clauses.numThreads = callRuntime(builder, module, "omp_get_max_threads");
  auto parallel = omp::ParallelOp::create(builder, clauses);
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&parallel.getRegion());
  Value location = LLVM::ZeroOp::create(
      builder, LLVM::LLVMPointerType::get(builder.getContext()));
  auto ask = [&](StringRef name) {
    return builder.toIndex(callRuntime(builder, module, name, location));
  };
  Value thread = ask("__kmpc_bound_thread_num");
  body(thread, ask("__kmpc_bound_num_threads"));
  omp::TerminatorOp::create(builder);
}

void mlir::moe::emitBarrier(LoopBuilder &builder) {
  omp::BarrierOp::create(builder);
}

void mlir::moe::emitStoreFence(LoopBuilder &builder) {
  LLVM::CallIntrinsicOp::create(
      builder, builder.getStringAttr("llvm.x86.sse.sfence"), ValueRange());
}

/// Linux grants the tile registers (8 KiB more for a thread's state) only to
/// processes that ask, all threads at once: arch_prctl(ARCH_REQ_XCOMP_PERM,
/// XFEATURE_XTILEDATA). Where it refuses, the first tile stops the process with
/// SIGILL, as any instruction does that the machine lacks.
void mlir::moe::emitTilePermission(LoopBuilder &b, ModuleOp module) {
  constexpr StringLiteral name = "moe_tiles_asked";
  MLIRContext *context = b.getContext();
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  if (!module.lookupSymbol(name)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    LLVM::GlobalOp::create(b, i32, /*isConstant=*/false,
                           LLVM::Linkage::Internal, name,
                           b.getI32IntegerAttr(0));
  }
  Value asked =
      LLVM::AddressOfOp::create(b, LLVM::LLVMPointerType::get(context), name);
  // Two callers at the same time may both ask.
  auto order = LLVM::AtomicOrdering::monotonic;
  Value before = LLVM::LoadOp::create(b, i32, asked, /*alignment=*/4,
                                      /*isVolatile=*/false,
                                      /*isNonTemporal=*/false,
                                      /*isInvariant=*/false,
                                      /*isInvariantGroup=*/false, order);
  b.ifThen(b.equal(before, b.i32(0)), [&] {
    auto number = [&](int64_t value) -> Value {
      return LLVM::ConstantOp::create(b, i64, b.getI64IntegerAttr(value));
    };
    constexpr int64_t archPrctl = 158, requestPermission = 0x1023,
                      tileData = 18;
    LLVM::InlineAsmOp::create(
        b, i64,
        ValueRange{number(archPrctl), number(requestPermission),
                   number(tileData)},
        "syscall",
        "={rax},{rax},{rdi},{rsi},~{rcx},~{r11},~{memory},~{dirflag},"
        "~{fpsr},~{flags}",
        /*has_side_effects=*/true, /*is_align_stack=*/false,
        LLVM::TailCallKind::None,
        LLVM::AsmDialectAttr::get(context, LLVM::AsmDialect::AD_ATT),
        /*operand_attrs=*/ArrayAttr());
    LLVM::StoreOp::create(b, b.i32(1), asked, /*alignment=*/4,
                          /*isVolatile=*/false, /*isNonTemporal=*/false,
                          /*isInvariantGroup=*/false, order);
  });
}

func::FuncOp mlir::moe::createInternalFunction(ModuleOp module, Location loc,
                                               StringRef name, TypeRange inputs,
                                               bool isInlined) {
  OpBuilder builder(module.getBodyRegion());
  builder.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(builder, loc, name,
                                       builder.getFunctionType(inputs, {}));
  makeInternal(function, isInlined);
  function.addEntryBlock();
  return function;
}

void mlir::moe::makeInternal(func::FuncOp function, bool isInlined) {
  Builder builder(function.getContext());
  function.setPrivate();
  function->setAttr(
      "llvm.linkage",
      LLVM::LinkageAttr::get(builder.getContext(), LLVM::Linkage::Internal));
  if (!isInlined)
    function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
}
