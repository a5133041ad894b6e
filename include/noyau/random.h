#pragma once
/// \file
/// Philox4x32-10 random numbers: counter based, the same bits on every backend and for any number of threads.
/// Source: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

#include <array>

#include "noyau/tensor.h"

namespace noyau::inline v0 {

/// Four random 32-bit words from a 128-bit counter and a 64-bit key.
NOYAU_API std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key);

/// A stream of random numbers: a seed and a position in it. Copies continue from the same position.
class NOYAU_API Generator {
 public:
  /// The stream of `seed`, from its start or from `offset`.
  explicit Generator(std::uint64_t seed = 0, std::uint64_t offset = 0) : seed_(seed), offset_(offset) {}

  /// The seed.
  std::uint64_t seed() const { return seed_; }
  /// Blocks of four words consumed so far.
  std::uint64_t offset() const { return offset_; }
  /// Consumes `blocks` blocks of four words and returns the offset of the first.
  std::uint64_t advance(std::uint64_t blocks);
  /// A random 32-bit word.
  std::uint32_t next();
  /// A number in [0, 1), of 53 random bits.
  double uniform();
  /// A number from the standard normal distribution (Box-Muller).
  double normal();
  /// An integer in [0, bound), without bias; throws unless bound > 0.
  std::uint32_t below(std::uint32_t bound);

 private:
  std::uint64_t seed_;
  std::uint64_t offset_;
};

/// An independent stream for (seed, a, b): the rule behind "depends only on seed, epoch and index".
NOYAU_API Generator stream(std::uint64_t seed, std::uint64_t a, std::uint64_t b = 0);

/// Restarts the generator that layers and initialisers use on this thread.
NOYAU_API void seed(std::uint64_t value);
/// The generator that layers and initialisers of this thread use when given none.
NOYAU_API Generator& default_generator();

/// A tensor of numbers uniform in [low, high).
NOYAU_API Tensor uniform(const Shape& shape, double low, double high, const TensorOptions& options = {},
                         Generator& generator = default_generator());
/// A tensor of numbers from a normal distribution.
NOYAU_API Tensor normal(const Shape& shape, double mean, double deviation, const TensorOptions& options = {},
                        Generator& generator = default_generator());
/// A random order of 0 .. count - 1 (Fisher-Yates).
NOYAU_API std::vector<std::int64_t> permutation(std::int64_t count, Generator& generator);

}  // namespace noyau::inline v0
