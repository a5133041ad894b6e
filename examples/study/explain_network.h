#pragma once
/// \file
/// Explains the best network of a study by many methods, and measures them.

#include <functional>

#include "explain/methods.h"
#include "noyau/serialize.h"
#include "study/parts.h"

namespace study {

/// Told what is done now; may throw noyau::Stopped.
using Said = std::function<void(const std::string&)>;

/// The methods that are compared: of class activation maps all, and all four variants of Grad-CAM++, where the network has a
/// layer with a map; the baselines last.
std::vector<explain::Method> compared_methods(bool has_map);
/// The layer whose map is explained; empty where the network has none.
std::string explained_layer(const noyau::Sequential& net, const noyau::Tensor& x);

/// Measures what `parts` lacks of "network", "method/NAME" for each method, "agreement" and "sheets" on images of `test`,
/// which no choice was made on; sheets go to `folder`/explain.
void explain_network(const noyau::SavedModel& model, const noyau::Dataset& test, const ExplainSizes& sizes,
                     Parts& parts, const std::string& folder, const Said& said);
/// What such measurements take.
struct Passes {
  std::size_t parts = 0;  ///< Parts in all.
  double forward = 0;     ///< Images whose output is computed.
  double backward = 0;    ///< Images whose gradient is computed.
  double seconds = 0;     ///< Whatever the network is.
};
/// That of explain_network().
Passes explain_passes(const ExplainSizes& sizes);

}  // namespace study
