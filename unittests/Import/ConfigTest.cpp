//===- ConfigTest.cpp - Tests of reading a config.json --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Import/Config.h"

#include "mlir/IR/MLIRContext.h"
#include "gmock/gmock.h"

using namespace mlir;
using namespace mlir::moe;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {
class ConfigTest : public testing::Test {
protected:
  ConfigTest()
      : handler(&context, [this](Diagnostic &diagnostic) {
          std::string text;
          llvm::raw_string_ostream os(text);
          auto loc = cast<FileLineColLoc>(diagnostic.getLocation());
          os << loc.getLine() << ":" << loc.getColumn() << ": " << diagnostic;
          errors.push_back(text);
        }) {}

  Config parse(llvm::StringRef text) {
    FailureOr<Config> config = Config::parse(&context, text, "config.json");
    EXPECT_TRUE(succeeded(config)) << text.str();
    return std::move(*config);
  }

  MLIRContext context;
  std::vector<std::string> errors;
  ScopedDiagnosticHandler handler;
};
} // namespace

TEST_F(ConfigTest, PointsAtTheKeyOfTheOutermostObject) {
  Config config = parse("{\"n\": {\"size\": 1}, \"s\": \"\\\"size\\\": 2\",\n"
                        "  \"l\": [\"size\", {\"size\": 3}],\n"
                        "   \"size\" : -1}");
  EXPECT_EQ(config.getSize("size"), 1);
  EXPECT_THAT(errors,
              ElementsAre("3:4: 'size': expected an integer from 1 to 1048576, "
                          "got -1"));
}

TEST_F(ConfigTest, AcceptsTheBoundsAndNothingBeyond) {
  Config config =
      parse(R"({"least": 1, "most": 1048576, "less": 0, "more": 1048577})");
  EXPECT_EQ(config.getSize("least"), 1);
  EXPECT_EQ(config.getSize("most"), maxConfigSize);
  EXPECT_FALSE(config.hasErrors());
  config.getSize("less");
  config.getSize("more");
  EXPECT_EQ(errors.size(), 2u);
}

TEST_F(ConfigTest, NullCountsAsMissing) {
  Config config = parse(R"({"a": null})");
  EXPECT_FALSE(config.has("a"));
  EXPECT_EQ(config.getInteger("a", 0, 9, 5), 5);
  EXPECT_EQ(config.getString("a", "x"), "x");
  EXPECT_TRUE(config.getFlag("a", true));
  EXPECT_THAT(config.getIntegers("a"), IsEmpty());
  EXPECT_FALSE(config.hasErrors());
}

TEST_F(ConfigTest, ReportsEveryWrongKey) {
  Config config = parse(R"({"a": "1", "b": 1, "c": [1, 2.5], "d": "inf"})");
  config.getSize("a");
  config.getFlag("b");
  config.getIntegers("c");
  config.getPositiveNumber("d");
  config.getString("b");
  EXPECT_TRUE(config.hasErrors());
  EXPECT_EQ(errors.size(), 5u);
}

TEST_F(ConfigTest, RequireStaysSilentAfterAnError) {
  Config config = parse(R"({"a": 1})");
  config.getSize("b");
  config.require(false, "a", "something else");
  EXPECT_EQ(errors.size(), 1u);
}

TEST_F(ConfigTest, AliasesMustAgree) {
  Config agreeing = parse(R"({"y": 3, "z": 3})");
  EXPECT_EQ(agreeing.getSize("x", {"y", "z"}), 3);
  EXPECT_FALSE(agreeing.hasErrors());
  Config differing = parse(R"({"z": 4, "x": 3})");
  EXPECT_EQ(differing.getSize("x", {"y", "z"}), 3);
  Config missing = parse("{}");
  missing.getSize("x", {"y", "z"});
  EXPECT_THAT(
      errors,
      ElementsAre("1:2: 'z': expected 3 as in 'x', got 4",
                  "1:1: 'x': expected an integer from 1 to 1048576, got no "
                  "such key"));
}

TEST_F(ConfigTest, Choices) {
  Config config = parse(R"({"a": "one", "b": "three", "c": 1})");
  std::pair<llvm::StringRef, int> choices[] = {{"one", 1}, {"two", 2}};
  EXPECT_EQ(config.getChoice<int>("a", choices), 1);
  EXPECT_EQ(config.getChoice<int>("d", choices, 2), 2);
  EXPECT_FALSE(config.hasErrors());
  EXPECT_EQ(config.getChoice<int>("b", choices), std::nullopt);
  EXPECT_EQ(config.getChoice<int>("c", choices, 2), std::nullopt);
  EXPECT_THAT(errors,
              ElementsAre("1:14: 'b': expected \"one\" or \"two\", got "
                          "\"three\"",
                          "1:28: 'c': expected \"one\" or \"two\", got 1"));
}

TEST_F(ConfigTest, MalformedTextFails) {
  for (llvm::StringRef text : {"", "{", "[]", "1", "{\"a\": 1} x", "\xff",
                               "{\"a\": 1, \"a\": 2}", "{\"a\": NaN}"})
    EXPECT_TRUE(failed(Config::parse(&context, text, "config.json")))
        << text.str();
  EXPECT_EQ(errors.size(), 8u);
}
