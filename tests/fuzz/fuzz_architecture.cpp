// Networks as JSON, with limits that keep every input fast.
#include <string_view>

#include "fuzz.h"
#include "nn/layer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return noyau::fuzz::run(data, size, [](std::span<const std::uint8_t> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const noyau::JsonLimits limits{.weights = 4096, .layers = 64, .depth = 8};
    const noyau::Sequential net = noyau::layers_from_json(noyau::parse_json("input", text), "input", limits);
    noyau::layers_from_json(noyau::layers_to_json(net), "written", limits);
  });
}
