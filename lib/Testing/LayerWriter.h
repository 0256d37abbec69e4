//===- LayerWriter.h - Text of a layer, op by op ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Writes IR as text: easier to read in a failing case than builder calls are
// here, and it tests the parser on the way.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_TESTING_LAYERWRITER_H
#define MOE_LIB_TESTING_LAYERWRITER_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include <string>

namespace mlir::moe {

/// "tensor<?x16xf32>"; -1 is a dynamic dimension.
std::string tensorType(ArrayRef<int64_t> shape, StringRef elementType);

/// A value in the text: its name and type.
struct Named {
  std::string name;
  SmallVector<int64_t> shape;
  std::string elementType;

  std::string getType() const { return tensorType(shape, elementType); }
};

/// Writes ops on tensors of rows. `count` is the name of the number of rows in
/// the block that is being written.
class LayerWriter {
public:
  /// Names start with `prefix`, text is indented by `indent` blanks.
  explicit LayerWriter(StringRef prefix = "", unsigned indent = 2)
      : prefix(prefix), indent(indent) {}

  std::string &getText() { return text; }
  void setRows(const Named &rows);

  /// `%name = <op>`; returns the name.
  std::string emit(const Twine &op);

  /// Uninitialised and zero tensors of `? x columns`.
  Named empty(int64_t columns, StringRef elementType);
  Named zeros(int64_t columns, StringRef elementType);

  /// rows times weight (`N x K`, or `K x N` with `transposed` false), in f32.
  Named matmul(const Named &rows, const Named &weight, bool transposed);

  /// An element-wise op on inputs that are read by rows and columns, by column
  /// (rank 1, `isColumn`), by row alone (rank 1 otherwise), or by row for all
  /// columns (`? x 1`). `body` maps one f32 per input to one f32.
  struct Input {
    Named value;
    bool isColumn = false;
  };
  Named elementwise(ArrayRef<Input> inputs, int64_t columns,
                    StringRef elementType,
                    function_ref<std::string(ArrayRef<std::string>)> body);

  /// f32 arithmetic inside an element-wise body.
  std::string constant(double value);
  std::string binary(StringRef op, StringRef lhs, StringRef rhs);
  std::string unary(StringRef op, StringRef operand);
  std::string sigmoid(StringRef operand);

private:
  std::string getFreshName() { return "%" + prefix + std::to_string(next++); }

  std::string text, count, prefix;
  unsigned indent;
  unsigned next = 0;
};

} // namespace mlir::moe

#endif // MOE_LIB_TESTING_LAYERWRITER_H
