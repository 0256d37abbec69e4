//===- InitAll.h - Registration of everything -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a tool or an embedding compiler calls to know moe. The functions of the
// first group bring this project's part alone, for a program that registers
// upstream's itself (stock mlir-opt with the plugin); those of the second bring
// upstream's as well.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_INITALL_H
#define MOE_INITALL_H

namespace mlir {
class DialectRegistry;

namespace moe {

/// The moe dialect, and its external models of upstream interfaces.
void registerDialectsAndExtensions(DialectRegistry &registry);
/// The passes of moe and of its lowerings, and the pipelines over them.
void registerPassesAndPipelines();

/// The dialects of upstream and of this project.
void registerAllDialects(DialectRegistry &registry);
/// The extensions of upstream dialects, and the external models of moe.
void registerAllExtensions(DialectRegistry &registry);
/// The passes and pipelines of upstream and of this project.
void registerAllPasses();

} // namespace moe
} // namespace mlir

#endif // MOE_INITALL_H
