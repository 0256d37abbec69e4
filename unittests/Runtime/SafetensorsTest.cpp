//===- SafetensorsTest.cpp - Tests of safetensors files -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Round trips, files made by hand, and every message of reader and writer.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/Safetensors.h"
#include "TestSupport.h"
#include "moe/Runtime/Random.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <fstream>

using namespace mlir::moe;
using namespace mlir::moe::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

/// The bytes of a file with the given header and `dataBytes` bytes 0, 1, 2...
std::string makeFile(llvm::StringRef header, size_t dataBytes) {
  std::string file(8, '\0');
  llvm::support::endian::write64le(file.data(), header.size());
  file += header;
  for (size_t i = 0; i < dataBytes; ++i)
    file += static_cast<char>(i);
  return file;
}

llvm::Expected<std::shared_ptr<const SafetensorsFile>>
parse(llvm::StringRef bytes) {
  return SafetensorsFile::parse(
      llvm::MemoryBuffer::getMemBufferCopy(bytes, "F"));
}

/// The message for a file with that header.
std::string messageFor(llvm::StringRef header, size_t dataBytes = 8) {
  return getMessage(parse(makeFile(header, dataBytes)));
}

TEST(Safetensors, ReadsAFileMadeByHand) {
  auto file = parse(makeFile(
      R"({"__metadata__":{"format":"pt"},)"
      R"("b":{"dtype":"I32","shape":[],"data_offsets":[4,8]},)"
      R"("a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4],"extra":1},)"
      R"("empty":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]}}  )",
      8));
  ASSERT_TRUE(bool(file)) << getMessage(file.takeError());
  const SafetensorsFile &f = **file;
  ASSERT_EQ(f.getEntries().size(), 3u);
  EXPECT_EQ(f.getEntries()[0].name, "a");
  EXPECT_EQ(f.getEntries()[1].name, "empty");
  EXPECT_EQ(f.getEntries()[2].name, "b");
  EXPECT_EQ(f.getMetadata().at("format"), "pt");
  EXPECT_EQ(f.find("c"), nullptr);

  Tensor a = llvm::cantFail(f.getTensor(*f.find("a")));
  EXPECT_THAT(a.getShape(), ElementsAre(2, 2));
  EXPECT_THAT(a.getValues<uint8_t>(), ElementsAre(0, 1, 2, 3));
  EXPECT_FALSE(a.isWritable());
  Tensor b = llvm::cantFail(f.getTensor(*f.find("b")));
  EXPECT_EQ(b.getRank(), 0);
  EXPECT_EQ(b.get(0), 0x07060504);
  EXPECT_EQ(llvm::cantFail(f.getTensor(*f.find("empty"))).getNumElements(), 0);
}

TEST(Safetensors, ReadsAFileWithoutTensors) {
  auto file = parse(makeFile("{}", 0));
  ASSERT_TRUE(bool(file)) << getMessage(file.takeError());
  EXPECT_TRUE((*file)->getEntries().empty());
}

/// The header's length decides where the elements lie; at an odd address they
/// are copied to an aligned one.
TEST(Safetensors, MisalignedElementsAreCopied) {
  std::string header =
      R"({"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})";
  for (size_t padding = 0; padding < 9; ++padding) {
    std::string bytes = makeFile(header + std::string(padding, ' '), 0);
    double value = 1.0 + padding;
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(value));
    auto file = parse(bytes);
    ASSERT_TRUE(bool(file)) << getMessage(file.takeError());
    Tensor x = llvm::cantFail((*file)->getTensor((*file)->getEntries()[0]));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(x.getData()) % 8, 0u);
    EXPECT_EQ(x.get(0), value);
  }
}

TEST(Safetensors, RoundTripsEveryTypeThroughAFile) {
  TemporaryFolder folder;
  std::vector<NamedTensor> tensors;
  for (unsigned i = 0; i <= static_cast<unsigned>(ElementType::i1); ++i) {
    auto type = static_cast<ElementType>(i);
    Tensor tensor = Tensor::zeros(type, {3, 5});
    for (int64_t j = 0; j < 15; ++j)
      tensor.set(j, (j * 7 + i) % 11);
    tensors.push_back({stringifyElementType(type).str(), tensor});
  }
  tensors.push_back(
      {"scalar", Tensor::fromValues(ElementType::f32, {}, {2.5})});
  tensors.push_back({"empty", Tensor::zeros(ElementType::f64, {4, 0})});
  tensors.push_back(
      {"späße \"quoted\" \n", Tensor::zeros(ElementType::u8, {1})});
  std::string path = folder.file("all.safetensors");
  EXPECT_EQ(getMessage(writeSafetensors(path, tensors, {{"format", "pt"}})),
            "");

  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(bool(file)) << getMessage(file.takeError());
  EXPECT_EQ((*file)->getEntries().size(), tensors.size());
  EXPECT_EQ((*file)->getMetadata().at("format"), "pt");
  EXPECT_EQ((*file)->getPath(), path);
  for (const NamedTensor &named : tensors) {
    const SafetensorsEntry *entry = (*file)->find(named.name);
    ASSERT_TRUE(entry) << named.name;
    Tensor tensor = llvm::cantFail((*file)->getTensor(*entry));
    EXPECT_EQ(tensor.getType(), named.tensor.getType());
    EXPECT_EQ(tensor.getShape(), named.tensor.getShape());
    for (int64_t j = 0; j < tensor.getNumElements(); ++j)
      EXPECT_EQ(tensor.get(j), named.tensor.get(j)) << named.name;
  }
}

TEST(Safetensors, WriterAlignsEveryTensor) {
  TemporaryFolder folder;
  std::vector<NamedTensor> tensors = {
      {"a", Tensor::zeros(ElementType::u8, {3})},
      {"b", Tensor::zeros(ElementType::f64, {3})},
      {"c", Tensor::zeros(ElementType::bf16, {3})},
      {"d", Tensor::zeros(ElementType::f32, {3})}};
  std::string path = folder.file("x.safetensors");
  EXPECT_EQ(getMessage(writeSafetensors(path, tensors)), "");
  auto buffer = llvm::MemoryBuffer::getFile(path);
  ASSERT_TRUE(bool(buffer));
  uint64_t length =
      llvm::support::endian::read64le((*buffer)->getBufferStart());
  EXPECT_EQ((8 + length) % 64, 0u);
  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(bool(file));
  std::vector<std::string> names;
  for (const SafetensorsEntry &entry : (*file)->getEntries())
    names.push_back(entry.name);
  EXPECT_THAT(names, ElementsAre("b", "d", "c", "a"));
}

/// Resident memory of this process, in bytes.
size_t getResidentBytes() {
  size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * llvm::sys::Process::getPageSizeEstimate();
}

/// A file with a hole of 20 GiB: opening it and reading its last element must
/// bring a few pages to memory, and offsets beyond 32 bits must work.
TEST(Safetensors, OpeningALargeFileReadsTheHeaderAlone) {
  TemporaryFolder folder;
  constexpr uint64_t elements = uint64_t(10) << 30;
  std::string end = std::to_string(elements * 2);
  std::string last = std::to_string(elements * 2 + 4);
  std::string header =
      R"({"big":{"dtype":"BF16","shape":[10,1073741824],"data_offsets":[0,)" +
      end + R"(]},"tail":{"dtype":"F32","shape":[1],"data_offsets":[)" + end +
      "," + last + "]}}";
  // What is not aligned would be copied.
  header.resize(llvm::alignTo(header.size(), 8), ' ');
  std::string bytes = makeFile(header, 0);
  std::string path = folder.write("big.safetensors", bytes);
  float value = 42.0f;
  {
    std::ofstream stream(path, std::ios::in | std::ios::binary);
    stream.seekp(bytes.size() + elements * 2);
    stream.write(reinterpret_cast<const char *>(&value), sizeof(value));
    if (!stream.flush())
      GTEST_SKIP() << "no sparse file of 20 GiB here";
  }

  size_t before = getResidentBytes();
  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(bool(file)) << getMessage(file.takeError());
  Tensor big = llvm::cantFail((*file)->getTensor(*(*file)->find("big")));
  Tensor tail = llvm::cantFail((*file)->getTensor(*(*file)->find("tail")));
  EXPECT_EQ(big.getSizeInBytes(), int64_t(elements) * 2);
  EXPECT_EQ(big.get(big.getNumElements() - 1), 0);
  EXPECT_EQ(tail.get(0), 42);
  EXPECT_LT(getResidentBytes(), before + (16 << 20));
}

TEST(SafetensorsErrors, Open) {
  EXPECT_EQ(getMessage(SafetensorsFile::open("/no/such/file")),
            "cannot open '/no/such/file': No such file or directory");
  TemporaryFolder folder;
  EXPECT_EQ(getMessage(SafetensorsFile::open(folder.getPath())),
            "cannot open '" + folder.getPath() + "': Is a directory");
  std::string path = folder.write("short", "1234567");
  EXPECT_EQ(getMessage(SafetensorsFile::open(path)),
            path + ": expected a safetensors file of at least 8 bytes, got 7");
}

TEST(SafetensorsErrors, HeaderLength) {
  EXPECT_EQ(getMessage(parse("")),
            "F: expected a safetensors file of at least 8 bytes, got 0");
  std::string file(24, '\0');
  llvm::support::endian::write64le(file.data(), 17);
  EXPECT_EQ(getMessage(parse(file)), "F: expected a header of 17 bytes, got a "
                                     "file that ends after 16");
  llvm::support::endian::write64le(file.data(), 100'000'001);
  EXPECT_EQ(getMessage(parse(file)),
            "F: expected a safetensors header of at most 100000000 bytes, got "
            "100000001");
  llvm::support::endian::write64le(file.data(), UINT64_MAX);
  EXPECT_EQ(getMessage(parse(file)),
            "F: expected a safetensors header of at most 100000000 bytes, got "
            "18446744073709551615");
}

TEST(SafetensorsErrors, Json) {
  EXPECT_EQ(messageFor(""), "F: expected the header to start with '{'");
  EXPECT_EQ(messageFor("[]"), "F: expected the header to start with '{'");
  EXPECT_THAT(messageFor(R"({"a":)"),
              HasSubstr("F: expected a header of valid JSON, got "));
  EXPECT_THAT(messageFor(R"({"a)"), HasSubstr("valid JSON"));
  EXPECT_THAT(messageFor(R"({"a\)"), HasSubstr("valid JSON"));
  EXPECT_THAT(messageFor("{} {}"), HasSubstr("valid JSON"));
  EXPECT_THAT(messageFor("{\"\xff\":1}"), HasSubstr("valid JSON"));
  EXPECT_EQ(messageFor(R"({"a":)" + std::string(1000000, '[')),
            "F: expected at most 16 levels of nesting in JSON, got more");
}

TEST(SafetensorsErrors, Names) {
  std::string a = R"("a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]})";
  EXPECT_EQ(messageFor("{" + a + "," + a + "}"),
            "F: expected each name once, got 'a' again");
  EXPECT_EQ(messageFor("{" + a + R"(,"\u0061":0})"),
            "F: expected each name once, got 'a' again");
  EXPECT_EQ(messageFor(R"({"a":{"dtype":"U8","shape":[8],"shape":[8]}})"),
            "F: expected each name once, got 'shape' again");
  EXPECT_EQ(messageFor(R"({"a\u0000b":{}})"),
            R"(F: tensor 'a\00b': expected a name without null characters)");
  EXPECT_EQ(messageFor("{\"" + std::string(1000, 'x') + "\":1}"),
            "F: tensor '" + std::string(200, 'x') +
                "...': expected an object, got 1");
}

TEST(SafetensorsErrors, Dtype) {
  EXPECT_EQ(messageFor(R"({"a":[1,2]})"),
            "F: tensor 'a': expected an object, got [1,2]");
  EXPECT_EQ(messageFor(R"({"a":{"shape":[]}})"),
            "F: tensor 'a': expected the key 'dtype', got none");
  EXPECT_EQ(messageFor(R"({"a":{"dtype":3}})"),
            "F: tensor 'a': expected 'dtype' to be a string, got 3");
  EXPECT_EQ(messageFor(R"({"a":{"dtype":"bf16"}})"),
            "F: tensor 'a': expected a known 'dtype', such as BF16, got "
            "'bf16'");
  EXPECT_EQ(
      messageFor(R"({"a":{"dtype":{"k":"0123456789012345678901234567)"
                 R"(89012345678901234567890123456789"}}})"),
      "F: tensor 'a': expected 'dtype' to be a string, got "
      R"({"k":"012345678901234567890123456789012345678901234567890123...)");
}

TEST(SafetensorsErrors, Shape) {
  auto withShape = [](llvm::StringRef shape) {
    return messageFor((R"({"a":{"dtype":"U8","shape":)" + shape +
                       R"(,"data_offsets":[0,8]}})")
                          .str());
  };
  std::string range =
      "F: tensor 'a': expected integers from 0 to 2^63 - 1 in 'shape', got ";
  EXPECT_EQ(messageFor(R"({"a":{"dtype":"U8"}})"),
            "F: tensor 'a': expected the key 'shape', got none");
  EXPECT_EQ(withShape("8"),
            "F: tensor 'a': expected 'shape' to be an array, got 8");
  EXPECT_EQ(withShape("[-8]"), range + "-8");
  EXPECT_EQ(withShape("[8.0]"), range + "8");
  EXPECT_EQ(withShape("[\"8\"]"), range + "\"8\"");
  EXPECT_EQ(withShape("[9223372036854775808]"), range + "9223372036854775808");
  EXPECT_THAT(withShape("[99999999999999999999999]"), HasSubstr(range));
  EXPECT_EQ(withShape("[4294967296,4294967296]"),
            "F: tensor 'a': expected less than 2^60 bytes, got "
            "4294967296x4294967296 of U8");
  EXPECT_EQ(withShape("[7]"),
            "F: tensor 'a': expected 7 bytes for 7 of U8, got 8");
  EXPECT_EQ(withShape("[]"),
            "F: tensor 'a': expected 1 bytes for scalar of U8, got 8");
}

TEST(SafetensorsErrors, Offsets) {
  auto withOffsets = [](llvm::StringRef offsets) {
    return messageFor(
        (R"({"a":{"dtype":"U8","shape":[8],"data_offsets":)" + offsets + "}}")
            .str());
  };
  std::string range = "F: tensor 'a': expected integers from 0 to 2^63 - 1 in "
                      "'data_offsets', got ";
  EXPECT_EQ(messageFor(R"({"a":{"dtype":"U8","shape":[8]}})"),
            "F: tensor 'a': expected the key 'data_offsets', got none");
  EXPECT_EQ(withOffsets("{}"),
            "F: tensor 'a': expected 'data_offsets' to be an array, got {}");
  EXPECT_EQ(withOffsets("[0]"),
            "F: tensor 'a': expected 2 numbers in 'data_offsets', got 1");
  EXPECT_EQ(withOffsets("[-1,7]"), range + "-1");
  EXPECT_EQ(withOffsets("[0,true]"), range + "true");
  EXPECT_EQ(withOffsets("[8,0]"),
            "F: tensor 'a': expected 'data_offsets' in order, got 8 and 0");
  EXPECT_EQ(withOffsets("[1,9]"),
            "F: tensor 'a': expected elements within the file's 8 bytes of "
            "data, got an end at 9");
  EXPECT_EQ(withOffsets("[0,7]"),
            "F: tensor 'a': expected 8 bytes for 8 of U8, got 7");
}

TEST(SafetensorsErrors, Coverage) {
  std::string a = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  EXPECT_EQ(messageFor(a + "}"), "F: expected the tensors to cover all 8 bytes "
                                 "of data, got 4");
  EXPECT_EQ(messageFor(
                a + R"(,"b":{"dtype":"U8","shape":[5],"data_offsets":[3,8]}})"),
            "F: tensor 'b': expected elements after those of 'a', which end at "
            "4, got "
            "a start at 3");
  EXPECT_EQ(
      messageFor(a +
                 R"(,"b":{"dtype":"U8","shape":[3],"data_offsets":[5,8]}})"),
      "F: tensor 'b': expected no unused bytes before the elements, got 1");
  EXPECT_EQ(
      messageFor(a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]},)"
                     R"("c":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})"),
      "F: tensor 'c': expected elements after those of 'a', which end at 4, "
      "got "
      "a start at 2");
}

TEST(SafetensorsErrors, Metadata) {
  EXPECT_EQ(messageFor(R"({"__metadata__":3})"),
            "F: expected '__metadata__' to be an object, got 3");
  EXPECT_EQ(
      messageFor(R"({"__metadata__":{"k":3}})"),
      "F: expected the value of 'k' in '__metadata__' to be a string, got "
      "3");
}

/// The format has element types that we do not compute with. A file may hold
/// them; asking for one is the error.
TEST(SafetensorsErrors, UnsupportedElementTypes) {
  auto file = parse(
      makeFile(R"({"f4":{"dtype":"F4","shape":[3,2],"data_offsets":[0,3]},)"
               R"("ok":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})",
               4));
  ASSERT_TRUE(bool(file)) << getMessage(file.takeError());
  EXPECT_EQ(getMessage((*file)->getTensor(*(*file)->find("f4"))),
            "F: tensor 'f4': elements of F4 are not supported");
  EXPECT_TRUE(bool((*file)->getTensor(*(*file)->find("ok"))));
  EXPECT_EQ(
      messageFor(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2),
      "F: tensor 'a': expected elements that fill whole bytes, got 3 of F4");
}

TEST(SafetensorsErrors, WriterNames) {
  TemporaryFolder folder;
  std::string path = folder.file("x.safetensors");
  Tensor tensor = Tensor::zeros(ElementType::f32, {1});
  std::string prefix = "cannot write '" + path + "': ";
  EXPECT_EQ(getMessage(writeSafetensors(path, {{"a", tensor}, {"a", tensor}})),
            prefix + "expected each name once, got 'a' again");
  for (std::string name : {std::string("__metadata__"), std::string("\xff"),
                           std::string("a\0b", 3)})
    EXPECT_EQ(getMessage(writeSafetensors(path, {{name, tensor}})),
              prefix + "a safetensors file cannot hold a tensor called " +
                  quoteName(name));
  EXPECT_EQ(getMessage(writeSafetensors(
                path, {{std::string(100'000'000, 'x'), tensor}})),
            prefix +
                "expected a safetensors header of at most 100000000 bytes, got "
                "100000056");
  EXPECT_EQ(folder.count(), 0u);
}

} // namespace
