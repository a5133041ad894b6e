#pragma once
/// \file
/// Data cards: what a data set is, measured and cited.

#include "noyau/data.h"

namespace programs {

/// The card in Markdown; `grid` is the name of the picture beside it.
std::string data_card(const noyau::Split& split, const std::string& grid);
/// A picture of ten training images of each class (or as many as there are), one class a row.
noyau::Tensor sample_grid(const noyau::Dataset& dataset);

}  // namespace programs
