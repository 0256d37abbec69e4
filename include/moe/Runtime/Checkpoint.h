//===- Checkpoint.h - The weights of a model --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A model's weights, found by name: one safetensors file, or a folder with one
// or with the shards that an index file lists.
//
//===----------------------------------------------------------------------===//

#ifndef MOE_RUNTIME_CHECKPOINT_H
#define MOE_RUNTIME_CHECKPOINT_H

#include "moe/Runtime/Safetensors.h"

namespace mlir::moe {

/// What a tensor is expected to be; what is not set, and a negative dimension,
/// matches anything.
struct TensorSpec {
  std::optional<ElementType> type;
  std::optional<llvm::SmallVector<int64_t, 4>> shape;
};

/// An error unless `tensor` is what `spec` says; `name` is for the message.
llvm::Error checkTensor(llvm::StringRef name, const Tensor &tensor,
                        const TensorSpec &spec);

/// A set of tensors by name. Files are opened when a tensor of theirs is first
/// asked for; tensors are views that keep their file mapped. Not thread-safe.
class Checkpoint {
public:
  /// Opens a .safetensors file, or a folder with `model.safetensors.index.json`
  /// (a sharded checkpoint) or `model.safetensors`.
  static llvm::Expected<Checkpoint> open(llvm::StringRef path);

  llvm::StringRef getPath() const { return path; }

  /// All tensor names, sorted.
  std::vector<llvm::StringRef> getNames() const;

  bool contains(llvm::StringRef name) const {
    return fileByTensor.contains(name);
  }

  /// The tensor called `name`. An error if there is none (with the nearest
  /// names that exist), or if it is not what `spec` says.
  llvm::Expected<Tensor> get(llvm::StringRef name, const TensorSpec &spec = {});

  /// The tensors whose names have an expert number in place of the one `*` of
  /// `pattern`, in expert order; `spec` is for each. An error unless they are
  /// experts 0 to E - 1 without a gap (`numExperts` of them if that is given),
  /// all of one element type and shape.
  llvm::Expected<std::vector<Tensor>>
  getExperts(llvm::StringRef pattern,
             std::optional<int64_t> numExperts = std::nullopt,
             const TensorSpec &spec = {});

private:
  llvm::Error readIndex(llvm::StringRef indexPath);
  llvm::Error addFile(llvm::StringRef filePath);
  llvm::Expected<const SafetensorsFile *> openFile(llvm::StringRef filePath);
  llvm::Error makeMissingError(llvm::StringRef name) const;
  llvm::Expected<size_t> countExperts(llvm::StringRef pattern) const;

  std::string path;
  /// The path of the file that holds each tensor.
  llvm::StringMap<std::string> fileByTensor;
  /// The files opened so far.
  llvm::StringMap<std::shared_ptr<const SafetensorsFile>> files;
};

} // namespace mlir::moe

#endif // MOE_RUNTIME_CHECKPOINT_H
