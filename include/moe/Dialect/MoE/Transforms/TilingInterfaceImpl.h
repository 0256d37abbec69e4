//===- TilingInterfaceImpl.h - Tiling of moe --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef MOE_DIALECT_MOE_TRANSFORMS_TILINGINTERFACEIMPL_H
#define MOE_DIALECT_MOE_TRANSFORMS_TILINGINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;

namespace moe {
/// Tiling, on tensors, along the dimensions of the destination whose parts can
/// be computed apart:
///
/// * `moe.dispatch`: rows and columns;
/// * `moe.grouped_matmul`: rows and columns with `place = plan`, columns
///   otherwise (other placements scatter their rows); the shape of weights is
///   static, so tiles must divide the columns;
/// * `moe.combine`: tokens and columns;
/// * `moe.gate`: tokens.
///
/// A tile of rows takes the offsets that say which of its rows belong to which
/// expert.
void registerTilingInterfaceExternalModels(DialectRegistry &registry);
} // namespace moe
} // namespace mlir

#endif // MOE_DIALECT_MOE_TRANSFORMS_TILINGINTERFACEIMPL_H
