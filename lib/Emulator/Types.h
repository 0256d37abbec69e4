//===- Types.h - Types and state spaces of PTX ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The fundamental types and state spaces of PTX.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_EMULATOR_TYPES_H
#define MOE_LIB_EMULATOR_TYPES_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace moe::emulator {

// Name, bytes, class: b untyped, u unsigned, s signed, f float, p predicate,
// x a packed or alternate format that registers hold as untyped bits.
#define MOE_PTX_TYPES(X)                                                       \
  X(None, "", 0, 0)                                                            \
  X(Pred, "pred", 4, 'p')                                                      \
  X(B8, "b8", 1, 'b')                                                          \
  X(B16, "b16", 2, 'b')                                                        \
  X(B32, "b32", 4, 'b')                                                        \
  X(B64, "b64", 8, 'b')                                                        \
  X(B128, "b128", 16, 'b')                                                     \
  X(U8, "u8", 1, 'u')                                                          \
  X(U16, "u16", 2, 'u')                                                        \
  X(U32, "u32", 4, 'u')                                                        \
  X(U64, "u64", 8, 'u')                                                        \
  X(S8, "s8", 1, 's')                                                          \
  X(S16, "s16", 2, 's')                                                        \
  X(S32, "s32", 4, 's')                                                        \
  X(S64, "s64", 8, 's')                                                        \
  X(F16, "f16", 2, 'f')                                                        \
  X(F16x2, "f16x2", 4, 'f')                                                    \
  X(F32, "f32", 4, 'f')                                                        \
  X(F64, "f64", 8, 'f')                                                        \
  X(BF16, "bf16", 2, 'x')                                                      \
  X(BF16x2, "bf16x2", 4, 'x')                                                  \
  X(TF32, "tf32", 4, 'x')                                                      \
  X(E4M3x2, "e4m3x2", 2, 'x')                                                  \
  X(E5M2x2, "e5m2x2", 2, 'x')                                                  \
  X(E4M3, "e4m3", 1, 'x')                                                      \
  X(E5M2, "e5m2", 1, 'x')                                                      \
  X(U16x2, "u16x2", 4, 'x')                                                    \
  X(S16x2, "s16x2", 4, 'x')

enum class Type : uint8_t {
#define MOE_TYPE(name, text, bytes, kind) name,
  MOE_PTX_TYPES(MOE_TYPE)
#undef MOE_TYPE
};

struct TypeInfo {
  const char *name;
  uint8_t bytes;
  char kind;
};

inline const TypeInfo &info(Type type) {
  static const TypeInfo table[] = {
#define MOE_TYPE(name, text, bytes, kind) {text, bytes, kind},
      MOE_PTX_TYPES(MOE_TYPE)
#undef MOE_TYPE
  };
  return table[unsigned(type)];
}

inline unsigned sizeOf(Type type) { return info(type).bytes; }

inline std::optional<Type> typeByName(std::string_view name) {
#define MOE_TYPE(enumerator, text, bytes, kind)                                \
  if (name == text && bytes)                                                   \
    return Type::enumerator;
  MOE_PTX_TYPES(MOE_TYPE)
#undef MOE_TYPE
  return std::nullopt;
}

enum class Space : uint8_t {
  Generic,
  Global,
  Shared,
  Local,
  Const,
  Param,
  Reg
};

inline const char *spaceName(Space space) {
  static const char *const names[] = {"generic", "global", "shared",  "local",
                                      "const",   "param",  "register"};
  return names[unsigned(space)];
}

} // namespace moe::emulator

#endif // MOE_LIB_EMULATOR_TYPES_H
