/*===- EntryPoint.c - Checks before generated code runs -------------*- C -*-===
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Checks every argument of NAME_pack and NAME_run and the CPU, says what was
 * expected and what came, and hands plain pointers to the generated code. Built
 * for baseline x86-64, so that the check itself runs on any machine.
 *
 *===----------------------------------------------------------------------===*/

/* For madvise, which C11 alone does not declare. */
#define _DEFAULT_SOURCE

#include "EntryPoint.h"

#include <cpuid.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { INVALID_ARGUMENT = 1, UNSUPPORTED_CPU = 2, OUT_OF_MEMORY = 3 };
enum { MESSAGE_SIZE = 1024, SHAPE_SIZE = 128, BUFFER_ALIGNMENT = 64 };
enum { LARGE_PAGE = 2 << 20 };

int omp_get_max_threads(void);

/*===----------------------------------------------------------------------===
 * The message of the last error, one per thread
 *===----------------------------------------------------------------------===*/

/* A key and not _Thread_local: a just-in-time linker has no thread-local
 * storage to give. */
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static atomic_int key_exists;

static void create_key(void) {
  atomic_store(&key_exists, pthread_key_create(&key, free) == 0);
}

static char *get_message(void) {
  pthread_once(&key_once, create_key);
  if (!atomic_load(&key_exists))
    return NULL;
  char *message = pthread_getspecific(key);
  if (message)
    return message;
  message = calloc(1, MESSAGE_SIZE);
  if (message && pthread_setspecific(key, message) != 0) {
    free(message);
    return NULL;
  }
  return message;
}

const char *moe_entry_last_error(const moe_entry_point *entry) {
  (void)entry;
  const char *message = get_message();
  return message ? message : "out of memory for the error message";
}

__attribute__((destructor)) void moe_entry_unload(void) {
  if (!atomic_exchange(&key_exists, 0))
    return;
  free(pthread_getspecific(key));
  pthread_key_delete(key);
}

__attribute__((format(printf, 2, 3))) static int fail(int status,
                                                      const char *format, ...) {
  char *message = get_message();
  if (message) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, MESSAGE_SIZE, format, arguments);
    va_end(arguments);
  }
  return status;
}

/*===----------------------------------------------------------------------===
 * The CPU
 *===----------------------------------------------------------------------===*/

static uint32_t read_xcr0(void) {
  uint32_t regs[4];
  if (!__get_cpuid(1, &regs[0], &regs[1], &regs[2], &regs[3]) ||
      !(regs[2] & (1u << 27))) /* OSXSAVE: XGETBV may be used. */
    return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static int has_feature(const moe_cpu_feature *feature) {
  uint32_t regs[4];
  if (!__get_cpuid_count(feature->leaf, feature->subleaf, &regs[0], &regs[1],
                         &regs[2], &regs[3]))
    return 0;
  return ((regs[feature->reg] >> feature->bit) & 1) &&
         (!feature->xcr0 || (read_xcr0() & feature->xcr0) == feature->xcr0);
}

static int check_cpu(const moe_entry_point *entry, const char *function) {
  /* CPUID takes microseconds on a virtual machine: once is enough. */
  static atomic_int supported;
  if (atomic_load_explicit(&supported, memory_order_relaxed))
    return 0;
  for (int64_t i = 0; i < entry->num_features; ++i)
    if (!has_feature(&entry->features[i]))
      return fail(UNSUPPORTED_CPU,
                  "%s_%s: expected a CPU with the features of %s, got one "
                  "without %s",
                  entry->name, function, entry->cpu, entry->features[i].name);
  atomic_store_explicit(&supported, 1, memory_order_relaxed);
  return 0;
}

/*===----------------------------------------------------------------------===
 * Tensors
 *===----------------------------------------------------------------------===*/

/* Where in a call a tensor stands, for messages. */
typedef struct {
  const moe_entry_point *entry;
  const char *function;
  const char *role;
  const moe_tensor_spec *spec;
  int32_t expert;
} position;

/* The token count of a call and the tensor that gave it. */
typedef struct {
  int64_t count; /* -1 until known. */
  const char *role;
  const char *name;
} token_count;

/* Writes what precedes every message about the tensor at `at`. */
static const char *describe(const position *at, char *text, size_t size) {
  const char *name = at->spec->name;
  const char *star = at->spec->per_expert ? strchr(name, '*') : NULL;
  if (star)
    snprintf(text, size, "%s_%s: %s '%.*s%d%s'", at->entry->name, at->function,
             at->role, (int)(star - name), name, at->expert, star + 1);
  else
    snprintf(text, size, "%s_%s: %s '%s'", at->entry->name, at->function,
             at->role, name);
  return text;
}

#define FAIL_AT(at, format, ...)                                               \
  do {                                                                         \
    char text[MESSAGE_SIZE / 2];                                               \
    return fail(INVALID_ARGUMENT, "%s: " format,                               \
                describe(at, text, sizeof(text)), __VA_ARGS__);                \
  } while (0)

/* Writes "16x2048", and for -1, the token count of a table, `unknown`. */
static const char *print_sizes(const int64_t *sizes, int32_t n,
                               const char *unknown, char *text) {
  size_t used = 0;
  for (int32_t i = 0; i < n && used < SHAPE_SIZE; ++i) {
    char number[24];
    snprintf(number, sizeof(number), "%lld", (long long)sizes[i]);
    used += (size_t)snprintf(text + used, SHAPE_SIZE - used, "%s%s",
                             i ? "x" : "", sizes[i] == -1 ? unknown : number);
  }
  return n ? text : "scalar";
}

static const char *print_spec(const moe_tensor_spec *spec, char *text) {
  return print_sizes(spec->shape, spec->rank, "T", text);
}

static const char *print_type(DLDataType type, char *text, size_t size) {
  static const char *const names[] = {"i",  "ui",      "f",   "handle",
                                      "bf", "complex", "bool"};
  const char *lanes = type.lanes == 1 ? "" : ", several lanes";
  if (type.code < sizeof(names) / sizeof(names[0]))
    snprintf(text, size, "%s%d%s", names[type.code], type.bits, lanes);
  else
    snprintf(text, size, "type code %d of %d bits%s", type.code, type.bits,
             lanes);
  return text;
}

static int check_shape(const position *at, const DLTensor *tensor,
                       token_count *tokens) {
  const moe_tensor_spec *spec = at->spec;
  char want[SHAPE_SIZE], got[SHAPE_SIZE];
  if (tensor->ndim != spec->rank)
    FAIL_AT(at, "expected rank %d (%s), got rank %d", spec->rank,
            print_spec(spec, want), tensor->ndim);
  if (spec->rank && !tensor->shape)
    FAIL_AT(at, "expected a shape, got a null %s", "pointer");
  for (int32_t i = 0; i < spec->rank; ++i) {
    int64_t size = tensor->shape[i];
    if (spec->shape[i] == -1 ? size < 0 : size != spec->shape[i])
      FAIL_AT(at, "expected shape %s, got %s", print_spec(spec, want),
              print_sizes(tensor->shape, spec->rank, "-1", got));
    if (spec->shape[i] != -1)
      continue;
    if (tokens->count == -1)
      *tokens = (token_count){size, at->role, spec->name};
    if (size > at->entry->max_tokens)
      FAIL_AT(at, "expected at most %lld tokens, got %lld",
              (long long)at->entry->max_tokens, (long long)size);
    if (size != tokens->count)
      FAIL_AT(at, "expected %lld tokens as %s '%s' has, got %lld",
              (long long)tokens->count, tokens->role, tokens->name,
              (long long)size);
  }
  return 0;
}

static int64_t count_elements(const DLTensor *tensor) {
  int64_t count = 1;
  for (int32_t i = 0; i < tensor->ndim; ++i)
    count *= tensor->shape[i];
  return count;
}

static int check_strides(const position *at, const DLTensor *tensor) {
  if (!tensor->strides || count_elements(tensor) == 0)
    return 0;
  int64_t expected = 1;
  for (int32_t i = tensor->ndim - 1; i >= 0; --i) {
    char got[SHAPE_SIZE];
    if (tensor->shape[i] != 1 && tensor->strides[i] != expected)
      FAIL_AT(at, "expected contiguous row-major elements, got strides %s",
              print_sizes(tensor->strides, tensor->ndim, "-1", got));
    expected *= tensor->shape[i];
  }
  return 0;
}

static int check_memory(const position *at, const DLTensor *tensor,
                        const void **data) {
  if (tensor->device.device_type != kDLCPU)
    FAIL_AT(at,
            "expected memory of the CPU (device type 1), got device type %d",
            (int)tensor->device.device_type);
  int64_t size = at->spec->type_bits / 8;
  *data =
      tensor->data ? (const char *)tensor->data + tensor->byte_offset : NULL;
  if (count_elements(tensor) == 0)
    return 0;
  if (!tensor->data)
    FAIL_AT(at, "expected elements, got a null %s", "pointer");
  if ((uintptr_t)*data % (uintptr_t)size)
    FAIL_AT(at, "expected elements aligned to %d bytes, got address %p",
            (int)size, *data);
  return 0;
}

static int check_tensor(const position *at, const DLTensor *tensor,
                        token_count *tokens, const void **data) {
  int status = check_shape(at, tensor, tokens);
  if (status)
    return status;
  DLDataType type = tensor->dtype;
  char got[64];
  if (type.code != at->spec->type_code || type.bits != at->spec->type_bits ||
      type.lanes != 1)
    FAIL_AT(at, "expected element type %s, got %s", at->spec->type,
            print_type(type, got, sizeof(got)));
  status = check_strides(at, tensor);
  return status ? status : check_memory(at, tensor, data);
}

static size_t count_tensors(const moe_tensor_spec *specs, int64_t n) {
  size_t count = 0;
  for (int64_t i = 0; i < n; ++i)
    count += (size_t)specs[i].count;
  return count;
}

/* Checks `n` tensors against all of `specs` and collects their addresses. */
static int check_tensors(position at, const moe_tensor_spec *specs,
                         int64_t num_specs, const DLTensor *tensors, size_t n,
                         token_count *tokens, const void **data) {
  size_t expected = count_tensors(specs, num_specs);
  if (n != expected)
    return fail(INVALID_ARGUMENT, "%s_%s: expected %zu %s tensors, got %zu",
                at.entry->name, at.function, expected, at.role, n);
  if (n && !tensors)
    return fail(INVALID_ARGUMENT,
                "%s_%s: expected %zu %s tensors, got a null pointer",
                at.entry->name, at.function, expected, at.role);
  for (int64_t i = 0; i < num_specs; ++i)
    for (at.spec = &specs[i], at.expert = 0; at.expert < specs[i].count;
         ++at.expert) {
      int status = check_tensor(&at, tensors++, tokens, data++);
      if (status)
        return status;
    }
  return 0;
}

static int check_buffer(const moe_entry_point *entry, const char *function,
                        const char *role, const void *buffer, size_t size) {
  if (!buffer && size)
    return fail(INVALID_ARGUMENT,
                "%s_%s: expected a %s buffer of %zu bytes, got a null pointer",
                entry->name, function, role, size);
  if ((uintptr_t)buffer % BUFFER_ALIGNMENT)
    return fail(INVALID_ARGUMENT,
                "%s_%s: expected a %s buffer aligned to %d bytes, got address "
                "%p",
                entry->name, function, role, BUFFER_ALIGNMENT, buffer);
  return 0;
}

static int overlaps(const DLTensor *a, const void *a_data, const DLTensor *b,
                    const void *b_data) {
  uintptr_t a_begin = (uintptr_t)a_data, b_begin = (uintptr_t)b_data;
  uintptr_t a_size = (uintptr_t)(count_elements(a) * a->dtype.bits / 8);
  uintptr_t b_size = (uintptr_t)(count_elements(b) * b->dtype.bits / 8);
  return a_size && b_size && a_begin < b_begin + b_size &&
         b_begin < a_begin + a_size;
}

/* An output is written while inputs are still read. */
static int check_overlap(const moe_entry_point *entry, const DLTensor *inputs,
                         const void *const *input_data, const DLTensor *outputs,
                         const void *const *output_data) {
  for (int64_t i = 0; i < entry->num_outputs; ++i) {
    position at = {entry, "run", "output", &entry->outputs[i], 0};
    for (int64_t j = 0; j < entry->num_inputs; ++j)
      if (overlaps(&outputs[i], output_data[i], &inputs[j], input_data[j]))
        FAIL_AT(&at, "expected memory of its own, got that of input '%s'",
                entry->inputs[j].name);
    for (int64_t j = 0; j < i; ++j)
      if (overlaps(&outputs[i], output_data[i], &outputs[j], output_data[j]))
        FAIL_AT(&at, "expected memory of its own, got that of output '%s'",
                entry->outputs[j].name);
  }
  return 0;
}

/*===----------------------------------------------------------------------===
 * What the public functions call
 *===----------------------------------------------------------------------===*/

static size_t get_workspace_size(const moe_entry_point *entry, int64_t tokens) {
  int64_t threads = entry->workspace_per_thread ? omp_get_max_threads() : 0;
  return (size_t)(entry->workspace_fixed + tokens * entry->workspace_per_token +
                  threads * entry->workspace_per_thread);
}

size_t moe_entry_packed_size(const moe_entry_point *entry) {
  return (size_t)entry->packed_size;
}

size_t moe_entry_workspace_size(const moe_entry_point *entry, int64_t tokens) {
  if (tokens >= 0 && tokens <= entry->max_tokens)
    return get_workspace_size(entry, tokens);
  fail(INVALID_ARGUMENT,
       "%s_workspace_size: expected 0 to %lld tokens, got %lld", entry->name,
       (long long)entry->max_tokens, (long long)tokens);
  return 0;
}

/* Weights are read once per run, from memory: with pages of 4 KiB one load in
 * 64 would look up a page. Wishes large pages for the whole ones in the buffer,
 * which takes effect where its pages have not been touched yet. */
static void wish_large_pages(void *buffer, size_t size) {
  uintptr_t mask = LARGE_PAGE - 1;
  uintptr_t begin = ((uintptr_t)buffer + mask) & ~mask;
  uintptr_t end = ((uintptr_t)buffer + size) & ~mask;
  if (begin < end)
    madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

int moe_entry_pack(const moe_entry_point *entry, const DLTensor *params,
                   size_t n, void *packed) {
  int status = check_cpu(entry, "pack");
  if (status)
    return status;
  size_t expected = count_tensors(entry->params, entry->num_params);
  const void **data = malloc((expected + 1) * sizeof(*data));
  if (!data)
    return fail(OUT_OF_MEMORY, "%s_pack: out of memory", entry->name);
  position at = {entry, "pack", "parameter", NULL, 0};
  token_count tokens = {-1, "", ""};
  status = check_tensors(at, entry->params, entry->num_params, params, n,
                         &tokens, data);
  if (!status)
    status = check_buffer(entry, "pack", "packed", packed,
                          (size_t)entry->packed_size);
  if (!status) {
    wish_large_pages(packed, (size_t)entry->packed_size);
    entry->pack(data, packed);
  }
  free(data);
  return status;
}

int moe_entry_run(const moe_entry_point *entry, const DLTensor *inputs,
                  size_t n_in, const void *packed, DLTensor *outputs,
                  size_t n_out, void *workspace) {
  const void *data[MOE_MAX_RUN_TENSORS];
  const void **output_data = data + entry->num_inputs;
  token_count tokens = {-1, "", ""};
  position input = {entry, "run", "input", NULL, 0};
  position output = {entry, "run", "output", NULL, 0};
  int status = check_cpu(entry, "run");
  if (!status)
    status = check_tensors(input, entry->inputs, entry->num_inputs, inputs,
                           n_in, &tokens, data);
  if (!status)
    status = check_tensors(output, entry->outputs, entry->num_outputs, outputs,
                           n_out, &tokens, output_data);
  if (tokens.count == -1) /* No dimension is the token count. */
    tokens.count = 0;
  if (!status)
    status = check_buffer(entry, "run", "packed", packed,
                          (size_t)entry->packed_size);
  if (!status)
    status = check_buffer(entry, "run", "workspace", workspace,
                          get_workspace_size(entry, tokens.count));
  if (!status)
    status = check_overlap(entry, inputs, data, outputs, output_data);
  if (!status)
    entry->run(tokens.count, data, packed, (void *const *)output_data,
               workspace);
  return status;
}
