#pragma once
/// \file
/// What the files of the page share.

#include "inspect/page.h"
#include "noyau/plot.h"

namespace inspection {

/// A figure of that name.
template <class Shown>
study::Drawing drawing(std::string id, const Shown& figure) {
  return {std::move(id), noyau::plot::to_svg(figure), figure.title};
}

/// A number of a table.
study::Cell value(double number, int digits = 2);
/// Selectivity of the live units.
std::vector<double> indices(const LayerFacts& facts);
/// Information on the class of the live units.
std::vector<double> informations(const LayerFacts& facts);
/// The card of layer `number`, from 1.
void add_layer(study::Document& document, const Survey& survey, std::size_t number, const Place& place);

}  // namespace inspection
