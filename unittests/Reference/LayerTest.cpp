//===- LayerTest.cpp - Whole layers against plain formulas ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A layer with a sigmoid router, key bias, groups, renormalisation and SwiGLU
// experts, as IR and as loops; and the interpreter's own interface.
//
//===----------------------------------------------------------------------===//

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Reference/Interpreter.h"
#include "moe/Runtime/Random.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace mlir;
using namespace mlir::moe;

namespace {
constexpr int64_t E = 6, K = 2, H = 5, F = 3;

const char *const layerText = R"(
#rows = affine_map<(m, n, k) -> (m, k)>
#weights = affine_map<(m, n, k) -> (n, k)>
#result = affine_map<(m, n, k) -> (m, n)>
#same = affine_map<(i, j) -> (i, j)>
func.func @forward(%x: tensor<?x5xf32>, %router: tensor<6x5xf32>,
    %bias: tensor<6xf32>, %gate: tensor<6x3x5xf32>, %up: tensor<6x3x5xf32>,
    %down: tensor<6x5x3xf32>) -> (tensor<?x5xf32>, tensor<?x2xi32>, tensor<?x2xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %t = tensor.dim %x, %c0 : tensor<?x5xf32>
  %e = tensor.empty(%t) : tensor<?x6xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x6xf32>) -> tensor<?x6xf32>
  %z = linalg.matmul indexing_maps = [#rows, #weights, #result]
      ins(%x, %router : tensor<?x5xf32>, tensor<6x5xf32>) outs(%f : tensor<?x6xf32>) -> tensor<?x6xf32>
  %ids, %w = moe.route %z bias(%bias)
      router<score = sigmoid, top_k = 2, groups = <count = 3, keep = 2, sum_top = 2>,
             renormalize = <mode = add, epsilon = 1.0e-20>, scale = 2.5>
      : (tensor<?x6xf32>, tensor<6xf32>) -> (tensor<?x2xi32>, tensor<?x2xf32>)
  %y = moe.experts %x, %ids, %w params(%gate, %up, %down)
      : (tensor<?x5xf32>, tensor<?x2xi32>, tensor<?x2xf32>, tensor<6x3x5xf32>, tensor<6x3x5xf32>, tensor<6x5x3xf32>) -> tensor<?x5xf32> {
  ^expert(%rows: tensor<?x5xf32>, %g: tensor<3x5xf32>, %u: tensor<3x5xf32>, %d: tensor<5x3xf32>):
    %c0_0 = arith.constant 0 : index
    %zero_0 = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : f32
    %r = tensor.dim %rows, %c0_0 : tensor<?x5xf32>
    %he = tensor.empty(%r) : tensor<?x3xf32>
    %hf = linalg.fill ins(%zero_0 : f32) outs(%he : tensor<?x3xf32>) -> tensor<?x3xf32>
    %a = linalg.matmul indexing_maps = [#rows, #weights, #result]
        ins(%rows, %g : tensor<?x5xf32>, tensor<3x5xf32>) outs(%hf : tensor<?x3xf32>) -> tensor<?x3xf32>
    %b = linalg.matmul indexing_maps = [#rows, #weights, #result]
        ins(%rows, %u : tensor<?x5xf32>, tensor<3x5xf32>) outs(%hf : tensor<?x3xf32>) -> tensor<?x3xf32>
    %h = linalg.generic {indexing_maps = [#same, #same, #same], iterator_types = ["parallel", "parallel"]}
        ins(%a, %b : tensor<?x3xf32>, tensor<?x3xf32>) outs(%he : tensor<?x3xf32>) {
    ^bb0(%p: f32, %q: f32, %out: f32):
      %n = arith.negf %p : f32
      %x0 = math.exp %n : f32
      %x1 = arith.addf %x0, %one : f32
      %x2 = arith.divf %p, %x1 : f32
      %x3 = arith.mulf %x2, %q : f32
      linalg.yield %x3 : f32
    } -> tensor<?x3xf32>
    %oe = tensor.empty(%r) : tensor<?x5xf32>
    %of = linalg.fill ins(%zero_0 : f32) outs(%oe : tensor<?x5xf32>) -> tensor<?x5xf32>
    %o = linalg.matmul indexing_maps = [#rows, #weights, #result]
        ins(%h, %d : tensor<?x3xf32>, tensor<5x3xf32>) outs(%of : tensor<?x5xf32>) -> tensor<?x5xf32>
    moe.yield %o : tensor<?x5xf32>
  }
  return %y, %ids, %w : tensor<?x5xf32>, tensor<?x2xi32>, tensor<?x2xf32>
}
)";

class LayerTest : public testing::Test {
protected:
  LayerTest() {
    context.loadDialect<func::FuncDialect, arith::ArithDialect,
                        linalg::LinalgDialect, math::MathDialect,
                        tensor::TensorDialect, MoEDialect>();
    module = parseSourceString<ModuleOp>(layerText, ParserConfig(&context));
  }
  func::FuncOp getFunction() {
    return module->lookupSymbol<func::FuncOp>("forward");
  }

  /// Random arguments for `tokens` tokens.
  std::vector<Tensor> makeArguments(int64_t tokens) {
    std::vector<Tensor> tensors;
    uint64_t seed = 100;
    std::vector<std::vector<int64_t>> shapes = {
        {tokens, H}, {E, H}, {E}, {E, F, H}, {E, F, H}, {E, H, F}};
    for (const std::vector<int64_t> &shape : shapes) {
      tensors.push_back(Tensor::zeros(ElementType::f32, shape));
      fillRandom(tensors.back(), seed++, Distribution::normal);
    }
    return tensors;
  }
  static SmallVector<InterpreterValue> toValues(ArrayRef<Tensor> tensors) {
    return SmallVector<InterpreterValue>(tensors.begin(), tensors.end());
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

double dot(const Tensor &a, const Tensor &b) {
  double sum = 0.0;
  for (int64_t i = 0; i < a.getNumElements(); ++i)
    sum += a.get(i) * b.get(i);
  return sum;
}

/// The layer's formula for one token, term by term.
struct Expected {
  std::vector<int64_t> ids;
  std::vector<double> weights, y;
};
Expected computeToken(ArrayRef<Tensor> arguments, int64_t token) {
  Tensor x = arguments[0].slice(token);
  std::vector<double> score(E), key(E);
  for (int64_t e = 0; e < E; ++e) {
    score[e] = 1.0 / (1.0 + std::exp(-dot(x, arguments[1].slice(e))));
    key[e] = score[e] + arguments[2].get(e);
  }
  // The worst of three groups of two goes.
  auto groupScore = [&](int64_t g) { return key[2 * g] + key[2 * g + 1]; };
  int64_t worst = 0;
  for (int64_t g = 1; g < 3; ++g)
    if (groupScore(g) <= groupScore(worst))
      worst = g;
  Expected result;
  for (int64_t s = 0; s < K; ++s) {
    int64_t best = -1;
    for (int64_t e = 0; e < E; ++e)
      if (e / 2 != worst && (s == 0 || e != result.ids[0]) &&
          (best < 0 || key[e] > key[best]))
        best = e;
    result.ids.push_back(best);
  }
  double sum = score[result.ids[0]] + score[result.ids[1]] + 1e-20;
  result.y.resize(H);
  for (int64_t id : result.ids) {
    result.weights.push_back(score[id] / sum * 2.5);
    std::vector<double> h;
    for (int64_t f = 0; f < F; ++f) {
      double gate = dot(x, arguments[3].slice(id).slice(f));
      double up = dot(x, arguments[4].slice(id).slice(f));
      h.push_back(gate / (1.0 + std::exp(-gate)) * up);
    }
    for (int64_t n = 0; n < H; ++n)
      for (int64_t f = 0; f < F; ++f)
        result.y[n] +=
            result.weights.back() * arguments[5].at({id, n, f}) * h[f];
  }
  return result;
}

TEST_F(LayerTest, MatchesFormula) {
  for (int64_t tokens : {0, 1, 7, 200}) {
    std::vector<Tensor> arguments = makeArguments(tokens);
    auto results = interpret(getFunction(), toValues(arguments));
    ASSERT_TRUE(succeeded(results));
    Tensor y = (*results)[0].getTensor(), ids = (*results)[1].getTensor(),
           weights = (*results)[2].getTensor();
    EXPECT_EQ(y.getType(), ElementType::f64);
    EXPECT_THAT(y.getShape(), testing::ElementsAre(tokens, H));
    for (int64_t t = 0; t < tokens; ++t) {
      Expected expected = computeToken(arguments, t);
      for (int64_t s = 0; s < K; ++s) {
        EXPECT_EQ(ids.at({t, s}), static_cast<double>(expected.ids[s]));
        // The logits of the router are f32: 2^-24 of about 10.
        EXPECT_NEAR(weights.at({t, s}), expected.weights[s], 1e-5);
      }
      for (int64_t n = 0; n < H; ++n)
        EXPECT_NEAR(y.at({t, n}), expected.y[n],
                    1e-5 * (1.0 + std::fabs(expected.y[n])));
    }
  }
}

TEST_F(LayerTest, TypedResultsHaveTheirTypes) {
  InterpreterOptions options;
  options.precision = Precision::Typed;
  auto results = interpret(getFunction(), toValues(makeArguments(2)), options);
  ASSERT_TRUE(succeeded(results));
  EXPECT_EQ((*results)[0].getTensor().getType(), ElementType::f32);
  EXPECT_EQ((*results)[1].getTensor().getType(), ElementType::i32);
  EXPECT_EQ((*results)[2].getTensor().getType(), ElementType::f32);
}

TEST_F(LayerTest, ReplaysIds) {
  std::vector<Tensor> arguments = makeArguments(1);
  Tensor ids = Tensor::fromValues(ElementType::i32, {1, K}, {5, -1});
  InterpreterOptions options;
  options.replayIds = {ids};
  auto results = interpret(getFunction(), toValues(arguments), options);
  ASSERT_TRUE(succeeded(results));
  EXPECT_EQ((*results)[1].getTensor().get(0), 5);
  EXPECT_EQ((*results)[1].getTensor().get(1), -1);
  // One present slot weighs the whole scale.
  EXPECT_NEAR((*results)[2].getTensor().get(0), 2.5, 1e-12);
  EXPECT_EQ((*results)[2].getTensor().get(1), 0.0);
}

TEST_F(LayerTest, RecordsRouting) {
  std::vector<Tensor> arguments = makeArguments(7);
  InterpreterOptions options;
  std::vector<RoutingRecord> records;
  options.onRouting = [&](const RoutingRecord &r) { records.push_back(r); };
  ASSERT_TRUE(
      succeeded(interpret(getFunction(), toValues(arguments), options)));
  ASSERT_EQ(records.size(), 1u);
  EXPECT_TRUE(isa<RouteOp>(records[0].op));
  for (int64_t t = 0; t < 7; ++t) {
    EXPECT_GE(records[0].groupGaps.get(t), 0.0);
    int64_t best = static_cast<int64_t>(records[0].ids.at({t, 0}));
    int64_t discarded = 0;
    for (int64_t e = 0; e < E; ++e) {
      EXPECT_GE(records[0].keys.at({t, best}), records[0].keys.at({t, e}));
      discarded += std::isinf(records[0].keys.at({t, e}));
    }
    EXPECT_EQ(discarded, 2);
  }
}

TEST_F(LayerTest, AcceptsWideArgumentsInExactMode) {
  std::vector<Tensor> arguments = makeArguments(3);
  auto narrow = interpret(getFunction(), toValues(arguments));
  arguments[0] = arguments[0].convertTo(ElementType::f64);
  auto wide = interpret(getFunction(), toValues(arguments));
  ASSERT_TRUE(succeeded(narrow) && succeeded(wide));
  Tensor a = (*narrow)[0].getTensor(), b = (*wide)[0].getTensor();
  for (int64_t i = 0; i < a.getNumElements(); ++i)
    EXPECT_EQ(a.get(i), b.get(i));
}

TEST_F(LayerTest, ChecksArguments) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  std::vector<Tensor> arguments = makeArguments(3);
  EXPECT_TRUE(failed(interpret(getFunction(), {})));
  EXPECT_EQ(message, "'func.func' op expected 6 arguments, got 0");

  SmallVector<InterpreterValue> values = toValues(arguments);
  values[1] = Scalar::ofFloat(1.0);
  EXPECT_TRUE(failed(interpret(getFunction(), values)));
  EXPECT_EQ(message, "'func.func' op expected a value of type "
                     "'tensor<6x5xf32>' for argument 1");

  values = toValues(arguments);
  values[1] = arguments[0];
  EXPECT_TRUE(failed(interpret(getFunction(), values)));
  EXPECT_EQ(message, "'func.func' op expected argument 1 to have shape 6x5, "
                     "got 3x5");

  values = toValues(arguments);
  values[0] = arguments[0].convertTo(ElementType::bf16);
  EXPECT_TRUE(failed(interpret(getFunction(), values)));
  EXPECT_EQ(message, "'func.func' op expected elements of type 'f32' in "
                     "argument 0, got bf16");

  InterpreterOptions options;
  options.replayIds = {Tensor::zeros(ElementType::i32, {3, 3})};
  EXPECT_TRUE(failed(interpret(getFunction(), toValues(arguments), options)));
  EXPECT_EQ(message, "'moe.route' op expected the given ids to have shape 3x2, "
                     "got 3x3");
}
} // namespace
