#pragma once
/// \file
/// Networks as JSON, and what is in them.

#include "noyau/sequential.h"

namespace noyau::inline v0 {

/// The network that a JSON layer list describes, with fresh weights:
///
///     [{"layer": "conv2d", "in": 3, "out": 32, "window": 3},  // comments are allowed
///      {"layer": "relu", "name": "last"},
///      {"layer": "global_average_pool"}, {"layer": "dense", "in": 32, "out": 10}]
///
/// "layer" is a kind (see layer_kinds()), "name" the name in the network, the rest the layer's constructor arguments and
/// options. Throws, naming the place and the nearest name, on JSON, layers or options that are wrong.
NOYAU_API Sequential from_json(std::string_view json);
/// `net` as a JSON layer list, options at their default left out; throws on a layer of a type that is not registered.
NOYAU_API std::string to_json(const Sequential& net);
/// The kinds of layers that from_json() knows.
NOYAU_API std::vector<std::string> layer_kinds();

namespace detail {
using LayerFromJson = std::function<AnyLayer(std::string_view json)>;
using LayerToJson = std::function<std::string(const Module& layer)>;
NOYAU_API void register_layer(const std::string& kind, LayerFromJson read, LayerToJson write);
}  // namespace detail

/// Teaches from_json() and to_json() a layer type of one's own, whose kind() is `kind`. `write` gives its options as a
/// JSON object, such as `{"size": 3}`; `read` makes the layer from that. Throws when the kind is known already.
template <class L>
void register_layer(const std::string& kind, std::function<L(std::string_view json)> read,
                    std::function<std::string(const L& layer)> write) {
  detail::register_layer(
      kind, [read = std::move(read)](std::string_view json) { return AnyLayer(read(json)); },
      [write = std::move(write)](const Module& layer) { return write(dynamic_cast<const L&>(layer)); });
}

/// A layer, as summary() describes it.
struct LayerSummary {
  std::string name;             ///< Path in the network.
  std::string kind;             ///< Kind of layer.
  Shape output;                 ///< Shape of its output for one image, without the batch axis.
  std::int64_t parameters = 0;  ///< Trained numbers.
  std::int64_t frozen = 0;      ///< Numbers that are saved but not trained: moving averages, frozen kernels.
  std::int64_t multiply_adds = 0;       ///< Products of convolutions and dense layers, for one image.
  Size2 receptive_field = 1;            ///< Pixels of the input that one output can see, borders not cut off.
  std::array<double, 2> step = {1, 1};  ///< Pixels, down and across, from what one output sees to the next.
  std::array<double, 2> centre = {
      0, 0};                    ///< Pixel, down and across, in the middle of what the first output sees.
  std::string fused_into = {};  ///< Path of the layer as part of whose op it runs; empty if it has its own.
};
/// A network, as summary() describes it.
struct Summary {
  Shape input;                       ///< Shape of an image.
  std::vector<LayerSummary> layers;  ///< Layers that hold no others, in order.
  std::int64_t parameters = 0;       ///< Sum over layers.
  std::int64_t frozen = 0;           ///< Sum over layers.
  std::int64_t multiply_adds = 0;    ///< Sum over layers.
};
/// Describes `net` for an image of shape `input` [h, w, c]; runs it once, in evaluation mode.
NOYAU_API Summary summary(const Sequential& net, const Shape& input);
/// The summary as a table of aligned columns.
NOYAU_API std::string to_string(const Summary& summary);

}  // namespace noyau::inline v0
