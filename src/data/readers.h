#pragma once
// Data-set formats as functions of bytes, so that they can be tested and fuzzed without files.
#include "data/bytes.h"
#include "noyau/data.h"

namespace noyau::inline v0 {

// Images u8 [n, h, w, c] and class ids i32 [n].
struct Records {
  Tensor images;
  Tensor labels;
};

// The CIFAR binary format: records of label bytes, then a red, a green and a blue plane of 32 x 32.
struct CifarFormat {
  std::int64_t label_bytes = 1;
  std::int64_t label_at = 0;  // which of them counts
  std::int32_t classes = 10;
};
// Writes the records of one file to rows [first, first + records) of `into`; throws unless they are all there and no more.
NOYAU_API void read_cifar(ByteView bytes, const std::string& name, const CifarFormat& format, Records& into,
                          std::int64_t first, std::int64_t records);
// Room for `count` CIFAR images.
NOYAU_API Records cifar_records(std::int64_t count);

// An IDX file of unsigned bytes, plain or gzip, with one of `ranks` axes; three become [n, h, w, 1].
// Source: the file format section of http://yann.lecun.com/exdb/mnist/
NOYAU_API Tensor read_idx(ByteView bytes, const std::string& name, std::vector<int> ranks);
// Labels (u8 [n]) as i32; throws, naming the byte, on one that is not below `classes`.
NOYAU_API Tensor idx_labels(const Tensor& labels, const std::string& name, std::int64_t classes);

}  // namespace noyau::inline v0
