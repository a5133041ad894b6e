// IDX files, plain or gzip, as images and as labels.
#include "data/readers.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return noyau::fuzz::run(data, size, [](std::span<const std::uint8_t> bytes) {
    const noyau::Tensor tensor = noyau::read_idx(bytes, "input", {1, 3, 4});
    if (tensor.rank() == 1) noyau::idx_labels(tensor, "input", 10);
  });
}
