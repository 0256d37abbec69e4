//===- JSONScanTest.cpp - Tests of the checks on JSON text ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What passes, what does not, and text that is no JSON.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/JSONScan.h"
#include "TestSupport.h"
#include "gtest/gtest.h"

using namespace mlir::moe;
using namespace mlir::moe::test;

namespace {

std::string scan(llvm::StringRef text) {
  return getMessage(checkNestingAndKeys(text));
}

TEST(JSONScan, KeysAreUniquePerObject) {
  EXPECT_EQ(scan(R"({"a":{"a":1,"b":2},"b":[{"a":1},{"a":1}]})"), "");
  EXPECT_EQ(scan(R"({"a":"b","b":"b","c":["a","a"]})"), "");
  EXPECT_EQ(scan(R"({"x":[{"a":1 , "a" : 2}]})"),
            "expected each name once, got 'a' again");
  EXPECT_EQ(scan(R"({"\"":1,"\u0022":2})"),
            "expected each name once, got '\\22' again");
}

TEST(JSONScan, BracketsInStringsDoNotNest) {
  EXPECT_EQ(scan("{\"" + std::string(100, '[') + "\":\"\\\"{{\"}"), "");
}

TEST(JSONScan, NestingIsLimited) {
  EXPECT_EQ(scan(std::string(16, '[') + std::string(16, ']')), "");
  EXPECT_EQ(scan(std::string(17, '[')),
            "expected at most 16 levels of nesting in JSON, got more");
  std::string siblings;
  for (int i = 0; i < 100; ++i)
    siblings += "[],{},";
  EXPECT_EQ(scan("[" + siblings + "0]"), "");
}

TEST(JSONScan, LeavesMalformedTextToTheParser) {
  for (const char *text : {"", "}", "]]]]", "\"", "\"a\":", "{\"a", "{\"a\\",
                           "{\"\\u12\":1}", "{\"", ":::", "{\xff:\xfe}"})
    EXPECT_EQ(scan(text), "") << text;
}

} // namespace
