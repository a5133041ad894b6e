#pragma once
/// \file
/// Surveys in files: numbers as JSON, pictures as PNG.

#include <nlohmann/json.hpp>

#include "common/options.h"
#include "inspect/survey.h"

namespace inspection {

using programs::Json;

/// Everything but cards, the map and pictures.
Json to_json(const Survey& survey);
/// A card without its pictures.
Json to_json(const LayerCard& card);
/// The map.
Json to_json(const Map& map);
/// What to_json() gave.
Survey survey_of(const Json& json);
/// What to_json() gave.
LayerCard card_of(const Json& json);
/// What to_json() gave.
Map map_of(const Json& json);

}  // namespace inspection
