#pragma once
/// \file
/// Pictures of units.

#include "inspect/survey.h"

namespace inspection {

/// PNG bytes of the card of unit number `i` of those shown: what maximises it, its four strongest patches, and below five
/// patches at equal distances of rank.
std::string unit_picture(const Survey& survey, const LayerCard& card, std::size_t i);
/// PNG bytes of filters in rows, enlarged.
std::string filter_picture(const Filters& filters);

}  // namespace inspection
