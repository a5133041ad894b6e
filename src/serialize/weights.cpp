#include <algorithm>

#include "json.h"
#include "noyau/serialize.h"

namespace noyau::inline v0 {
namespace {

using Metadata = std::map<std::string, std::string>;

Metadata metadata_of(const Sequential& net, const DataInfo& info) {
  return {{"architecture", to_json(net)},
          {"data", info.name},
          {"note", info.note},
          {"classes", Json(info.classes).dump()},
          {"input", Json({info.height, info.width, info.channels}).dump()},
          {"mean", Json(info.mean).dump()},
          {"deviation", Json(info.deviation).dump()}};
}

template <class T>
T value_of(const Metadata& metadata, const std::string& key, const std::string& path) {
  const auto found = metadata.find(key);
  NOYAU_CHECK(found != metadata.end(), "load: ", path, ": metadata '", key,
              "' is missing; the file has weights only");
  if constexpr (std::is_same_v<T, std::string>) {
    return found->second;
  } else {
    const std::string where = message("load: ", path, ": metadata '", key, "'");
    try {
      return parse_json(where, found->second).get<T>();
    } catch (const nlohmann::json::type_error&) {
      fail(where, " is of the wrong type (", found->second, ")");
    }
  }
}

DataInfo info_of(const Metadata& metadata, const std::string& path) {
  DataInfo info;
  info.name = value_of<std::string>(metadata, "data", path);
  info.note = value_of<std::string>(metadata, "note", path);
  info.classes = value_of<std::vector<std::string>>(metadata, "classes", path);
  const auto input = value_of<std::vector<std::int64_t>>(metadata, "input", path);
  NOYAU_CHECK(input.size() == 3, "load: ", path, ": metadata 'input' has ", input.size(), " numbers, not 3");
  info.height = input[0], info.width = input[1], info.channels = input[2];
  info.mean = value_of<std::vector<double>>(metadata, "mean", path);
  info.deviation = value_of<std::vector<double>>(metadata, "deviation", path);
  return info;
}

// Names of one kind of mismatch, as "; missing: a, b".
void append_names(std::string& text, const char* kind, const std::vector<std::string>& names) {
  if (names.empty()) return;
  append(text, message("; ", kind, ": "));
  for (std::size_t i = 0; i < names.size(); ++i) append(text, message(i == 0 ? "" : ", ", names[i]));
}

void assign(const std::vector<NamedTensor>& to, const TensorFile& file, const std::string& path) {
  std::map<std::string, Tensor> given;
  for (const NamedTensor& named : file.tensors) given.emplace(named.name, named.tensor);
  std::vector<std::string> missing, unexpected, differing;
  std::vector<std::pair<Tensor, Tensor>> pairs;
  for (const auto& [name, tensor] : to) {
    const auto found = given.extract(name);
    if (found.empty()) {
      missing.push_back(name);
    } else if (found.mapped().shape() != tensor.shape()) {
      differing.push_back(
          message(name, " (", found.mapped().shape(), " in the file, ", tensor.shape(), " in the network)"));
    } else {
      pairs.emplace_back(tensor, found.mapped());
    }
  }
  for (const auto& [name, tensor] : given) unexpected.push_back(name);
  std::string mismatches;
  append_names(mismatches, "missing", missing);
  append_names(mismatches, "unexpected", unexpected);
  append_names(mismatches, "of another shape", differing);
  NOYAU_CHECK(mismatches.empty(), "load: ", path, ": weights of another network", mismatches);
  for (const auto& [tensor, value] : pairs) tensor.copy_from(value.to(tensor.dtype()));
}

}  // namespace

void save(const std::string& path, const Sequential& net, const DataInfo& info) {
  save_tensors(path, {net.state(), metadata_of(net, info)});
}

void save_weights(const std::string& path, const Module& module) { save_tensors(path, {module.state(), {}}); }

SavedModel load_model(const std::string& path) {
  const TensorFile file = load_tensors(path);
  SavedModel model{from_json(value_of<std::string>(file.metadata, "architecture", path)),
                   info_of(file.metadata, path)};
  assign(model.net.state(), file, path);
  return model;
}

void load_weights(const std::string& path, Module& module) {
  assign(module.state(), load_tensors(path), path);
}

}  // namespace noyau::inline v0
