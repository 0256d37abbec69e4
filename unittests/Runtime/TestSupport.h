//===- TestSupport.h - Helpers of the runtime library's tests ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Temporary folders, and errors as text.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_UNITTESTS_RUNTIME_TESTSUPPORT_H
#define MOE_UNITTESTS_RUNTIME_TESTSUPPORT_H

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"
#include <string>

namespace mlir::moe::test {

/// The message of an error, "" for success.
inline std::string getMessage(llvm::Error error) {
  return llvm::toString(std::move(error));
}

/// The message of a result that has to be an error.
template <typename T>
std::string getMessage(llvm::Expected<T> result) {
  if (!result)
    return llvm::toString(result.takeError());
  ADD_FAILURE() << "expected an error";
  return "";
}

/// A folder that is there while the object is.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::error_code error =
        llvm::sys::fs::createUniqueDirectory("moe-runtime-test", path);
    EXPECT_FALSE(error) << error.message();
  }
  ~TemporaryFolder() { llvm::sys::fs::remove_directories(path); }

  std::string file(llvm::StringRef name) const {
    llvm::SmallString<128> result(path);
    llvm::sys::path::append(result, name);
    return result.str().str();
  }

  std::string getPath() const { return path.str().str(); }

  /// Writes a file and returns its path.
  std::string write(llvm::StringRef name, llvm::StringRef contents) const {
    std::error_code error;
    llvm::raw_fd_ostream(file(name), error) << contents;
    EXPECT_FALSE(error) << error.message();
    return file(name);
  }

  /// The number of entries.
  unsigned count() const {
    std::error_code error;
    unsigned entries = 0;
    for (llvm::sys::fs::directory_iterator it(path, error), end;
         it != end && !error; it.increment(error))
      ++entries;
    return entries;
  }

private:
  llvm::SmallString<128> path;
};

} // namespace mlir::moe::test

#endif // MOE_UNITTESTS_RUNTIME_TESTSUPPORT_H
