#pragma once
/// \file
/// Names of values as people write them: "ResNet-20" for "resnet20".

#include <string_view>

#include "common/options.h"

namespace study {

/// How the report calls a value of the option: "VGG + batch norm", "flip, pad and crop 4"; the value itself where it
/// needs no other name.
std::string value_label(std::string_view option, const programs::Json& value);
/// The value with its option, for a sentence: "8 epochs", "batch size 64", "learning rate 0.05".
std::string value_phrase(std::string_view option, const std::string& label);
/// What all runs of these settings share, for the head of a section: network, images, epochs, batch, optimizer, rate, ...
/// Options in `varied` are left out.
std::string set_up(const programs::Settings& settings, const std::vector<std::string>& varied);

}  // namespace study
