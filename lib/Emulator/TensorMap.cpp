//===- TensorMap.cpp - Rules and encoding of tensor maps ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Emulator/TensorMap.h"

#include <cstring>
#include <string>

namespace moe::emulator {

namespace {

constexpr uint8_t kElementBytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};

bool isFloat(TensorMapType type) { return type >= TensorMapType::F16; }

/// "tensor map: expected <what>, got <value>".
Status mismatch(const std::string &expected, uint64_t got) {
  return Error{"tensor map: expected " + expected + ", got " +
               std::to_string(got)};
}

std::string indexed(const char *name, unsigned i) {
  return std::string(name) + "[" + std::to_string(i) + "]";
}

Status validateDimension(const TensorMap &map, unsigned i) {
  if (map.dims[i] == 0 || map.dims[i] > uint64_t(1) << 32)
    return mismatch(indexed("globalDim", i) + " in [1, 2^32]", map.dims[i]);
  if (map.box[i] == 0 || map.box[i] > 256)
    return mismatch(indexed("boxDim", i) + " in [1, 256]", map.box[i]);
  if (map.elementStrides[i] == 0 || map.elementStrides[i] > 8)
    return mismatch(indexed("elementStrides", i) + " in [1, 8]",
                    map.elementStrides[i]);
  if (i == 0)
    return {};
  uint64_t stride = map.strides[i - 1];
  if (stride % 16 != 0)
    return mismatch(indexed("globalStrides", i - 1) +
                        " to be a multiple of 16 bytes",
                    stride);
  if (stride >= uint64_t(1) << 40)
    return mismatch(indexed("globalStrides", i - 1) + " below 2^40", stride);
  return {};
}

} // namespace

uint32_t TensorMap::elementBytes() const {
  return kElementBytes[unsigned(type)];
}

uint32_t TensorMap::boxBytes() const {
  uint32_t bytes = elementBytes();
  for (unsigned i = 0; i < rank; ++i)
    bytes *= boxCount(i);
  return bytes;
}

Status TensorMap::validate() const {
  if (unsigned(type) >= sizeof(kElementBytes))
    return mismatch("a data type below " +
                        std::to_string(sizeof(kElementBytes)),
                    unsigned(type));
  if (rank == 0 || rank > kMaxRank)
    return mismatch("rank in [1, 5]", rank);
  if (address % 16 != 0)
    return mismatch("globalAddress to be a multiple of 16 bytes", address);
  for (unsigned i = 0; i < rank; ++i)
    if (Status status = validateDimension(*this, i); !status)
      return status;
  uint32_t rowBytes = box[0] * elementBytes();
  if (rowBytes % 16 != 0)
    return mismatch("boxDim[0] to span a multiple of 16 bytes", rowBytes);
  if (unsigned(swizzle) > unsigned(Swizzle::Bytes128))
    return mismatch("a swizzle of 0, 32, 64 or 128 bytes", unsigned(swizzle));
  uint32_t span = swizzleChunks(swizzle) * kChunkBytes;
  if (swizzle != Swizzle::None && rowBytes > span)
    return mismatch("boxDim[0] to span at most the " + std::to_string(span) +
                        " bytes of the swizzle",
                    rowBytes);
  if (fill == TensorMapFill::NaN && !isFloat(type))
    return Error{"tensor map: expected a floating-point type for NaN fill"};
  return {};
}

void TensorMap::write(void *bytes) const {
  std::memset(bytes, 0, kTensorMapBytes);
  std::memcpy(bytes, this, sizeof(*this));
}

Expected<TensorMap> TensorMap::read(const void *bytes) {
  TensorMap map;
  std::memcpy(static_cast<void *>(&map), bytes, sizeof(map));
  if (map.magic != kMagic)
    return Error{"expected a tensor map, got other bytes"};
  if (Status status = map.validate(); !status)
    return status.error();
  return map;
}

} // namespace moe::emulator
