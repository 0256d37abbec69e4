//===- CheckpointTest.cpp - Tests of a model's weights by name ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Single files, folders and shards, tensors of experts, and every message.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/Checkpoint.h"
#include "TestSupport.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace mlir::moe;
using namespace mlir::moe::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

/// A 2 x 3 f32 tensor filled with `value`.
Tensor makeTensor(double value) {
  Tensor tensor = Tensor::zeros(ElementType::f32, {2, 3});
  for (int64_t i = 0; i < 6; ++i)
    tensor.set(i, value);
  return tensor;
}

void writeOrFail(llvm::StringRef path, llvm::ArrayRef<NamedTensor> tensors) {
  EXPECT_EQ(getMessage(writeSafetensors(path, tensors)), "");
}

Checkpoint openOrFail(llvm::StringRef path) {
  auto checkpoint = Checkpoint::open(path);
  if (checkpoint)
    return std::move(*checkpoint);
  ADD_FAILURE() << getMessage(checkpoint.takeError());
  exit(1);
}

/// A folder with two shards of `mlp.experts.N.w`, N from 0 to 11, and a router.
class ShardedCheckpoint : public testing::Test {
protected:
  void SetUp() override {
    std::vector<NamedTensor> shards[2];
    std::string map;
    for (int expert = 0; expert < 12; ++expert) {
      std::string name = "mlp.experts." + std::to_string(expert) + ".w";
      shards[expert % 2].push_back({name, makeTensor(expert)});
      map += "\"" + name + "\":\"shard" + std::to_string(expert % 2) + "\",";
    }
    shards[0].push_back({"mlp.gate.weight", makeTensor(100)});
    for (int i = 0; i < 2; ++i)
      writeOrFail(folder.file("shard" + std::to_string(i)), shards[i]);
    folder.write("model.safetensors.index.json",
                 R"({"metadata":{"total_size":312},"weight_map":{)" + map +
                     R"("mlp.gate.weight":"shard0","lost":"shard1",)" +
                     R"("far":"shard7"}})");
  }

  TemporaryFolder folder;
};

TEST(Checkpoint, OneFileOrAFolderWithOne) {
  TemporaryFolder folder;
  std::string path = folder.file("model.safetensors");
  writeOrFail(path, {{"b", makeTensor(2)}, {"a", makeTensor(1)}});
  for (const std::string &where : {path, folder.getPath()}) {
    Checkpoint checkpoint = openOrFail(where);
    EXPECT_THAT(checkpoint.getNames(), ElementsAre("a", "b"));
    EXPECT_TRUE(checkpoint.contains("a"));
    EXPECT_FALSE(checkpoint.contains("c"));
    EXPECT_EQ(llvm::cantFail(checkpoint.get("b")).get(5), 2);
  }
}

TEST_F(ShardedCheckpoint, FindsTensorsInTheirShards) {
  Checkpoint checkpoint = openOrFail(folder.getPath());
  EXPECT_EQ(checkpoint.getNames().size(), 15u);
  EXPECT_EQ(llvm::cantFail(checkpoint.get("mlp.gate.weight")).get(0), 100);
}

TEST_F(ShardedCheckpoint, ExpertsComeInNumericOrder) {
  Checkpoint checkpoint = openOrFail(folder.getPath());
  auto experts = checkpoint.getExperts("mlp.experts.*.w", 12);
  ASSERT_TRUE(bool(experts)) << getMessage(experts.takeError());
  ASSERT_EQ(experts->size(), 12u);
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ((*experts)[i].get(0), i);
}

TEST_F(ShardedCheckpoint, TensorsOutliveTheCheckpoint) {
  Tensor tensor;
  {
    Checkpoint checkpoint = openOrFail(folder.getPath());
    tensor = llvm::cantFail(checkpoint.get("mlp.experts.7.w"));
  }
  EXPECT_EQ(tensor.get(0), 7);
}

TEST_F(ShardedCheckpoint, MissingTensorsAndShards) {
  Checkpoint checkpoint = openOrFail(folder.getPath());
  EXPECT_EQ(getMessage(checkpoint.get("mlp.gate.weigth")),
            folder.getPath() +
                ": no tensor 'mlp.gate.weigth'; the nearest names are "
                "'mlp.gate.weight', 'mlp.experts.0.w', 'mlp.experts.1.w'");
  EXPECT_EQ(getMessage(checkpoint.get("lost")),
            folder.file("shard1") +
                ": expected tensor 'lost', which the index places here, got "
                "none");
  EXPECT_EQ(getMessage(checkpoint.get("far")),
            "cannot open '" + folder.file("shard7") +
                "': No such file or directory");
  // A shard that failed to open fails again.
  EXPECT_THAT(getMessage(checkpoint.get("far")), HasSubstr("cannot open"));
}

TEST_F(ShardedCheckpoint, WrongShapeAndType) {
  Checkpoint checkpoint = openOrFail(folder.getPath());
  TensorSpec spec;
  spec.type = ElementType::f32;
  spec.shape = {2, -1};
  EXPECT_TRUE(bool(checkpoint.get("mlp.gate.weight", spec)));
  spec.shape = {-1, 4};
  EXPECT_EQ(getMessage(checkpoint.get("mlp.gate.weight", spec)),
            folder.file("shard0") +
                ": tensor 'mlp.gate.weight': expected shape ?x4, got 2x3");
  spec.shape = {6};
  EXPECT_EQ(getMessage(checkpoint.getExperts("mlp.experts.*.w", 12, spec)),
            folder.file("shard0") +
                ": tensor 'mlp.experts.0.w': expected shape 6, got 2x3");
  spec.shape.emplace();
  EXPECT_THAT(getMessage(checkpoint.get("mlp.gate.weight", spec)),
              HasSubstr("expected shape scalar, got 2x3"));
  spec.type = ElementType::bf16;
  EXPECT_EQ(getMessage(checkpoint.get("mlp.gate.weight", spec)),
            folder.file("shard0") + ": tensor 'mlp.gate.weight': expected "
                                    "elements of bf16, got f32");
}

TEST_F(ShardedCheckpoint, WrongExpertPatterns) {
  Checkpoint checkpoint = openOrFail(folder.getPath());
  EXPECT_EQ(getMessage(checkpoint.getExperts("mlp.experts.*.w", 64)),
            folder.getPath() +
                ": expected 64 experts for 'mlp.experts.*.w', got 12");
  EXPECT_THAT(getMessage(checkpoint.getExperts("mlp.expert.*.w")),
              HasSubstr("no tensor 'mlp.expert.0.w'; the nearest names are "
                        "'mlp.experts.0.w'"));
  for (const char *pattern : {"mlp.gate.weight", "*.experts.*.w"})
    EXPECT_EQ(getMessage(checkpoint.getExperts(pattern)),
              std::string("expected one '*' in the pattern of the experts' "
                          "names, got '") +
                  pattern + "'");
}

TEST(Checkpoint, ExpertNumbersWithGapsOrTwins) {
  TemporaryFolder folder;
  std::string path = folder.file("x.safetensors");
  // 01 is no number that a checkpoint uses, nor is x.
  writeOrFail(path, {{"e.0.w", makeTensor(0)},
                     {"e.1.w", makeTensor(1)},
                     {"e.01.w", makeTensor(9)},
                     {"e.x.w", makeTensor(9)},
                     {"e..w", makeTensor(9)},
                     {"g.0.w", makeTensor(0)},
                     {"g.2.w", makeTensor(2)},
                     {"h.0.w", makeTensor(0)},
                     {"h.1.w", Tensor::zeros(ElementType::f32, {3, 2})},
                     {"k.99999999999999999999.w", makeTensor(0)}});
  Checkpoint checkpoint = openOrFail(path);
  EXPECT_EQ(llvm::cantFail(checkpoint.getExperts("e.*.w")).size(), 2u);
  EXPECT_EQ(getMessage(checkpoint.getExperts("g.*.w")),
            path + ": expected experts 0 to 2 for 'g.*.w', got none with "
                   "number 1");
  EXPECT_EQ(getMessage(checkpoint.getExperts("h.*.w")),
            path + ": tensor 'h.1.w': expected shape 2x3, got 3x2");
  EXPECT_THAT(getMessage(checkpoint.getExperts("k.*.w")),
              HasSubstr("no tensor 'k.0.w'"));
}

TEST(Checkpoint, EmptyFileHasNoNearestNames) {
  TemporaryFolder folder;
  std::string path = folder.file("x.safetensors");
  writeOrFail(path, {});
  Checkpoint checkpoint = openOrFail(path);
  EXPECT_EQ(getMessage(checkpoint.get("a")),
            path + ": no tensor 'a', nor any other");
}

TEST(Checkpoint, FoldersWithoutACheckpoint) {
  TemporaryFolder folder;
  EXPECT_EQ(getMessage(Checkpoint::open(folder.getPath())),
            folder.getPath() +
                ": expected model.safetensors.index.json or model.safetensors "
                "in the folder, got neither");
  EXPECT_EQ(getMessage(Checkpoint::open(folder.file("none"))),
            "cannot open '" + folder.file("none") +
                "': No such file or directory");
}

TEST(Checkpoint, MalformedIndexes) {
  TemporaryFolder folder;
  std::string index = folder.file("model.safetensors.index.json");
  auto messageFor = [&](llvm::StringRef json) {
    folder.write("model.safetensors.index.json", json);
    return getMessage(Checkpoint::open(folder.getPath()));
  };
  EXPECT_THAT(messageFor("{"),
              HasSubstr(index + ": expected valid JSON, got "));
  for (const char *json : {"[]", "{}", R"({"weight_map":[]})"})
    EXPECT_EQ(messageFor(json),
              index + ": expected an object with an object 'weight_map'");
  EXPECT_EQ(messageFor(R"({"weight_map":{"a":"x","a":"y"}})"),
            index + ": expected each name once, got 'a' again");
  for (const char *shard :
       {"3", "\"\"", "\"../x\"", "\"/etc/passwd\"", "\"..\"", "\".\""})
    EXPECT_EQ(messageFor(std::string(R"({"weight_map":{"a":)") + shard + "}}"),
              index + ": expected the name of a file in this folder as the "
                      "value of 'a' in 'weight_map'");
}

TEST(Checkpoint, UnreadableIndex) {
  TemporaryFolder folder;
  std::string index = folder.file("model.safetensors.index.json");
  llvm::sys::fs::create_directory(index);
  EXPECT_EQ(getMessage(Checkpoint::open(folder.getPath())),
            "cannot open '" + index + "': Is a directory");
}

} // namespace
