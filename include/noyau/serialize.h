#pragma once
/// \file
/// Weights in files. The format is safetensors (github.com/huggingface/safetensors), which Python opens too.

#include <map>

#include "noyau/architecture.h"
#include "noyau/data.h"

namespace noyau::inline v0 {

/// Named tensors and texts: what a safetensors file holds.
struct TensorFile {
  std::vector<NamedTensor> tensors = {};             ///< In the order of the file's header.
  std::map<std::string, std::string> metadata = {};  ///< Texts by key.
};
/// Writes a safetensors file, whole or not at all. Throws on two tensors of one name, and as write_file_atomically().
NOYAU_API void save_tensors(const std::string& path, const TensorFile& file);
/// Reads a safetensors file to the CPU. Throws one message, with file and offset or key, on all that is not as it should be.
NOYAU_API TensorFile load_tensors(const std::string& path);

/// A network with what it has to know of its images.
struct SavedModel {
  Sequential net;      ///< In training mode, as all fresh modules.
  DataInfo info = {};  ///< Class names, image size, normalisation.
};
/// Writes weights, architecture and `info`: all that load_model() needs. Throws on a layer that is not registered.
NOYAU_API void save(const std::string& path, const Sequential& net, const DataInfo& info = {});
/// Writes the parameters and buffers of any module; without its architecture.
NOYAU_API void save_weights(const std::string& path, const Module& module);
/// Reads what save() wrote and makes the network.
NOYAU_API SavedModel load_model(const std::string& path);
/// Overwrites the parameters and buffers of `module`, converted to its dtype and device. Throws, listing all of them, when
/// names or shapes differ; then nothing is written.
NOYAU_API void load_weights(const std::string& path, Module& module);

/// Writes a file whole or not at all: to a temporary name in the same folder, flushed to the disk, then renamed. Throws
/// with the system's reason (full disk, read-only folder), leaving nothing behind.
NOYAU_API void write_file_atomically(const std::string& path, std::string_view bytes);

}  // namespace noyau::inline v0
