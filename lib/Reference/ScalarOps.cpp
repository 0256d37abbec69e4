//===- ScalarOps.cpp - Scalar operations ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One table of arith, math and affine: a line per op. Floats are computed in
// f64, to be rounded by the caller; integers wrap around at their width.
//
//===----------------------------------------------------------------------===//

#include "ScalarOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::moe;

//===----------------------------------------------------------------------===//
// Integers of a width
//===----------------------------------------------------------------------===//

static unsigned getWidth(Type type) {
  type = getElementTypeOrSelf(type);
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

/// The low bits of `value` as Scalar holds an integer of `type`.
static Scalar wrap(uint64_t value, Type type) {
  unsigned width = getWidth(type);
  if (width == 1)
    return Scalar::ofInteger(static_cast<int64_t>(value & 1));
  return Scalar::ofInteger(llvm::SignExtend64(value, width));
}

/// The value of an integer of `type` read without a sign, and with one.
static uint64_t asUnsigned(Scalar value, Type type) {
  return static_cast<uint64_t>(value.getInteger()) &
         llvm::maskTrailingOnes<uint64_t>(getWidth(type));
}
static int64_t asSigned(Scalar value, Type type) {
  return getWidth(type) == 1 ? -value.getInteger() : value.getInteger();
}

//===----------------------------------------------------------------------===//
// Kinds of functions
//===----------------------------------------------------------------------===//

namespace {
/// Wrappers that turn a plain C++ function into a ScalarFunction.
template <typename Function>
ScalarFunction ofFloat(Function function) {
  return [function](Operation *, ArrayRef<Scalar> x) -> FailureOr<Scalar> {
    return Scalar::ofFloat(function(x[0].getFloat()));
  };
}
template <typename Function>
ScalarFunction ofFloats(Function function) {
  return [function](Operation *, ArrayRef<Scalar> x) -> FailureOr<Scalar> {
    return Scalar::ofFloat(function(x[0].getFloat(), x[1].getFloat()));
  };
}
template <typename Function>
ScalarFunction ofFloatTest(Function function) {
  return [function](Operation *, ArrayRef<Scalar> x) -> FailureOr<Scalar> {
    return Scalar::ofInteger(function(x[0].getFloat()));
  };
}
template <typename Function>
ScalarFunction ofUnsigned(Function function) {
  return [function](Operation *op, ArrayRef<Scalar> x) -> FailureOr<Scalar> {
    Type type = op->getOperand(0).getType();
    return wrap(function(asUnsigned(x[0], type), asUnsigned(x[1], type)), type);
  };
}
template <typename Function>
ScalarFunction ofSigned(Function function) {
  return [function](Operation *op, ArrayRef<Scalar> x) -> FailureOr<Scalar> {
    Type type = op->getOperand(0).getType();
    return wrap(static_cast<uint64_t>(
                    function(asSigned(x[0], type), asSigned(x[1], type))),
                type);
  };
}
/// Division: as above, with a divisor that is not zero.
template <typename Function>
ScalarFunction ofDivision(ScalarFunction (*kind)(Function), Function function) {
  ScalarFunction divide = kind(function);
  return [divide](Operation *op, ArrayRef<Scalar> x) -> FailureOr<Scalar> {
    if (x[1].getInteger() == 0)
      return op->emitOpError("expected a divisor other than zero");
    return divide(op, x);
  };
}
template <typename Function>
ScalarFunction ofUnsignedDivision(Function function) {
  return ofDivision(&ofUnsigned<Function>, function);
}
template <typename Function>
ScalarFunction ofSignedDivision(Function function) {
  return ofDivision(&ofSigned<Function>, function);
}
/// Shifts: by less than the width.
template <typename Function>
ScalarFunction ofShift(Function function) {
  return [function](Operation *op, ArrayRef<Scalar> x) -> FailureOr<Scalar> {
    Type type = op->getOperand(0).getType();
    uint64_t amount = asUnsigned(x[1], type);
    if (amount >= getWidth(type))
      return op->emitOpError() << "expected a shift by less than "
                               << getWidth(type) << " bits, got " << amount;
    return wrap(function(x[0], type, amount), type);
  };
}

class ScalarTable {
public:
  ScalarTable() {
    addFloatArithmetic();
    addIntegerArithmetic();
    addConversions();
    addMath();
    addAffine();
  }
  llvm::DenseMap<TypeID, ScalarFunction> functions;

private:
  template <typename OpTy>
  void add(ScalarFunction function) {
    functions[TypeID::get<OpTy>()] = std::move(function);
  }
  void addFloatArithmetic();
  void addIntegerArithmetic();
  void addConversions();
  void addMath();
  void addAffine();
};
} // namespace

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

// C's fmin and fmax leave the order of zeros open; arith orders them.
static double minimumNumber(double a, double b) {
  return a == b ? (std::signbit(a) ? a : b) : std::fmin(a, b);
}
static double maximumNumber(double a, double b) {
  return a == b ? (std::signbit(a) ? b : a) : std::fmax(a, b);
}
static double propagateNaN(double (*function)(double, double), double a,
                           double b) {
  return std::isnan(a) ? a : std::isnan(b) ? b : function(a, b);
}

static bool compareFloats(arith::CmpFPredicate predicate, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case arith::CmpFPredicate::AlwaysFalse:
    return false;
  case arith::CmpFPredicate::AlwaysTrue:
    return true;
  case arith::CmpFPredicate::ORD:
    return !unordered;
  case arith::CmpFPredicate::UNO:
    return unordered;
  case arith::CmpFPredicate::OEQ:
    return a == b;
  case arith::CmpFPredicate::OGT:
    return a > b;
  case arith::CmpFPredicate::OGE:
    return a >= b;
  case arith::CmpFPredicate::OLT:
    return a < b;
  case arith::CmpFPredicate::OLE:
    return a <= b;
  case arith::CmpFPredicate::ONE:
    return !unordered && a != b;
  case arith::CmpFPredicate::UEQ:
    return unordered || a == b;
  case arith::CmpFPredicate::UGT:
    return unordered || a > b;
  case arith::CmpFPredicate::UGE:
    return unordered || a >= b;
  case arith::CmpFPredicate::ULT:
    return unordered || a < b;
  case arith::CmpFPredicate::ULE:
    return unordered || a <= b;
  case arith::CmpFPredicate::UNE:
    return unordered || a != b;
  }
  llvm_unreachable("unknown predicate");
}

static FailureOr<Scalar> evaluateCmpF(Operation *op, ArrayRef<Scalar> x) {
  return Scalar::ofInteger(compareFloats(cast<arith::CmpFOp>(op).getPredicate(),
                                         x[0].getFloat(), x[1].getFloat()));
}

void ScalarTable::addFloatArithmetic() {
  add<arith::AddFOp>(ofFloats([](double a, double b) { return a + b; }));
  add<arith::SubFOp>(ofFloats([](double a, double b) { return a - b; }));
  add<arith::MulFOp>(ofFloats([](double a, double b) { return a * b; }));
  add<arith::DivFOp>(ofFloats([](double a, double b) { return a / b; }));
  add<arith::RemFOp>(
      ofFloats([](double a, double b) { return std::fmod(a, b); }));
  add<arith::NegFOp>(ofFloat([](double a) { return -a; }));
  add<arith::MinNumFOp>(ofFloats(minimumNumber));
  add<arith::MaxNumFOp>(ofFloats(maximumNumber));
  add<arith::MinimumFOp>(ofFloats(
      [](double a, double b) { return propagateNaN(minimumNumber, a, b); }));
  add<arith::MaximumFOp>(ofFloats(
      [](double a, double b) { return propagateNaN(maximumNumber, a, b); }));
  add<arith::CmpFOp>(evaluateCmpF);
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

static FailureOr<Scalar> evaluateCmpI(Operation *op, ArrayRef<Scalar> x) {
  Type type = op->getOperand(0).getType();
  unsigned width = getWidth(type);
  return Scalar::ofInteger(
      arith::applyCmpPredicate(cast<arith::CmpIOp>(op).getPredicate(),
                               llvm::APInt(width, asUnsigned(x[0], type)),
                               llvm::APInt(width, asUnsigned(x[1], type))));
}

static FailureOr<Scalar> evaluateSelect(Operation *, ArrayRef<Scalar> x) {
  return x[0].getInteger() ? x[1] : x[2];
}

// The least integer has no negative: its quotient by -1 wraps around.
static int64_t divideSigned(int64_t a, int64_t b) {
  return b == -1 ? static_cast<int64_t>(-static_cast<uint64_t>(a)) : a / b;
}
static int64_t remainderSigned(int64_t a, int64_t b) {
  return b == -1 ? 0 : a % b;
}
static int64_t divideFloor(int64_t a, int64_t b) {
  int64_t remainder = remainderSigned(a, b);
  return divideSigned(a, b) - (remainder != 0 && (remainder < 0) != (b < 0));
}
static int64_t divideCeil(int64_t a, int64_t b) {
  int64_t remainder = remainderSigned(a, b);
  return divideSigned(a, b) + (remainder != 0 && (remainder < 0) == (b < 0));
}

void ScalarTable::addIntegerArithmetic() {
  using U = uint64_t;
  add<arith::AddIOp>(ofUnsigned([](U a, U b) { return a + b; }));
  add<arith::SubIOp>(ofUnsigned([](U a, U b) { return a - b; }));
  add<arith::MulIOp>(ofUnsigned([](U a, U b) { return a * b; }));
  add<arith::AndIOp>(ofUnsigned([](U a, U b) { return a & b; }));
  add<arith::OrIOp>(ofUnsigned([](U a, U b) { return a | b; }));
  add<arith::XOrIOp>(ofUnsigned([](U a, U b) { return a ^ b; }));
  add<arith::MinUIOp>(ofUnsigned([](U a, U b) { return std::min(a, b); }));
  add<arith::MaxUIOp>(ofUnsigned([](U a, U b) { return std::max(a, b); }));
  add<arith::DivUIOp>(ofUnsignedDivision([](U a, U b) { return a / b; }));
  add<arith::RemUIOp>(ofUnsignedDivision([](U a, U b) { return a % b; }));
  add<arith::CeilDivUIOp>(
      ofUnsignedDivision([](U a, U b) { return a / b + (a % b != 0); }));

  using S = int64_t;
  add<arith::MinSIOp>(ofSigned([](S a, S b) { return std::min(a, b); }));
  add<arith::MaxSIOp>(ofSigned([](S a, S b) { return std::max(a, b); }));
  add<arith::DivSIOp>(ofSignedDivision(divideSigned));
  add<arith::RemSIOp>(ofSignedDivision(remainderSigned));
  add<arith::FloorDivSIOp>(ofSignedDivision(divideFloor));
  add<arith::CeilDivSIOp>(ofSignedDivision(divideCeil));

  add<arith::ShLIOp>(ofShift(
      [](Scalar a, Type type, U b) { return asUnsigned(a, type) << b; }));
  add<arith::ShRUIOp>(ofShift(
      [](Scalar a, Type type, U b) { return asUnsigned(a, type) >> b; }));
  add<arith::ShRSIOp>(ofShift([](Scalar a, Type type, U b) {
    return static_cast<U>(asSigned(a, type) >> b);
  }));
  add<arith::CmpIOp>(evaluateCmpI);
  add<arith::SelectOp>(evaluateSelect);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// extf and truncf: rounding, if any, is that of every result.
static FailureOr<Scalar> keepValue(Operation *, ArrayRef<Scalar> x) {
  return x[0];
}

static FailureOr<Scalar> evaluateTruncF(Operation *op, ArrayRef<Scalar> x) {
  auto mode = cast<arith::TruncFOp>(op).getRoundingmode();
  if (mode && *mode != arith::RoundingMode::to_nearest_even)
    return op->emitOpError() << "expected rounding to nearest even, got "
                             << arith::stringifyRoundingMode(*mode);
  return x[0];
}

static FailureOr<Scalar> extendUnsigned(Operation *op, ArrayRef<Scalar> x) {
  return wrap(asUnsigned(x[0], op->getOperand(0).getType()),
              op->getResult(0).getType());
}
static FailureOr<Scalar> extendSigned(Operation *op, ArrayRef<Scalar> x) {
  return wrap(
      static_cast<uint64_t>(asSigned(x[0], op->getOperand(0).getType())),
      op->getResult(0).getType());
}

/// Float to integer, towards zero. What is out of range is poison, which here
/// is the unspecified integer.
static FailureOr<Scalar> convertToInteger(Operation *op, ArrayRef<Scalar> x,
                                          bool isSigned) {
  Type type = op->getResult(0).getType();
  unsigned width = getWidth(type);
  llvm::APSInt result(width, /*isUnsigned=*/!isSigned);
  bool isExact;
  llvm::APFloat::opStatus status =
      llvm::APFloat(x[0].getFloat())
          .convertToInteger(result, llvm::APFloat::rmTowardZero, &isExact);
  if (status & llvm::APFloat::opInvalidOp)
    return wrap(uint64_t(1) << (width - 1), type);
  return wrap(result.getZExtValue(), type);
}

static llvm::APFloat encode(double value, FloatType type) {
  llvm::APFloat result(value);
  bool losesInfo;
  result.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                 &losesInfo);
  return result;
}

static Scalar decode(llvm::APFloat value) {
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
                &losesInfo);
  return Scalar::ofFloat(value.convertToDouble());
}

/// The same bits read as another type; in exact mode those that the value has
/// once rounded to the operand's type.
static FailureOr<Scalar> evaluateBitcast(Operation *op, ArrayRef<Scalar> x) {
  Type from = getElementTypeOrSelf(op->getOperand(0).getType());
  Type to = getElementTypeOrSelf(op->getResult(0).getType());
  llvm::APInt bits =
      x[0].isFloat()
          ? encode(x[0].getFloat(), cast<FloatType>(from)).bitcastToAPInt()
          : llvm::APInt(getWidth(from), asUnsigned(x[0], from));
  auto floatType = dyn_cast<FloatType>(to);
  if (!floatType)
    return wrap(bits.getZExtValue(), to);
  return decode(llvm::APFloat(floatType.getFloatSemantics(), bits));
}

void ScalarTable::addConversions() {
  add<arith::ExtFOp>(keepValue);
  add<arith::TruncFOp>(evaluateTruncF);
  add<arith::ExtUIOp>(extendUnsigned);
  add<arith::ExtSIOp>(extendSigned);
  add<arith::TruncIOp>(extendSigned);
  add<arith::IndexCastOp>(extendSigned);
  add<arith::IndexCastUIOp>(extendUnsigned);
  add<arith::SIToFPOp>([](Operation *op, ArrayRef<Scalar> x) {
    return Scalar::ofFloat(
        static_cast<double>(asSigned(x[0], op->getOperand(0).getType())));
  });
  add<arith::UIToFPOp>([](Operation *op, ArrayRef<Scalar> x) {
    return Scalar::ofFloat(
        static_cast<double>(asUnsigned(x[0], op->getOperand(0).getType())));
  });
  add<arith::FPToSIOp>([](Operation *op, ArrayRef<Scalar> x) {
    return convertToInteger(op, x, /*isSigned=*/true);
  });
  add<arith::FPToUIOp>([](Operation *op, ArrayRef<Scalar> x) {
    return convertToInteger(op, x, /*isSigned=*/false);
  });
  add<arith::BitcastOp>(evaluateBitcast);
}

//===----------------------------------------------------------------------===//
// math
//===----------------------------------------------------------------------===//

/// An std:: function, which is overloaded, on doubles.
#define ON_DOUBLE(function) ofFloat([](double a) { return std::function(a); })
#define ON_DOUBLES(function)                                                   \
  ofFloats([](double a, double b) { return std::function(a, b); })

void ScalarTable::addMath() {
  add<math::AbsFOp>(ON_DOUBLE(fabs));
  add<math::AcosOp>(ON_DOUBLE(acos));
  add<math::AcoshOp>(ON_DOUBLE(acosh));
  add<math::AsinOp>(ON_DOUBLE(asin));
  add<math::AsinhOp>(ON_DOUBLE(asinh));
  add<math::AtanOp>(ON_DOUBLE(atan));
  add<math::AtanhOp>(ON_DOUBLE(atanh));
  add<math::CbrtOp>(ON_DOUBLE(cbrt));
  add<math::CeilOp>(ON_DOUBLE(ceil));
  add<math::CosOp>(ON_DOUBLE(cos));
  add<math::CoshOp>(ON_DOUBLE(cosh));
  add<math::ErfOp>(ON_DOUBLE(erf));
  add<math::ErfcOp>(ON_DOUBLE(erfc));
  add<math::ExpOp>(ON_DOUBLE(exp));
  add<math::Exp2Op>(ON_DOUBLE(exp2));
  add<math::ExpM1Op>(ON_DOUBLE(expm1));
  add<math::FloorOp>(ON_DOUBLE(floor));
  add<math::LogOp>(ON_DOUBLE(log));
  add<math::Log10Op>(ON_DOUBLE(log10));
  add<math::Log1pOp>(ON_DOUBLE(log1p));
  add<math::Log2Op>(ON_DOUBLE(log2));
  add<math::RoundOp>(ON_DOUBLE(round));
  add<math::RoundEvenOp>(ON_DOUBLE(nearbyint));
  add<math::SinOp>(ON_DOUBLE(sin));
  add<math::SinhOp>(ON_DOUBLE(sinh));
  add<math::SqrtOp>(ON_DOUBLE(sqrt));
  add<math::TanOp>(ON_DOUBLE(tan));
  add<math::TanhOp>(ON_DOUBLE(tanh));
  add<math::TruncOp>(ON_DOUBLE(trunc));
  add<math::RsqrtOp>(ofFloat([](double a) { return 1.0 / std::sqrt(a); }));
  add<math::Atan2Op>(ON_DOUBLES(atan2));
  add<math::CopySignOp>(ON_DOUBLES(copysign));
  add<math::PowFOp>(ON_DOUBLES(pow));
  add<math::FPowIOp>([](Operation *op, ArrayRef<Scalar> x) {
    int64_t exponent = asSigned(x[1], op->getOperand(1).getType());
    return Scalar::ofFloat(
        std::pow(x[0].getFloat(), static_cast<double>(exponent)));
  });
  add<math::FmaOp>([](Operation *, ArrayRef<Scalar> x) {
    return Scalar::ofFloat(
        std::fma(x[0].getFloat(), x[1].getFloat(), x[2].getFloat()));
  });
  add<math::ClampFOp>([](Operation *, ArrayRef<Scalar> x) {
    double low = propagateNaN(maximumNumber, x[0].getFloat(), x[1].getFloat());
    return Scalar::ofFloat(propagateNaN(minimumNumber, low, x[2].getFloat()));
  });
  add<math::IsNaNOp>(ofFloatTest([](double a) { return std::isnan(a); }));
  add<math::IsInfOp>(ofFloatTest([](double a) { return std::isinf(a); }));
  add<math::IsFiniteOp>(ofFloatTest([](double a) { return std::isfinite(a); }));
  add<math::AbsIOp>([](Operation *op, ArrayRef<Scalar> x) {
    Type type = op->getOperand(0).getType();
    int64_t value = asSigned(x[0], type);
    uint64_t bits = static_cast<uint64_t>(value);
    return wrap(value < 0 ? -bits : bits, type);
  });
}

#undef ON_DOUBLE
#undef ON_DOUBLES

//===----------------------------------------------------------------------===//
// affine
//===----------------------------------------------------------------------===//

/// The results of the op's map, of which `choose` makes one.
template <typename OpTy, typename Choose>
static ScalarFunction ofAffineMap(Choose choose) {
  return [choose](Operation *op, ArrayRef<Scalar> x) -> FailureOr<Scalar> {
    SmallVector<Attribute> constants, results;
    for (Scalar operand : x)
      constants.push_back(IntegerAttr::get(IndexType::get(op->getContext()),
                                           operand.getInteger()));
    if (failed(cast<OpTy>(op).getMap().constantFold(constants, results)))
      return op->emitOpError("expected a divisor other than zero");
    return Scalar::ofInteger(
        choose(llvm::map_to_vector(results, [](Attribute result) {
          return cast<IntegerAttr>(result).getInt();
        })));
  };
}

void ScalarTable::addAffine() {
  using Results = ArrayRef<int64_t>;
  add<affine::AffineApplyOp>(ofAffineMap<affine::AffineApplyOp>(
      [](Results results) { return results.front(); }));
  add<affine::AffineMinOp>(ofAffineMap<affine::AffineMinOp>(
      [](Results results) { return *llvm::min_element(results); }));
  add<affine::AffineMaxOp>(ofAffineMap<affine::AffineMaxOp>(
      [](Results results) { return *llvm::max_element(results); }));
}

//===----------------------------------------------------------------------===//
// Interface
//===----------------------------------------------------------------------===//

const ScalarFunction *mlir::moe::lookupScalarFunction(Operation *op) {
  static const ScalarTable table;
  auto it = table.functions.find(op->getName().getTypeID());
  return it == table.functions.end() ? nullptr : &it->second;
}

FailureOr<Scalar> mlir::moe::getScalarConstant(Attribute attribute) {
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return decode(number.getValue());
  auto integer = dyn_cast<IntegerAttr>(attribute);
  if (!integer || integer.getValue().getBitWidth() > 64)
    return failure();
  return wrap(integer.getValue().getZExtValue(), integer.getType());
}

Scalar mlir::moe::roundResult(Scalar value, Type type, Precision precision) {
  if (precision == Precision::Exact || !value.isFloat())
    return value;
  Type scalarType = getElementTypeOrSelf(type);
  if (std::optional<ElementType> known = getElementTypeFor(scalarType))
    return Scalar::ofFloat(roundToElementType(*known, value.getFloat()));
  return decode(encode(value.getFloat(), cast<FloatType>(scalarType)));
}
