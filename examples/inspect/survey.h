#pragma once
/// \file
/// Everything that noyau-inspect measures of a network, beside the same of one with fresh weights.

#include <functional>

#include "noyau/inspect.h"
#include "noyau/serialize.h"

namespace inspection {

/// How much is measured.
struct Effort {
  std::int64_t images = 2000;      ///< Images that all layers are measured on.
  std::int64_t ablation = 500;     ///< Of these, images that units are ablated on.
  std::int64_t units = 0;          ///< Units of a layer that are ablated and pictured; 0 means all.
  int steps = 64;                  ///< Steps of activation maximisation.
  std::int64_t mapped = 600;       ///< Images on the map.
  noyau::Device device = {};       ///< Where the network is.
  std::uint64_t seed = 1;          ///< Decides samples, fresh weights and first images.
  noyau::StopRequested stop = {};  ///< Asked now and then.
  std::function<void(const std::string&)> said = {};  ///< Told what is done now.
};

/// What a probe reads from features.
struct Attribute {
  std::string name = {};                   ///< "class", "hue", "orientation".
  std::vector<std::int32_t> targets = {};  ///< By image; -1 for none.
  std::string missing = {};                ///< Why it cannot be probed; empty when it can.
};

/// A layer of one network.
struct LayerFacts {
  std::string name = {};    ///< Path; "input" for the images.
  noyau::Shape shape = {};  ///< Of its output.
  std::vector<noyau::inspect::ProbeResult> probes =
      {};                                               ///< By attribute; nothing tested where it is missing.
  std::vector<noyau::inspect::Selectivity> units = {};  ///< By unit.
  noyau::inspect::Health health = {};                   ///< Redundancy.
};

/// What a layer's card shows besides.
struct LayerCard {
  noyau::inspect::ReceptiveField field = {};            ///< Where its cells look.
  std::vector<std::int64_t> shown = {};                 ///< Units that are ablated and pictured.
  noyau::inspect::AblationResult ablation = {};         ///< Of those; empty of the last layer.
  std::vector<noyau::inspect::CausalUnit> causal = {};  ///< Of those.
  std::vector<double> maximised = {};      ///< Of those: outputs for the images that maximise them.
  std::vector<std::string> pictures = {};  ///< Of those: PNG bytes of unit_picture().
  double cka_fresh = 0;                    ///< Similarity to the same layer of the fresh network.
};

/// First-layer filters of one network.
struct Filters {
  std::vector<noyau::inspect::FilterType> types =
      {};                    ///< Empty where the first layer is no convolution of colours.
  std::string picture = {};  ///< PNG bytes of all of them.
};

/// A map of images by the last hidden layer.
struct Map {
  std::string layer = {};                   ///< Whose features.
  std::vector<double> points = {};          ///< x and y of each image; nothing where there are too few.
  double kl = 0;                            ///< Tsne::kl.
  noyau::inspect::MapQuality quality = {};  ///< How far to believe them.
  std::vector<std::int32_t> labels = {};    ///< Of the points.
};

/// Everything.
struct Survey {
  noyau::DataInfo info = {};                         ///< Of the network's images.
  std::int64_t images = 0;                           ///< Number of those measured on.
  std::int64_t right = 0;                            ///< Of these, predicted right.
  std::vector<Attribute> attributes = {};            ///< Class, hue, orientation.
  std::vector<LayerFacts> trained = {}, fresh = {};  ///< Input first, then the layers.
  std::vector<LayerCard> cards = {};                 ///< By layer, without the input.
  std::vector<double> cka = {};                      ///< Every layer of `trained` with every other.
  Filters filters = {}, fresh_filters = {};          ///< First layers.
  Map map = {};                                      ///< Of the last hidden layer.
};

/// Measures a network piece by piece.
class Surveyor {
 public:
  /// Runs `model`, which it refers to, and the same network with fresh weights on `images`, which have its format and
  /// classes.
  Surveyor(noyau::SavedModel& model, noyau::Dataset images, Effort effort);

  /// Everything but cards and map.
  Survey layers();
  /// Number of cards.
  std::size_t cards() const { return outputs_.size() - 1; }
  /// The card of layer `number`, from 1.
  LayerCard card(std::size_t number);
  /// The map of images.
  Map map() const;

 private:
  noyau::SavedModel& model_;
  noyau::Dataset images_;
  Effort effort_;
  std::vector<noyau::inspect::LayerOutputs> outputs_, fresh_outputs_;
  noyau::Sequential fresh_;
  noyau::Tensor colours_;
};

/// All of it.
Survey survey(noyau::SavedModel& model, const noyau::Dataset& images, const Effort& effort);
/// The layers of a network alone, for snapshots of training.
std::vector<LayerFacts> measure_layers(noyau::Sequential& net, const noyau::Dataset& images,
                                       const std::vector<Attribute>& attributes, const Effort& effort);

}  // namespace inspection
