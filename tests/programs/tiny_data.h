#pragma once
// A data set small enough for tests of whole programs.
#include <string>

// Writes 28x28 grey images of ten classes to DIRECTORY/fashion-mnist, 40 of each to learn from and 10 to test on.
void write_tiny_data(const std::string& directory);
