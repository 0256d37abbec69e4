//===- EntryPointTest.cpp - Tests of the description of entry points -===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/EntryPoint.h"

#include "TestModule.h"

#include "mlir/AsmParser/AsmParser.h"

using namespace mlir;
using namespace mlir::moe;
using namespace mlir::moe::test;

namespace {
class EntryPointTest : public ModuleTest {
protected:
  /// What is said about affine.mlir after the change.
  std::string getMessage(StringRef from, StringRef to) {
    messages.clear();
    OwningOpRef<ModuleOp> module = parseAffine({{from, to}});
    EXPECT_TRUE(failed(moe::getEntryPoints(*module)));
    return messages;
  }
};
} // namespace

TEST_F(EntryPointTest, ReadsAll) {
  OwningOpRef<ModuleOp> module = parseAffine();
  auto entries = moe::getEntryPoints(*module);
  ASSERT_TRUE(succeeded(entries)) << messages;
  ASSERT_EQ(entries->size(), 1u);
  const EntryPoint &entry = entries->front();
  EXPECT_EQ(entry.name, "affine");
  EXPECT_EQ(entry.packedSize, 48);
  EXPECT_EQ(entry.workspaceFixed, 64);
  EXPECT_EQ(entry.workspacePerToken, 0);
  EXPECT_EQ(entry.workspacePerThread, 64);
  EXPECT_EQ(entry.getMaxTokens(), (int64_t(1) << 30) - 1);
  EXPECT_EQ(entry.getNumParamTensors(), 3);
  ASSERT_EQ(entry.params.size(), 2u);
  EXPECT_FALSE(entry.params[0].perExpert);
  EXPECT_TRUE(entry.params[1].perExpert);
  EXPECT_EQ(entry.params[1].getCount(), 2);
  EXPECT_EQ(entry.params[1].getShape(), ArrayRef<int64_t>({4}));
}

TEST_F(EntryPointTest, ElementTypes) {
  auto check = [&](StringRef type, int code, int bits) {
    std::optional<DLPackType> dlpack = getDLPackType(parseType(type, &context));
    ASSERT_TRUE(dlpack) << type.str();
    EXPECT_EQ(dlpack->code, code) << type.str();
    EXPECT_EQ(dlpack->bits, bits) << type.str();
  };
  check("f64", 2, 64);
  check("f32", 2, 32);
  check("f16", 2, 16);
  check("bf16", 4, 16);
  check("i32", 0, 32);
  check("ui8", 1, 8);
  check("si64", 0, 64);
  check("i1", 6, 8);
  check("f8E4M3FN", 10, 8);
  check("f8E5M2", 12, 8);
  EXPECT_FALSE(getDLPackType(parseType("i7", &context)));
  EXPECT_FALSE(getDLPackType(parseType("index", &context)));
  EXPECT_FALSE(getDLPackType(parseType("f8E4M3FNUZ", &context)));
}

TEST_F(EntryPointTest, SaysWhatIsWrong) {
  EXPECT_EQ(
      getMessage("moe.entry_points", "moe.other"),
      "expected 'moe.entry_points', an array of dictionaries, on a module "
      "to compile\n");
  EXPECT_EQ(getMessage("moe.entry_points = [", "moe.entry_points = [1 : i64, "),
            "expected a dictionary in 'moe.entry_points', got 1 : i64\n");
  EXPECT_EQ(getMessage("name = \"affine\"", "name = 3 : i64"),
            "entry point expected a string as 'name'\n");
  EXPECT_EQ(getMessage("name = \"affine\"", "name = \"a-b\""),
            "entry point expected a C identifier as name, got \"a-b\"\n");
  EXPECT_EQ(getMessage("name = \"affine\"", "name = \"other\""),
            "entry point 'other': expected a function 'other__pack' of type "
            "'!llvm.func<void (ptr, ptr)>' in the llvm dialect\n");
  // Declared only, and with other arguments.
  messages.clear();
  OwningOpRef<ModuleOp> module = parse(R"(module attributes {
    moe.entry_points = [{name = "f", inputs = [], params = [], outputs = [],
      packed_size = 0 : i64, workspace_fixed = 0 : i64,
      workspace_per_token = 0 : i64}]} {
    llvm.func @f__pack(!llvm.ptr, !llvm.ptr)
  })");
  EXPECT_TRUE(failed(moe::getEntryPoints(*module)));
  EXPECT_NE(messages.find("expected a function 'f__pack'"), std::string::npos);
}

TEST_F(EntryPointTest, SaysWhatIsWrongWithTensors) {
  EXPECT_EQ(getMessage("inputs = [", "ins = ["),
            "entry point 'affine': expected an array as 'inputs'\n");
  EXPECT_EQ(getMessage("name = \"x\"", "nome = \"x\""),
            "entry point 'affine': inputs[0]: expected a dictionary with a "
            "string as 'name' and a ranked tensor as 'type'\n");
  EXPECT_EQ(getMessage("tensor<?x4xf32>", "tensor<?x4xindex>"),
            "entry point 'affine': inputs[0]: expected an element type that "
            "DLPack has, got 'index'\n");
  EXPECT_EQ(getMessage("type = tensor<4xf32>", "type = tensor<?xf32>"),
            "entry point 'affine': params[0]: expected a static shape, got "
            "'tensor<?xf32>'\n");
  EXPECT_EQ(
      getMessage("experts.*.bias", "experts.bias"),
      "entry point 'affine': params[1]: expected a parameter with experts "
      "as its leading dimension and one '*' in its name where "
      "'per_expert' is set\n");
  std::string many;
  for (int i = 0; i < 64; ++i)
    many += "{name = \"m\", type = tensor<f32>}, ";
  EXPECT_EQ(getMessage("inputs = [", "inputs = [" + many),
            "entry point 'affine': expected at most 64 inputs and outputs, got "
            "66\n");
}

TEST_F(EntryPointTest, SaysWhatIsWrongWithSizes) {
  EXPECT_EQ(getMessage("packed_size = 48", "packed_size = -1"),
            "entry point 'affine': expected a non-negative i64 as "
            "'packed_size'\n");
  EXPECT_EQ(getMessage("workspace_fixed = 64 : i64,", ""),
            "entry point 'affine': expected a non-negative i64 as "
            "'workspace_fixed'\n");
  EXPECT_EQ(getMessage("top_k = 2", "top_k = 0"),
            "entry point 'affine': expected 'top_k' of at least 1, got 0\n");
}

TEST_F(EntryPointTest, NamesDiffer) {
  OwningOpRef<ModuleOp> module = parseAffine();
  auto array = (*module)->getAttrOfType<ArrayAttr>("moe.entry_points");
  (*module)->setAttr("moe.entry_points",
                     ArrayAttr::get(&context, {array[0], array[0]}));
  EXPECT_TRUE(failed(moe::getEntryPoints(*module)));
  EXPECT_EQ(messages, "expected entry points of different names, got two "
                      "called 'affine'\n");
}
