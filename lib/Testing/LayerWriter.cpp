//===- LayerWriter.cpp - Text of a layer, op by op ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Products, element-wise ops and scalars as text.
//
//===----------------------------------------------------------------------===//

#include "LayerWriter.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::moe;

std::string mlir::moe::tensorType(ArrayRef<int64_t> shape,
                                  StringRef elementType) {
  std::string type = "tensor<";
  for (int64_t size : shape)
    type += (size < 0 ? "?" : std::to_string(size)) + "x";
  return type + elementType.str() + ">";
}

std::string LayerWriter::emit(const Twine &op) {
  std::string name = getFreshName();
  text += std::string(indent, ' ') + name + " = " + op.str() + "\n";
  return name;
}

void LayerWriter::setRows(const Named &rows) {
  std::string zero = emit("arith.constant 0 : index");
  count =
      emit("tensor.dim " + rows.name + ", " + zero + " : " + rows.getType());
}

Named LayerWriter::empty(int64_t columns, StringRef elementType) {
  Named result{"", {-1, columns}, elementType.str()};
  result.name = emit("tensor.empty(" + count + ") : " + result.getType());
  return result;
}

Named LayerWriter::zeros(int64_t columns, StringRef elementType) {
  Named init = empty(columns, elementType);
  std::string zero = emit("arith.constant 0.0 : " + elementType);
  Named result = init;
  result.name =
      emit("linalg.fill ins(" + zero + " : " + elementType + ") outs(" +
           init.name + " : " + init.getType() + ") -> " + init.getType());
  return result;
}

Named LayerWriter::matmul(const Named &rows, const Named &weight,
                          bool transposed) {
  Named result = zeros(weight.shape[transposed ? 0 : 1], "f32");
  std::string maps = transposed
                         ? " indexing_maps = [affine_map<(m, n, k) -> (m, k)>, "
                           "affine_map<(m, n, k) -> (n, k)>, "
                           "affine_map<(m, n, k) -> (m, n)>]"
                         : "";
  result.name =
      emit("linalg.matmul" + maps + " ins(" + rows.name + ", " + weight.name +
           " : " + rows.getType() + ", " + weight.getType() + ") outs(" +
           result.name + " : " + result.getType() + ") -> " + result.getType());
  return result;
}

/// Where element (d0, d1) of the result reads an input.
static StringRef getMap(const LayerWriter::Input &input) {
  if (input.value.shape.size() == 1)
    return input.isColumn ? "affine_map<(d0, d1) -> (d1)>"
                          : "affine_map<(d0, d1) -> (d0)>";
  return input.isColumn ? "affine_map<(d0, d1) -> (d0, 0)>"
                        : "affine_map<(d0, d1) -> (d0, d1)>";
}

Named LayerWriter::elementwise(
    ArrayRef<Input> inputs, int64_t columns, StringRef elementType,
    function_ref<std::string(ArrayRef<std::string>)> body) {
  Named init = empty(columns, elementType);
  std::string maps, names, types, arguments;
  SmallVector<std::string> scalars;
  for (const Input &input : inputs) {
    std::string scalar = getFreshName();
    maps += getMap(input).str() + ", ";
    names += (names.empty() ? "" : ", ") + input.value.name;
    types += (types.empty() ? "" : ", ") + input.value.getType();
    arguments += scalar + ": " + input.value.elementType + ", ";
    scalars.push_back(scalar);
  }
  Named result = init;
  std::string margin(indent, ' ');
  result.name = getFreshName();
  text += margin + result.name + " = linalg.generic {indexing_maps = [" + maps +
          "affine_map<(d0, d1) -> (d0, d1)>], iterator_types = [\"parallel\", "
          "\"parallel\"]} ins(" +
          names + " : " + types + ") outs(" + init.name + " : " +
          init.getType() + ") {\n" + margin + "^bb0(" + arguments +
          getFreshName() + ": " + elementType.str() + "):\n";
  indent += 2;
  for (auto [scalar, input] : llvm::zip(scalars, inputs))
    if (input.value.elementType != "f32")
      scalar = emit("arith.extf " + scalar + " : " + input.value.elementType +
                    " to f32");
  std::string value = body(scalars);
  if (elementType != "f32")
    value = emit("arith.truncf " + value + " : f32 to " + elementType);
  indent -= 2;
  text += margin + "  linalg.yield " + value + " : " + elementType.str() +
          "\n" + margin + "} -> " + result.getType() + "\n";
  return result;
}

std::string LayerWriter::constant(double value) {
  std::string number;
  llvm::raw_string_ostream(number) << llvm::format("%.8e", value);
  return emit("arith.constant " + number + " : f32");
}

std::string LayerWriter::binary(StringRef op, StringRef lhs, StringRef rhs) {
  return emit(op + " " + lhs + ", " + rhs + " : f32");
}

std::string LayerWriter::unary(StringRef op, StringRef operand) {
  return emit(op + " " + operand + " : f32");
}

std::string LayerWriter::sigmoid(StringRef operand) {
  std::string negative = unary("arith.negf", operand);
  std::string power = unary("math.exp", negative);
  std::string one = constant(1.0);
  std::string sum = binary("arith.addf", power, one);
  return binary("arith.divf", one, sum);
}
