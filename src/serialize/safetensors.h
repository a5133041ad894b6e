#pragma once
// The safetensors format, for readers of bytes that are no file.
#include "data/bytes.h"
#include "noyau/serialize.h"

namespace noyau::inline v0 {

// load_tensors() of a file's bytes; `path` names them in messages.
NOYAU_API TensorFile parse_tensors(Bytes bytes, const std::string& path);

}  // namespace noyau::inline v0
