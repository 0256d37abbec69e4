//===- TargetInfoTest.cpp - Tests of processor names and features -===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/TargetInfo.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Target/TargetMachine.h"
#include "gmock/gmock.h"

using namespace mlir::moe;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

static std::string getMessage(llvm::Error error) {
  return llvm::toString(std::move(error));
}

static std::unique_ptr<llvm::TargetMachine>
createMachine(llvm::StringRef cpu, llvm::StringRef features = "") {
  auto machine = createTargetMachine({cpu.str(), features.str()});
  if (!machine) {
    ADD_FAILURE() << getMessage(machine.takeError());
    return nullptr;
  }
  return std::move(*machine);
}

static std::vector<std::string> getFeatureNames(llvm::StringRef cpu,
                                                llvm::StringRef features = "") {
  std::vector<std::string> names;
  for (const CPUFeature &feature :
       getRequiredFeatures(*createMachine(cpu, features)))
    names.push_back(feature.name);
  return names;
}

TEST(TargetInfoTest, KnowsNames) {
  for (const char *name :
       {"x86-64", "x86-64-v3", "znver4", "sapphirerapids", "haswell"}) {
    auto target = resolveCPU(name);
    ASSERT_TRUE(bool(target)) << getMessage(target.takeError());
    EXPECT_EQ(target->cpu, name);
    EXPECT_EQ(target->features, "");
  }
}

TEST(TargetInfoTest, NativeIsThisMachine) {
  auto target = resolveCPU("native");
  ASSERT_TRUE(bool(target)) << getMessage(target.takeError());
  EXPECT_THAT(target->features, HasSubstr("+sse2"));
  auto machine = createMachine(target->cpu, target->features);
  EXPECT_THAT(getMissingFeatures(*machine), IsEmpty());
}

TEST(TargetInfoTest, SaysWhichNamesAreNear) {
  EXPECT_EQ(getMessage(resolveCPU("saphirerapids").takeError()),
            "expected 'native' or the name of a 64-bit x86 processor such as "
            "'sapphirerapids', 'graniterapids', got 'saphirerapids'");
  EXPECT_THAT(getMessage(resolveCPU("zenver4").takeError()),
              HasSubstr("'znver4'"));
  // A 32-bit processor, another architecture's, and nothing at all.
  for (const char *name : {"pentium3", "apple-m1", ""})
    EXPECT_THAT(getMessage(resolveCPU(name).takeError()),
                HasSubstr("64-bit x86 processor such as '"));
  EXPECT_THAT(getMessage(createTargetMachine({"z", ""}).takeError()),
              HasSubstr("got 'z'"));
}

TEST(TargetInfoTest, UnknownFeature) {
  for (const char *features : {"+avx2,+avx3", "avx2", "+"})
    EXPECT_THAT(
        getMessage(createTargetMachine({"znver4", features}).takeError()),
        HasSubstr("expected '+' or '-' and the name of an x86 feature, "
                  "got '"));
}

TEST(TargetInfoTest, FeaturesOfProcessors) {
  EXPECT_THAT(getFeatureNames("x86-64"), IsEmpty());
  std::vector<std::string> v3 = getFeatureNames("x86-64-v3");
  EXPECT_THAT(v3, Contains("avx2"));
  EXPECT_THAT(v3, Contains("fma"));
  EXPECT_THAT(v3, Not(Contains("avx512f")));
  std::vector<std::string> zen4 = getFeatureNames("znver4");
  EXPECT_THAT(zen4, Contains("avx512bf16"));
  EXPECT_THAT(zen4, Not(Contains("amx-tile")));
  EXPECT_THAT(getFeatureNames("sapphirerapids"), Contains("amx-bf16"));
  EXPECT_THAT(getFeatureNames("znver4", "-avx512bf16"),
              Not(Contains("avx512bf16")));
  EXPECT_THAT(getFeatureNames("x86-64", "+avx512f"), Contains("avx512f"));
}
