#include "programs/tiny_data.h"

#include <filesystem>
#include <fstream>

#include "noyau/random.h"

namespace {

constexpr int kSize = 28, kClasses = 10;

void write_big_endian(std::ofstream& file, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) file.put(static_cast<char>(value >> shift));
}

/// Class k is a bright square in its own place, on noise.
void write_pair(const std::string& images_path, const std::string& labels_path, std::uint32_t count,
                std::uint64_t seed) {
  std::ofstream images(images_path, std::ios::binary), labels(labels_path, std::ios::binary);
  for (const std::uint32_t value : {0x803u, count, 28u, 28u}) write_big_endian(images, value);
  for (const std::uint32_t value : {0x801u, count}) write_big_endian(labels, value);
  noyau::Generator generator(seed);
  for (std::uint32_t i = 0; i < count; ++i) {
    const int label = static_cast<int>(i % kClasses), top = label / 4 * 9, left = label % 4 * 7;
    labels.put(static_cast<char>(label));
    for (int row = 0; row < kSize; ++row) {
      for (int column = 0; column < kSize; ++column) {
        const bool inside = row >= top && row < top + 7 && column >= left && column < left + 7;
        images.put(static_cast<char>(generator.below(120) + (inside ? 80 : 0)));
      }
    }
  }
}

}  // namespace

void write_tiny_data(const std::string& directory) {
  const std::string folder = directory + "/fashion-mnist/";
  std::filesystem::create_directories(folder);
  write_pair(folder + "train-images-idx3-ubyte", folder + "train-labels-idx1-ubyte", 400, 1);
  write_pair(folder + "t10k-images-idx3-ubyte", folder + "t10k-labels-idx1-ubyte", 100, 2);
}
