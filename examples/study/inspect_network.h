#pragma once
/// \file
/// Inspects the layers of the best network of a study.

#include "inspect/survey.h"
#include "study/explain_network.h"

namespace study {

/// Measures what `parts` lacks of "layers", "card/N" for each layer and "map" on images of `test`, equally many of each
/// class; pictures go to `folder`/layers.
void inspect_network(noyau::SavedModel& model, const noyau::Dataset& test, const LayerSizes& sizes,
                     Parts& parts, const std::string& folder, const Said& said);
/// What inspect_network() takes for a network of so many layers with units.
Passes inspect_passes(const LayerSizes& sizes, std::size_t layers);
/// The survey back from its parts and pictures; nothing while a part is missing.
std::optional<inspection::Survey> read_survey(const PartMap& parts, const std::string& folder,
                                              const std::string& id);

}  // namespace study
