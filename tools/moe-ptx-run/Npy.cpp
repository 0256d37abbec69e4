//===- Npy.cpp - NumPy array files ----------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Reading and writing `.npy` files of numbers in C order.
//
//===----------------------------------------------------------------------===//

#include "Npy.h"
#include "moe/Emulator/Numerics.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

using namespace moe::emulator;
using namespace moe::ptxrun;

uint64_t Array::count() const {
  uint64_t total = 1;
  for (uint64_t extent : shape)
    total *= extent;
  return total;
}

/// The text behind `'key':` in the header.
static std::string_view field(std::string_view header, std::string_view key) {
  size_t at = header.find("'" + std::string(key) + "':");
  if (at == header.npos)
    return {};
  header.remove_prefix(at + key.size() + 3);
  while (!header.empty() && header.front() == ' ')
    header.remove_prefix(1);
  return header;
}

Expected<Array> moe::ptxrun::readNpy(const std::string &path) {
  auto fail = [&](const char *what) {
    return Error{path + ": error: " + what};
  };
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    return fail("cannot open the file");
  stream.seekg(0, std::ios::end);
  std::vector<uint8_t> bytes(size_t(stream.tellg()));
  stream.seekg(0);
  stream.read(reinterpret_cast<char *>(bytes.data()), long(bytes.size()));
  if (!stream)
    return fail("cannot read the file");
  if (bytes.size() < 10 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0)
    return fail("expected a .npy file");
  size_t lengthBytes = bytes[6] == 1 ? 2 : 4, start = 8 + lengthBytes;
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + 8, lengthBytes);
  if (bytes.size() < start || length > bytes.size() - start)
    return fail("the header is cut off");
  std::string_view header(reinterpret_cast<char *>(bytes.data() + start),
                          length);
  Array array;
  std::string_view descr = field(header, "descr");
  if (descr.size() < 5 || (descr[1] != '<' && descr[1] != '|') ||
      !std::strchr("fiub", descr[2]) || !std::strchr("1248", descr[3]) ||
      descr[4] != '\'')
    return fail("expected little-endian numbers of 1 to 8 bytes");
  array.type = std::string(descr.substr(2, 2));
  if (field(header, "fortran_order").substr(0, 5) != "False")
    return fail("expected C order");
  std::string_view shape = field(header, "shape");
  for (size_t i = 1; i < shape.size() && shape[i] != ')';) {
    if (shape[i] < '0' || shape[i] > '9') {
      ++i;
      continue;
    }
    uint64_t extent = 0;
    for (; i < shape.size() && shape[i] >= '0' && shape[i] <= '9'; ++i)
      extent = extent * 10 + uint64_t(shape[i] - '0');
    array.shape.push_back(extent);
  }
  array.data.assign(bytes.begin() + long(start + length), bytes.end());
  if (array.data.size() != array.count() * array.elementBytes())
    return fail("the data does not have the size that the header says");
  return array;
}

Status moe::ptxrun::writeNpy(const std::string &path, const Array &array) {
  std::string shape;
  for (uint64_t extent : array.shape)
    shape += std::to_string(extent) + ",";
  std::string header =
      "{'descr': '" + std::string(array.elementBytes() == 1 ? "|" : "<") +
      array.type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::ofstream stream(path, std::ios::binary);
  uint16_t length = uint16_t(header.size());
  stream.write("\x93NUMPY\x01\x00", 8);
  stream.write(reinterpret_cast<const char *>(&length), 2);
  stream.write(header.data(), long(header.size()));
  stream.write(reinterpret_cast<const char *>(array.data.data()),
               long(array.data.size()));
  stream.close();
  if (!stream)
    return Error{path + ": error: cannot write the file"};
  return {};
}

double moe::ptxrun::element(const Array &array, uint64_t index) {
  unsigned bytes = array.elementBytes();
  uint64_t bits = 0;
  std::memcpy(&bits, array.data.data() + index * bytes, bytes);
  if (array.type[0] == 'f')
    return bytes == 2   ? double(f32FromF16(uint16_t(bits)))
           : bytes == 4 ? double(bitCast<float>(uint32_t(bits)))
                        : bitCast<double>(bits);
  if (array.type[0] == 'i')
    return double(int64_t(bits << (64 - 8 * bytes)) >> (64 - 8 * bytes));
  return double(bits);
}
