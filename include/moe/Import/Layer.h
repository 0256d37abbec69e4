//===- Layer.h - What a model says about one MoE layer ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One Mixture-of-Experts layer as data: what a front end knows of it before any
// IR exists.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_IMPORT_LAYER_H
#define MOE_IMPORT_LAYER_H

#include "moe/Dialect/MoE/IR/MoE.h"
#include <optional>
#include <string>

namespace mlir::moe {

/// A scalar function of a feed-forward network's gate.
enum class Activation {
  SiLU,     ///< g / (1 + exp(-g))
  GELU,     ///< g/2 (1 + erf(g / sqrt(2)))
  GELUTanh, ///< g/2 (1 + tanh(sqrt(2/pi) (g + 0.044715 g^3)))
  ReLU,     ///< max(g, 0); NaN stays NaN
};

/// A parameter as the checkpoint stores it.
struct ParameterSpec {
  /// Name of the function's argument.
  std::string argument;
  /// Name of the tensor in the checkpoint; a `*` stands for the expert number
  /// where there is one tensor per expert, and the shape then starts with E.
  std::string name;
  SmallVector<int64_t, 3> shape;
  /// Kept in f32 whatever the model's type.
  bool isF32 = false;
};

/// `down(round(activation(gate(x)) * up(x)))`, the gated network of Shazeer,
/// "GLU Variants Improve Transformer". Gate and up are `[F, H]` and down is
/// `[H, F]`, each with a leading E if it belongs to routed experts.
struct GatedMLPSpec {
  Activation activation = Activation::SiLU;
  ParameterSpec gate, up, down;
};

/// From a token to its experts and weights; the meaning of each field is that
/// of the parameter of `#moe.router` with the same name.
struct RouterSpec {
  struct Groups {
    int64_t count, keep, sumTop;
    GroupFill fill;
  };
  struct Renormalize {
    RenormalizeMode mode = RenormalizeMode::Exact;
    std::optional<double> epsilon;
  };

  /// `[E, H]`.
  ParameterSpec weight;
  /// `[E]`, added to the selection key alone.
  std::optional<ParameterSpec> keyBias;
  /// The logits are rounded to the model's type, as a product in that type
  /// leaves them.
  bool roundLogits = false;
  /// The routing weights are rounded to the model's type.
  bool roundWeights = false;
  Score score = Score::Softmax;
  int64_t topK = 1;
  std::optional<Groups> groups;
  std::optional<Renormalize> renormalize;
  double scale = 1;
};

/// `y = sum of the routed experts + shared(x)`.
struct LayerSpec {
  int64_t hiddenSize = 1;
  RouterSpec router;
  GatedMLPSpec experts;
  /// Added for every token, neither weighted nor scaled.
  std::optional<GatedMLPSpec> shared;

  /// All parameters, in the order of the function's arguments.
  SmallVector<const ParameterSpec *> getParameters() const;
};

/// The largest number of elements in a parameter: 2^40, 4 TiB of f32. Byte
/// offsets then fit an i64 with room for any padding.
inline constexpr int64_t maxParameterElements = int64_t(1) << 40;

/// Builds a module at the graph level with one function, `name`, from
/// `tensor<?xHxelementType>` and the parameters to `tensor<?xHxelementType>`.
/// Values carry their names as locations. `layer` must be consistent.
OwningOpRef<ModuleOp> buildLayer(MLIRContext *context, const LayerSpec &layer,
                                 FloatType elementType, llvm::StringRef name);

} // namespace mlir::moe

#endif // MOE_IMPORT_LAYER_H
