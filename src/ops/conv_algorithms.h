#pragma once
// ConvAlgorithm by name, as in NOYAU_CONV and a layer's options.
#include "name_table.h"
#include "noyau/ops.h"

namespace noyau::inline v0 {

inline constexpr NameTable<ConvAlgorithm, 4> kConvAlgorithms{{{"automatic", ConvAlgorithm::automatic},
                                                              {"exact", ConvAlgorithm::exact},
                                                              {"winograd2", ConvAlgorithm::winograd2},
                                                              {"winograd4", ConvAlgorithm::winograd4}}};

}  // namespace noyau::inline v0
