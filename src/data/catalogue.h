#pragma once
// What is known of each data set beforehand: class names and where its files may be.
#include "noyau/data.h"

namespace noyau::inline v0 {

// The note of a data set without a test split of its own.
inline constexpr const char* kDrawnTest = "; a fifth of each class, drawn with seed 0, is the test split";

const std::vector<std::string>& cifar10_classes();
const std::vector<std::string>& cifar100_classes();
const std::vector<std::string>& cifar100_coarse_classes();
// Name and classes of a data set of the IDX family.
DataInfo idx_info(const std::string& name);
// A data set of the IDX family, found by name.
Split load_idx(const std::string& name, const std::string& directory);
// The images below `path`: with its train and test folders, or split.
Split load_folder(const std::string& path);
// Throws, saying where `name` was looked for and how to get it.
[[noreturn]] void fail_missing(const std::string& name, const std::string& directory);

}  // namespace noyau::inline v0
