//===- CHeader.cpp - The C header of a compiled layer --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "moe/Target/CPU/CHeader.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::moe;

constexpr llvm::StringLiteral kIntroduction = R"(
// Per entry point NAME below:
//
//   1. void *packed = aligned_alloc(2097152, ...);  // NAME_packed_size() bytes
//      NAME_pack(params, NAME_num_params, packed);  // once; params can go then
//   2. void *workspace = aligned_alloc(64, ...);    // NAME_workspace_size(T)
//      NAME_run(inputs, NAME_num_inputs, packed, outputs, NAME_num_outputs,
//               workspace);                         // per call
//
// * T, the number of tokens, is any number from 0 up, the same in every tensor
//   of a call.
// * Tensors are contiguous and row-major (strides may be null), in memory of
//   the CPU, aligned to their element; byte_offset is honoured. A parameter
//   with `*` in its name is one tensor per expert, in expert order.
// * packed and workspace are aligned to 64 bytes, packed better to 2 MiB (a
//   multiple of it, for aligned_alloc). NAME_pack asks the system for large
//   pages, which takes effect in memory that nobody has touched. Outputs overlap
//   no other tensor.
// * Parameters have the type that is listed below, whatever a checkpoint stores:
//   widen bf16 where f32 is wanted, as for the router of DeepSeek-V3.
// * NAME_pack and NAME_run use the threads of OpenMP (omp_set_num_threads,
//   OMP_NUM_THREADS). Ask for NAME_workspace_size with the number of threads
//   that NAME_run will have. The number does not change results.
// * The OpenMP runtime is LLVM's; another one in the process does no harm. Where
//   it comes first in the global scope (as in PyTorch's process), its number of
//   threads is the one that counts.
// * NAME_run may be called from several threads at a time, each with a
//   workspace of its own.
// * Whatever is wrong with an argument is a status and a message in
//   NAME_last_error(), which is per thread and lasts until its next error.
)";

constexpr llvm::StringLiteral kPrologue = R"(
#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// 0: success
// 1: an argument is not what it has to be
// 2: the CPU lacks a feature that the code was compiled for
// 3: out of memory
#ifndef MOE_STATUS_DEFINED
#define MOE_STATUS_DEFINED
typedef int moe_status;
#endif
)";

constexpr llvm::StringLiteral kEpilogue = R"(
#ifdef __cplusplus
}
#endif
)";

/// "64x2048" with T for the token count.
static std::string stringifyShape(ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "scalar";
  return llvm::join(llvm::map_range(shape,
                                    [](int64_t size) {
                                      return ShapedType::isDynamic(size)
                                                 ? std::string("T")
                                                 : std::to_string(size);
                                    }),
                    "x");
}

/// One line for each of `tensors`, which are consecutive in the array `array`.
static void printTensors(llvm::raw_ostream &os, StringRef array,
                         ArrayRef<EntryTensor> tensors) {
  int64_t index = 0;
  for (const EntryTensor &tensor : tensors) {
    std::string place = std::to_string(index);
    index += tensor.getCount();
    if (tensor.perExpert)
      place += ".." + std::to_string(index - 1);
    os << "//   " << array << "[" << place
       << "]: " << stringifyShape(tensor.getShape()) << " "
       << tensor.type.getElementType() << " \"";
    // Names are the model's; nothing in them may end a comment line.
    llvm::printEscapedString(tensor.name, os);
    os << "\"\n";
  }
}

static void printEntryPoint(llvm::raw_ostream &os, const EntryPoint &entry) {
  StringRef name = entry.name;
  os << "\n//===-- " << name << " --===//\n//\n// Parameters:\n";
  printTensors(os, "params", entry.params);
  os << "// Inputs:\n";
  printTensors(os, "inputs", entry.inputs);
  os << "// Outputs:\n";
  printTensors(os, "outputs", entry.outputs);
  os << "\nenum {\n  " << name << "_num_params = " << entry.getNumParamTensors()
     << ",\n  " << name << "_num_inputs = " << entry.inputs.size() << ",\n  "
     << name << "_num_outputs = " << entry.outputs.size() << "\n};\n\n"
     << "// Bytes of packed parameters.\n"
     << "size_t " << name << "_packed_size(void);\n\n"
     << "// Writes the parameters in the form that " << name << "_run reads.\n"
     << "moe_status " << name
     << "_pack(const DLTensor *params, size_t n, void *packed);\n\n"
     << "// Bytes of workspace for that many tokens, 0 to "
     << entry.getMaxTokens() << ".\n"
     << "size_t " << name << "_workspace_size(int64_t tokens);\n\n"
     << "// Computes the outputs.\n"
     << "moe_status " << name
     << "_run(const DLTensor *inputs, size_t n_in, const void *packed,\n"
     << "    DLTensor *outputs, size_t n_out, void *workspace);\n\n"
     << "// The message of this thread's last error, or \"\".\n"
     << "const char *" << name << "_last_error(void);\n";
}

void moe::printCHeader(llvm::raw_ostream &os, ArrayRef<EntryPoint> entryPoints,
                       StringRef fileName, StringRef cpu) {
  std::string guard = "MOE_";
  for (char c : fileName)
    guard += llvm::isAlnum(c) ? llvm::toUpper(c) : '_';
  os << "// ";
  llvm::printEscapedString(fileName, os);
  os << " - compiled Mixture-of-Experts layers for the CPU " << cpu
     << "\n// Made by moe-compile: changes are lost.\n//" << kIntroduction
     << "\n#ifndef " << guard << "\n#define " << guard << "\n"
     << kPrologue;
  for (const EntryPoint &entry : entryPoints)
    printEntryPoint(os, entry);
  os << kEpilogue << "\n#endif // " << guard << "\n";
}
