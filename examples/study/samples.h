#pragma once
/// \file
/// Sample images of a study's data set, kept beside its rows for the report.

#include <string>
#include <vector>

#include "noyau/data.h"

namespace study {

/// Writes one strip of images for each class to `folder`/samples/DATA SET, unless they are there.
void write_samples(const noyau::Dataset& images, const std::string& folder);
/// The PNG files that write_samples() wrote of the data set, by class; empty when there are none.
std::vector<std::string> read_samples(const std::string& folder, const std::string& data);

}  // namespace study
