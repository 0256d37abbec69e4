/*===- EntryPoint.h - What generated code says about an entry point -*- C -*-===
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * The constant tables that the compiler emits for each entry point, and the
 * functions behind the public C functions NAME_pack, NAME_run and so on. The
 * compiler builds these structures field by field (lib/Target/CPU/CABI.cpp):
 * the order of the fields is part of that agreement.
 *
 *===----------------------------------------------------------------------===*/

#ifndef MOE_TARGET_CPU_SUPPORT_ENTRYPOINT_H
#define MOE_TARGET_CPU_SUPPORT_ENTRYPOINT_H

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

/* Inputs and outputs of one entry point, together, at most. */
#define MOE_MAX_RUN_TENSORS 64

/* What one tensor, or the E tensors of one per-expert parameter, must be. */
typedef struct {
  const char *name;     /* A per-expert name has `*` for the expert's number. */
  const char *type;     /* The element type as MLIR spells it. */
  const int64_t *shape; /* Of one tensor; -1 is the token count. */
  int32_t rank;
  int32_t count; /* E for a per-expert parameter, else 1. */
  int32_t per_expert;
  int32_t type_code; /* DLDataType.code */
  int32_t type_bits; /* DLDataType.bits */
} moe_tensor_spec;

/* A CPU feature that the code was compiled for, and how to ask for it. */
typedef struct {
  const char *name;
  uint32_t leaf, subleaf; /* of CPUID */
  uint32_t reg;           /* 0 to 3: EAX, EBX, ECX, EDX */
  uint32_t bit;
  uint32_t xcr0; /* State that the operating system has to save. */
} moe_cpu_feature;

typedef struct {
  const char *name;
  const char *cpu;
  const moe_tensor_spec *params, *inputs, *outputs;
  const moe_cpu_feature *features;
  int64_t num_params, num_inputs, num_outputs, num_features; /* of the tables */
  int64_t packed_size;
  int64_t workspace_fixed, workspace_per_token, workspace_per_thread;
  int64_t max_tokens;
  void (*pack)(const void *const *params, void *packed);
  void (*run)(int64_t tokens, const void *const *inputs, const void *packed,
              void *const *outputs, void *workspace);
} moe_entry_point;

size_t moe_entry_packed_size(const moe_entry_point *entry);
size_t moe_entry_workspace_size(const moe_entry_point *entry, int64_t tokens);
int moe_entry_pack(const moe_entry_point *entry, const DLTensor *params,
                   size_t n, void *packed);
int moe_entry_run(const moe_entry_point *entry, const DLTensor *inputs,
                  size_t n_in, const void *packed, DLTensor *outputs,
                  size_t n_out, void *workspace);
const char *moe_entry_last_error(const moe_entry_point *entry);

/* Gives back what last_error holds; runs when a library is unloaded. */
void moe_entry_unload(void);

#endif /* MOE_TARGET_CPU_SUPPORT_ENTRYPOINT_H */
