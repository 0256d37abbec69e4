//===- AtomicFileTest.cpp - Tests of files written whole or not at all ----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What is on disk after success and after each kind of failure.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/AtomicFile.h"
#include "TestSupport.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace mlir::moe;
using namespace mlir::moe::test;

namespace {

std::string read(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : "<unreadable>";
}

TEST(AtomicFile, ReplacesTheFile) {
  TemporaryFolder folder;
  std::string path = folder.write("f", "old");
  EXPECT_EQ(getMessage(writeFileAtomically(path,
                                           [&](llvm::raw_ostream &stream) {
                                             stream << "new";
                                             stream.flush();
                                             EXPECT_EQ(read(path), "old");
                                             return llvm::Error::success();
                                           })),
            "");
  EXPECT_EQ(read(path), "new");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(AtomicFile, AnErrorOfTheWriterLeavesNothing) {
  TemporaryFolder folder;
  std::string path = folder.write("f", "old");
  EXPECT_EQ(getMessage(writeFileAtomically(path,
                                           [](llvm::raw_ostream &stream) {
                                             stream << "new";
                                             return llvm::createStringError(
                                                 "no more");
                                           })),
            "no more");
  EXPECT_EQ(read(path), "old");
  EXPECT_EQ(folder.count(), 1u);
}

llvm::Error writeSomething(llvm::raw_ostream &stream) {
  stream << "text";
  return llvm::Error::success();
}

TEST(AtomicFile, DiagnosesWhatCannotBeWritten) {
  EXPECT_EQ(
      getMessage(writeFileAtomically("/no/such/folder/f", writeSomething)),
      "cannot write '/no/such/folder/f': No such file or directory");
  EXPECT_EQ(getMessage(writeFileAtomically("/dev/full", writeSomething)),
            "cannot write '/dev/full': No space left on device");
  TemporaryFolder folder;
  EXPECT_EQ(getMessage(writeFileAtomically(folder.getPath(), writeSomething)),
            "cannot write '" + folder.getPath() + "': Is a directory");
  EXPECT_EQ(folder.count(), 0u);
}

TEST(AtomicFile, WritesDevicesDirectly) {
  EXPECT_EQ(getMessage(writeFileAtomically("/dev/null", writeSomething)), "");
  EXPECT_TRUE(llvm::sys::fs::exists("/dev/null"));
  testing::internal::CaptureStdout();
  EXPECT_EQ(getMessage(writeFileAtomically("-", writeSomething)), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "text");
}

} // namespace
