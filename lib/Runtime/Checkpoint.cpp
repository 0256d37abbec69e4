//===- Checkpoint.cpp - The weights of a model ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Finding tensors by name in one file or over the shards of a checkpoint.
//
//===----------------------------------------------------------------------===//

#include "moe/Runtime/Checkpoint.h"
#include "moe/Runtime/JSONScan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

using namespace mlir::moe;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;
namespace json = llvm::json;

/// The shape as messages print it, "?" where anything matches.
static std::string stringifyPattern(llvm::ArrayRef<int64_t> shape) {
  if (shape.empty())
    return stringifyShape(shape);
  return llvm::join(llvm::map_range(shape,
                                    [](int64_t dim) {
                                      return dim < 0 ? std::string("?")
                                                     : std::to_string(dim);
                                    }),
                    "x");
}

Error mlir::moe::checkTensor(StringRef name, const Tensor &tensor,
                             const TensorSpec &spec) {
  if (spec.type && *spec.type != tensor.getType())
    return createStringError("tensor " + quoteName(name) +
                             ": expected elements of " +
                             stringifyElementType(*spec.type) + ", got " +
                             stringifyElementType(tensor.getType()));
  if (!spec.shape)
    return Error::success();
  bool matches = spec.shape->size() == tensor.getShape().size() &&
                 llvm::all_of(llvm::zip_equal(*spec.shape, tensor.getShape()),
                              [](auto pair) {
                                auto [expected, actual] = pair;
                                return expected < 0 || expected == actual;
                              });
  if (matches)
    return Error::success();
  return createStringError("tensor " + quoteName(name) + ": expected shape " +
                           stringifyPattern(*spec.shape) + ", got " +
                           stringifyShape(tensor.getShape()));
}

Expected<Checkpoint> Checkpoint::open(StringRef path) {
  Checkpoint checkpoint;
  checkpoint.path = path.str();
  if (!llvm::sys::fs::is_directory(path)) {
    if (Error error = checkpoint.addFile(path))
      return error;
    return checkpoint;
  }
  llvm::SmallString<128> index(path), single(path);
  llvm::sys::path::append(index, "model.safetensors.index.json");
  llvm::sys::path::append(single, "model.safetensors");
  if (!llvm::sys::fs::exists(index) && !llvm::sys::fs::exists(single))
    return createStringError(path +
                             ": expected model.safetensors.index.json or "
                             "model.safetensors in the folder, got neither");
  Error error = llvm::sys::fs::exists(index) ? checkpoint.readIndex(index)
                                             : checkpoint.addFile(single);
  if (error)
    return error;
  return checkpoint;
}

Error Checkpoint::addFile(StringRef filePath) {
  Expected<const SafetensorsFile *> file = openFile(filePath);
  if (!file)
    return file.takeError();
  for (const SafetensorsEntry &entry : (*file)->getEntries())
    fileByTensor[entry.name] = filePath.str();
  return Error::success();
}

/// Parses an index file; the object that maps tensor names to shards.
static Expected<json::Object> parseWeightMap(StringRef text) {
  if (Error error = checkNestingAndKeys(text))
    return error;
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return createStringError("expected valid JSON, got " +
                             llvm::toString(value.takeError()));
  json::Object *object = value->getAsObject();
  json::Object *weightMap = object ? object->getObject("weight_map") : nullptr;
  if (!weightMap)
    return createStringError("expected an object with an object 'weight_map'");
  return std::move(*weightMap);
}

Error Checkpoint::readIndex(StringRef indexPath) {
  auto buffer = llvm::MemoryBuffer::getFile(indexPath);
  if (!buffer)
    return createStringError("cannot open '" + indexPath +
                             "': " + buffer.getError().message());
  Expected<json::Object> weightMap = parseWeightMap((*buffer)->getBuffer());
  if (!weightMap)
    return createStringError(indexPath + ": " +
                             llvm::toString(weightMap.takeError()));
  for (const auto &[name, value] : *weightMap) {
    std::optional<StringRef> shard = value.getAsString();
    // A shard lies beside its index and nowhere else.
    if (!shard || shard->empty() || *shard == "." || *shard == ".." ||
        shard->contains('/') || shard->contains('\0'))
      return createStringError(indexPath +
                               ": expected the name of a file in this folder "
                               "as the value of " +
                               quoteName(name) + " in 'weight_map'");
    llvm::SmallString<128> file(path);
    llvm::sys::path::append(file, *shard);
    fileByTensor[name] = file.str().str();
  }
  return Error::success();
}

Expected<const SafetensorsFile *> Checkpoint::openFile(StringRef filePath) {
  auto &file = files[filePath];
  if (!file) {
    auto opened = SafetensorsFile::open(filePath);
    if (!opened)
      return opened.takeError();
    file = std::move(*opened);
  }
  return file.get();
}

std::vector<StringRef> Checkpoint::getNames() const {
  std::vector<StringRef> names(fileByTensor.keys().begin(),
                               fileByTensor.keys().end());
  llvm::sort(names);
  return names;
}

/// Up to three names nearest to `name`, nearest first, quoted.
static std::string listNearest(StringRef name, std::vector<StringRef> names) {
  constexpr size_t maxListed = 3;
  std::vector<std::pair<unsigned, StringRef>> byDistance;
  for (StringRef candidate : names)
    byDistance.emplace_back(name.edit_distance(candidate), candidate);
  size_t listed = std::min(maxListed, byDistance.size());
  std::partial_sort(byDistance.begin(), byDistance.begin() + listed,
                    byDistance.end());
  byDistance.resize(listed);
  return llvm::join(
      llvm::map_range(byDistance,
                      [](const auto &pair) { return quoteName(pair.second); }),
      ", ");
}

Error Checkpoint::makeMissingError(StringRef name) const {
  if (fileByTensor.empty())
    return createStringError(path + ": no tensor " + quoteName(name) +
                             ", nor any other");
  return createStringError(path + ": no tensor " + quoteName(name) +
                           "; the nearest names are " +
                           listNearest(name, getNames()));
}

Expected<Tensor> Checkpoint::get(StringRef name, const TensorSpec &spec) {
  auto found = fileByTensor.find(name);
  if (found == fileByTensor.end())
    return makeMissingError(name);
  Expected<const SafetensorsFile *> file = openFile(found->second);
  if (!file)
    return file.takeError();
  const SafetensorsEntry *entry = (*file)->find(name);
  if (!entry)
    return createStringError((*file)->getPath() + ": expected tensor " +
                             quoteName(name) +
                             ", which the index places here, got none");
  Expected<Tensor> tensor = (*file)->getTensor(*entry);
  if (!tensor)
    return tensor.takeError();
  if (Error error = checkTensor(name, *tensor, spec))
    return createStringError((*file)->getPath() + ": " +
                             llvm::toString(std::move(error)));
  return tensor;
}

/// The name of expert `expert`'s tensor.
static std::string substitute(StringRef pattern, size_t expert) {
  auto [prefix, suffix] = pattern.split('*');
  return (prefix + Twine(expert) + suffix).str();
}

/// The number of tensors that match `pattern`; an error if their expert numbers
/// have a gap.
Expected<size_t> Checkpoint::countExperts(StringRef pattern) const {
  auto [prefix, suffix] = pattern.split('*');
  size_t count = 0, maxExpert = 0;
  for (StringRef name : fileByTensor.keys()) {
    if (name.size() <= prefix.size() + suffix.size() ||
        !name.consume_front(prefix) || !name.consume_back(suffix))
      continue;
    size_t expert;
    bool isCanonical = name.size() == 1 || !name.starts_with("0");
    if (!isCanonical || !llvm::all_of(name, llvm::isDigit) ||
        name.getAsInteger(10, expert))
      continue;
    ++count;
    maxExpert = std::max(maxExpert, expert);
  }
  if (count == 0)
    return makeMissingError(substitute(pattern, 0));
  for (size_t expert = 0; expert < count; ++expert)
    if (!contains(substitute(pattern, expert)))
      return createStringError(path + ": expected experts 0 to " +
                               Twine(maxExpert) + " for " + quoteName(pattern) +
                               ", got none with number " + Twine(expert));
  return count;
}

Expected<std::vector<Tensor>>
Checkpoint::getExperts(StringRef pattern, std::optional<int64_t> numExperts,
                       const TensorSpec &spec) {
  if (pattern.count('*') != 1)
    return createStringError("expected one '*' in the pattern of the experts' "
                             "names, got " +
                             quoteName(pattern));
  Expected<size_t> count = countExperts(pattern);
  if (!count)
    return count.takeError();
  if (numExperts && *numExperts != static_cast<int64_t>(*count))
    return createStringError(path + ": expected " + Twine(*numExperts) +
                             " experts for " + quoteName(pattern) + ", got " +
                             Twine(*count));
  std::vector<Tensor> tensors;
  TensorSpec specOfAll = spec;
  for (size_t expert = 0; expert < *count; ++expert) {
    Expected<Tensor> tensor = get(substitute(pattern, expert), specOfAll);
    if (!tensor)
      return tensor.takeError();
    specOfAll.type = tensor->getType();
    specOfAll.shape.emplace(tensor->getShape());
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}
