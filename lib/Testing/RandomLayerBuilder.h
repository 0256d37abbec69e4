//===- RandomLayerBuilder.h - Parts of a random layer -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the router, the experts and the rest of a random layer share.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_LIB_TESTING_RANDOMLAYERBUILDER_H
#define MOE_LIB_TESTING_RANDOMLAYERBUILDER_H

#include "LayerWriter.h"
#include "moe/Testing/RandomLayer.h"

namespace mlir::moe {

class RandomLayerBuilder {
public:
  explicit RandomLayerBuilder(uint64_t seed);
  RandomLayer build();

private:
  /// What the inputs are like.
  enum class Inputs {
    Plain,
    Integers,     ///< Small integers: many exact ties.
    EqualExperts, ///< Pairs of experts with the same router row.
    ZeroRouter,   ///< All logits equal.
    EqualTokens,  ///< All rows of x equal.
    NaNRows,      ///< Some rows hold NaN, some infinity.
    OneExpert,    ///< One expert's key is far above all others.
    Large,        ///< Logits of the size of 1e4.
    Tiny          ///< Activations of the size of 1e-20.
  };

  /// How the values of a parameter are drawn: normal, times `scale`.
  Named addParam(StringRef name, ArrayRef<int64_t> shape, StringRef type,
                 double scale);
  Tensor &getArgument(const Named &param);
  void note(const Twine &choice) { summary += (" " + choice).str(); }

  // RandomRouter.cpp
  void writeRouter();
  Named writeLogits();
  std::string drawRouterAttribute(bool &hasKeyBias, bool &hasExpertScale);
  std::string drawGroups();
  std::string drawRenormalize();
  void makeRouterHard();

  // RandomExperts.cpp
  struct Body;
  Named writeExperts();
  Named addSlice(Body &body, StringRef name, ArrayRef<int64_t> shape,
                 StringRef type, double scale);
  std::pair<Named, Named> writeGateAndUp(Body &body, const Named &rows,
                                         int64_t width);
  Named writeProduct(Body &body, const Named &rows, StringRef name,
                     int64_t width);
  Named writeProductWithAdapter(Body &body, const Named &rows, StringRef name,
                                int64_t width);
  Named writeHidden(Body &body, const Named &rows, int64_t width);
  Named scaleRows(LayerWriter &writer, const Named &rows,
                  const Named &rowWeights);

  // RandomLayer.cpp
  std::string activate(LayerWriter &writer, StringRef gate);
  Named writeShared();
  void writeBranches(Named routed);
  void makeTokens();

  Dice dice;
  uint64_t seed;
  std::string summary;
  StringRef type;
  ElementType elementType;
  Inputs inputs;
  int64_t tokens, hidden, expertWidth, numExperts, topK;

  LayerWriter writer;
  Named x, ids, weights;
  SmallVector<std::pair<Named, std::string>> params; ///< and their names
  SmallVector<Tensor> arguments;                     ///< x, then parameters
  int64_t routerParam = -1, keyBiasParam = -1;
  bool hasNarrowLogits = false, roundsWeights = false;
};

} // namespace mlir::moe

#endif // MOE_LIB_TESTING_RANDOMLAYERBUILDER_H
