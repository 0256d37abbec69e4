//===- JITTest.cpp - Tests of compiled layers in this process -===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/JIT.h"

#include "TestModule.h"
#include "moe/Target/CPU/AlignedMemory.h"
#include "moe/Target/CPU/CompiledModule.h"
#include "moe/Target/CPU/OpenMP.h"

#include "gmock/gmock.h"
#include <thread>

using namespace mlir;
using namespace mlir::moe;
using namespace mlir::moe::test;
using testing::HasSubstr;

namespace {
/// A DLTensor over elements that the test owns.
struct TestTensor {
  std::vector<float> values;
  std::vector<int64_t> shape;

  DLTensor get() {
    DLTensor tensor = {};
    tensor.data = values.data();
    tensor.device = {kDLCPU, 0};
    tensor.ndim = static_cast<int>(shape.size());
    tensor.dtype = {kDLFloat, 32, 1};
    tensor.shape = shape.data();
    return tensor;
  }
};

/// The layer of affine.mlir, with parameters and room for its buffers.
class JITTest : public ModuleTest {
protected:
  void SetUp() override {
    OwningOpRef<ModuleOp> module =
        parseAffine({{"\"x86-64-v3\"", "\"x86-64\""}});
    auto compiled = JIT::create(*module);
    ASSERT_TRUE(succeeded(compiled)) << messages;
    jit = std::move(*compiled);
    auto function = jit->lookup("affine");
    ASSERT_TRUE(bool(function)) << llvm::toString(function.takeError());
    layer = *function;
    packed = allocate(layer.getPackedSize());
    workspace = allocateWorkspace(64);
    params = {scale.get(), bias0.get(), bias1.get()};
  }

  static AlignedMemory allocate(size_t size) {
    return llvm::cantFail(AlignedMemory::allocate(size));
  }
  AlignedMemory allocateWorkspace(int64_t tokens) {
    return allocate(llvm::cantFail(layer.getWorkspaceSize(tokens)));
  }

  std::string pack() {
    return llvm::toString(layer.pack(params, packed.getData()));
  }
  std::string run(DLTensor x, DLTensor y) {
    return llvm::toString(
        layer.run(x, packed.getData(), y, workspace.getData()));
  }

  /// x of `tokens` rows with values that all differ, and what y has to be.
  static TestTensor makeInput(int64_t tokens) {
    TestTensor x{{}, {tokens, 4}};
    for (int64_t i = 0; i < tokens * 4; ++i)
      x.values.push_back(static_cast<float>(i));
    return x;
  }
  std::vector<float> getExpected(const TestTensor &x) {
    std::vector<float> expected;
    for (size_t i = 0; i < x.values.size(); ++i)
      expected.push_back(x.values[i] * scale.values[i % 4] +
                         (bias0.values[i % 4] + bias1.values[i % 4]));
    return expected;
  }

  TestTensor scale{{2, 3, 4, 5}, {4}};
  TestTensor bias0{{10, 20, 30, 40}, {4}}, bias1{{0.5, 0.25, 0, -1}, {4}};
  std::vector<DLTensor> params;
  std::unique_ptr<JIT> jit;
  JITFunction layer;
  AlignedMemory packed, workspace;
};
} // namespace

//===----------------------------------------------------------------------===//
// What works
//===----------------------------------------------------------------------===//

TEST_F(JITTest, RunsForAnyTokenCount) {
  EXPECT_EQ(layer.getPackedSize(), 48u);
  ASSERT_EQ(pack(), "");
  // Small integers and quarters: every result is exact.
  for (int64_t tokens : {0, 1, 2, 7, 33, 129}) {
    TestTensor x = makeInput(tokens);
    TestTensor y{std::vector<float>(tokens * 4, -7), {tokens, 4}};
    ASSERT_EQ(run(x.get(), y.get()), "") << tokens;
    EXPECT_EQ(y.values, getExpected(x)) << tokens;
  }
}

TEST_F(JITTest, HonoursByteOffsetAndStrides) {
  ASSERT_EQ(pack(), "");
  TestTensor x = makeInput(3), y{std::vector<float>(12), {3, 4}};
  TestTensor shifted{{99, 99}, {3, 4}};
  shifted.values.insert(shifted.values.end(), x.values.begin(), x.values.end());
  DLTensor input = shifted.get();
  input.byte_offset = 8;
  int64_t strides[] = {4, 1};
  input.strides = strides;
  ASSERT_EQ(run(input, y.get()), "");
  EXPECT_EQ(y.values, getExpected(x));
  // The stride of a dimension of 1 says nothing, nor do strides of no elements.
  for (int64_t tokens : {1, 0}) {
    DLTensor few = shifted.get(), result = y.get();
    int64_t shape[] = {tokens, 4}, odd[] = {1234, 1};
    few.shape = result.shape = shape;
    few.strides = odd;
    EXPECT_EQ(run(few, result), "") << tokens;
  }
}

TEST_F(JITTest, NoTokensNeedNoMemory) {
  ASSERT_EQ(pack(), "");
  TestTensor x = makeInput(0), y{{}, {0, 4}};
  DLTensor input = x.get(), output = y.get();
  input.data = output.data = nullptr;
  EXPECT_EQ(run(input, output), "");
}

TEST_F(JITTest, WorkspaceGrowsWithThreads) {
  const OpenMPRuntime *openMP = llvm::cantFail(OpenMPRuntime::get());
  int before = openMP->getMaxThreads();
  for (int threads : {1, 3}) {
    openMP->setNumThreads(threads);
    EXPECT_EQ(llvm::cantFail(layer.getWorkspaceSize(0)), 64u + 64 * threads);
  }
  openMP->setNumThreads(before);
}

TEST_F(JITTest, ConcurrentRuns) {
  ASSERT_EQ(pack(), "");
  TestTensor x = makeInput(50);
  std::vector<float> expected = getExpected(x);
  std::vector<TestTensor> outputs(4, {std::vector<float>(200), {50, 4}});
  std::vector<int> mismatches(4);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      AlignedMemory own = allocateWorkspace(50);
      for (int repeat = 0; repeat < 100; ++repeat) {
        DLTensor output = outputs[i].get();
        llvm::Error error =
            layer.run(x.get(), packed.getData(), output, own.getData());
        mismatches[i] += bool(error) || outputs[i].values != expected;
        llvm::consumeError(std::move(error));
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(mismatches, std::vector<int>(4));
}

TEST_F(JITTest, ErrorsArePerThread) {
  packed = AlignedMemory();
  std::string here = pack(), there;
  std::thread([&] {
    there = llvm::toString(layer.getWorkspaceSize(-1).takeError());
  }).join();
  EXPECT_THAT(here, HasSubstr("expected a packed buffer"));
  EXPECT_THAT(there, HasSubstr("expected 0 to 1073741823 tokens, got -1"));
}

TEST_F(JITTest, UnknownEntryPoint) {
  auto function = jit->lookup("linear");
  ASSERT_FALSE(bool(function));
  EXPECT_EQ(llvm::toString(function.takeError()),
            "expected the name of an entry point ('affine'), got 'linear'");
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

TEST_F(JITTest, CountsParameters) {
  params.pop_back();
  EXPECT_EQ(pack(), "affine_pack: expected 3 parameter tensors, got 2");
}

TEST_F(JITTest, NamesTheExpert) {
  int64_t five = 5;
  params[2].shape = &five;
  EXPECT_EQ(pack(), "affine_pack: parameter 'layer.experts.1.bias': expected "
                    "shape 4, got 5");
}

TEST_F(JITTest, PackedBuffer) {
  EXPECT_THAT(
      llvm::toString(layer.pack(params, nullptr)),
      HasSubstr("affine_pack: expected a packed buffer of 48 bytes, got "
                "a null pointer"));
  char *odd = static_cast<char *>(packed.getData()) + 32;
  EXPECT_THAT(llvm::toString(layer.pack(params, odd)),
              HasSubstr("affine_pack: expected a packed buffer aligned to 64 "
                        "bytes, got address 0x"));
}

//===----------------------------------------------------------------------===//
// Inputs and outputs
//===----------------------------------------------------------------------===//

namespace {
/// Calls with 3 tokens that have one thing wrong.
class JITErrorTest : public JITTest {
protected:
  void SetUp() override {
    JITTest::SetUp();
    ASSERT_EQ(pack(), "");
    input = x.get();
    output = y.get();
  }

  std::string run() { return JITTest::run(input, output); }

  TestTensor x = makeInput(3), y{std::vector<float>(12), {3, 4}};
  DLTensor input, output;
};
} // namespace

TEST_F(JITErrorTest, Counts) {
  EXPECT_EQ(llvm::toString(
                layer.run({}, packed.getData(), output, workspace.getData())),
            "affine_run: expected 1 input tensors, got 0");
  DLTensor outputs[] = {output, output};
  EXPECT_EQ(llvm::toString(layer.run(input, packed.getData(), outputs,
                                     workspace.getData())),
            "affine_run: expected 1 output tensors, got 2");
  EXPECT_EQ(
      llvm::toString(layer.run(ArrayRef<DLTensor>(nullptr, 1), packed.getData(),
                               output, workspace.getData())),
      "affine_run: expected 1 input tensors, got a null pointer");
}

TEST_F(JITErrorTest, Shapes) {
  input.ndim = 3;
  EXPECT_EQ(run(), "affine_run: input 'x': expected rank 2 (Tx4), got rank 3");
  input.ndim = 2;
  input.shape = nullptr;
  EXPECT_EQ(run(), "affine_run: input 'x': expected a shape, got a null "
                   "pointer");
  int64_t wide[] = {3, 5}, negative[] = {-2, 4};
  input.shape = wide;
  EXPECT_EQ(run(), "affine_run: input 'x': expected shape Tx4, got 3x5");
  input.shape = negative;
  EXPECT_EQ(run(), "affine_run: input 'x': expected shape Tx4, got -2x4");
  // -1 is how tables write T: it must not pass for a size.
  negative[0] = -1;
  EXPECT_EQ(run(), "affine_run: input 'x': expected shape Tx4, got -1x4");
}

TEST_F(JITErrorTest, TokenCounts) {
  int64_t fewer[] = {2, 4}, many[] = {int64_t(1) << 30, 4};
  output.shape = fewer;
  EXPECT_EQ(run(), "affine_run: output 'y': expected 3 tokens as input 'x' "
                   "has, got 2");
  input.shape = many;
  EXPECT_EQ(run(), "affine_run: input 'x': expected at most 1073741823 tokens, "
                   "got 1073741824");
}

TEST_F(JITErrorTest, ElementTypes) {
  auto runWith = [&](uint8_t code, uint8_t bits, uint16_t lanes) {
    input.dtype = {code, bits, lanes};
    return run();
  };
  std::string start = "affine_run: input 'x': expected element type f32, got ";
  EXPECT_EQ(runWith(kDLBfloat, 16, 1), start + "bf16");
  EXPECT_EQ(runWith(kDLFloat, 64, 1), start + "f64");
  EXPECT_EQ(runWith(kDLInt, 32, 1), start + "i32");
  EXPECT_EQ(runWith(kDLUInt, 8, 1), start + "ui8");
  EXPECT_EQ(runWith(kDLFloat, 32, 4), start + "f32, several lanes");
  EXPECT_EQ(runWith(200, 32, 1), start + "type code 200 of 32 bits");
}

TEST_F(JITErrorTest, Memory) {
  input.device.device_type = kDLCUDA;
  EXPECT_EQ(run(), "affine_run: input 'x': expected memory of the CPU (device "
                   "type 1), got device type 2");
  input = x.get();
  input.data = nullptr;
  EXPECT_EQ(run(), "affine_run: input 'x': expected elements, got a null "
                   "pointer");
  input = x.get();
  input.byte_offset = 2;
  EXPECT_THAT(run(), HasSubstr("affine_run: input 'x': expected elements "
                               "aligned to 4 bytes, got address 0x"));
  input = x.get();
  int64_t strides[] = {8, 1};
  input.strides = strides;
  EXPECT_EQ(run(), "affine_run: input 'x': expected contiguous row-major "
                   "elements, got strides 8x1");
}

TEST_F(JITErrorTest, Overlap) {
  output.data = x.values.data();
  EXPECT_EQ(run(), "affine_run: output 'y': expected memory of its own, got "
                   "that of input 'x'");
  // One element in common.
  TestTensor both{std::vector<float>(23), {3, 4}};
  input.data = both.values.data();
  output.data = both.values.data() + 11;
  EXPECT_THAT(run(), HasSubstr("expected memory of its own"));
}

TEST_F(JITErrorTest, Buffers) {
  auto runWith = [&](void *packedAt, void *workspaceAt) {
    return llvm::toString(layer.run(input, packedAt, output, workspaceAt));
  };
  EXPECT_EQ(runWith(nullptr, workspace.getData()),
            "affine_run: expected a packed buffer of 48 bytes, got a null "
            "pointer");
  EXPECT_THAT(runWith(packed.getData(), nullptr),
              HasSubstr("affine_run: expected a workspace buffer of "));
  char *odd = static_cast<char *>(workspace.getData()) + 1;
  EXPECT_THAT(runWith(packed.getData(), odd),
              HasSubstr("affine_run: expected a workspace buffer aligned to 64 "
                        "bytes, got address 0x"));
}

//===----------------------------------------------------------------------===//
// Modules that do not become code
//===----------------------------------------------------------------------===//

namespace {
class CompileTest : public ModuleTest {
protected:
  std::string getMessage(StringRef from, StringRef to) {
    messages.clear();
    OwningOpRef<ModuleOp> module = parseAffine({{from, to}});
    EXPECT_TRUE(failed(JIT::create(*module)));
    return messages;
  }
};
} // namespace

TEST_F(CompileTest, SaysWhatIsWrong) {
  EXPECT_EQ(getMessage("moe.target_cpu", "moe.other"),
            "expected 'moe.target_cpu', a string, on a module to compile\n");
  EXPECT_THAT(getMessage("x86-64-v3", "z80"), HasSubstr("got 'z80'"));
  EXPECT_THAT(getMessage("moe.target_features = \"\"",
                         "moe.target_features = \"+warp\""),
              HasSubstr("got '+warp'"));
  EXPECT_THAT(getMessage("llvm.func @omp_get_thread_num",
                         "llvm.func @affine_run()\n"
                         "  llvm.func @omp_get_thread_num"),
              HasSubstr("expected no symbol 'affine_run', which is to be a "
                        "public function"));
  EXPECT_THAT(getMessage("llvm.func @omp_get_thread_num",
                         "llvm.func @moe_entry_pack() { llvm.return }\n"
                         "  llvm.func @omp_get_thread_num"),
              HasSubstr("expected a module whose symbols do not start with "
                        "'moe_entry'"));
}

TEST_F(CompileTest, ForeignSymbols) {
  OwningOpRef<ModuleOp> module = parseAffine(
      {{"llvm.func @omp_get_thread_num",
        "llvm.func @cblas_sgemm()\n  llvm.func @omp_get_thread_num"},
       {"%size = llvm.mlir.constant",
        "llvm.call @cblas_sgemm() : () -> ()\n    %size = "
        "llvm.mlir.constant"}});
  EXPECT_TRUE(failed(JIT::create(*module)));
  EXPECT_EQ(messages, "expected code that needs libc, libm and the OpenMP "
                      "runtime alone, got a use of 'cblas_sgemm'\n");
}

TEST_F(CompileTest, CodeForAnotherMachine) {
  // No machine has all of these.
  EXPECT_THAT(
      getMessage("moe.target_features = \"\"",
                 "moe.target_features = \"+xop,+amx-tile\""),
      HasSubstr("expected a machine with the features of 'x86-64-v3' to run "
                "this code on, got one without "));
}
