#include "noyau/random.h"

#include <cmath>
#include <numbers>
#include <numeric>

namespace noyau::inline v0 {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t q = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(q >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(q),
               static_cast<std::uint32_t>(p >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(p)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

namespace {

std::array<std::uint32_t, 4> block(std::uint64_t seed, std::uint64_t offset) {
  return philox4x32({static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(offset >> 32), 0, 0},
                    {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

double to_unit(std::uint32_t high, std::uint32_t low) {
  return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

}  // namespace

std::uint64_t Generator::advance(std::uint64_t blocks) {
  const std::uint64_t first = offset_;
  offset_ += blocks;
  return first;
}

std::uint32_t Generator::next() { return block(seed_, advance(1))[0]; }

double Generator::uniform() {
  const auto words = block(seed_, advance(1));
  return to_unit(words[0], words[1]);
}

double Generator::normal() {
  const auto words = block(seed_, advance(1));
  const double radius = std::sqrt(-2 * std::log(1 - to_unit(words[0], words[1])));
  return radius * std::cos(2 * std::numbers::pi * to_unit(words[2], words[3]));
}

std::uint32_t Generator::below(std::uint32_t bound) {
  NOYAU_CHECK(bound > 0, "random: below(0)");
  const std::uint32_t limit = UINT32_MAX - UINT32_MAX % bound;
  std::uint32_t word = next();
  while (word >= limit) word = next();
  return word % bound;
}

Generator stream(std::uint64_t seed, std::uint64_t a, std::uint64_t b) {
  const auto first = philox4x32({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(a >> 32),
                                 static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(b >> 32)},
                                {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return Generator(std::uint64_t{first[0]} << 32 | first[1]);
}

Generator& default_generator() {
  thread_local Generator generator;
  return generator;
}

void seed(std::uint64_t value) { default_generator() = Generator(value); }

namespace {

template <class Draw>
Tensor filled(const Shape& shape, const TensorOptions& options, Draw&& draw) {
  const Tensor wide = empty(shape, {Dtype::f64});
  double* const values = wide.mutable_data<double>();
  for (std::int64_t i = 0; i < shape.size(); ++i) values[i] = draw();
  return wide.to(options.dtype).to(options.device);
}

}  // namespace

Tensor uniform(const Shape& shape, double low, double high, const TensorOptions& options,
               Generator& generator) {
  return filled(shape, options, [&] { return low + (high - low) * generator.uniform(); });
}

Tensor normal(const Shape& shape, double mean, double deviation, const TensorOptions& options,
              Generator& generator) {
  return filled(shape, options, [&] { return mean + deviation * generator.normal(); });
}

std::vector<std::int64_t> permutation(std::int64_t count, Generator& generator) {
  NOYAU_CHECK(count >= 0 && count <= UINT32_MAX, "permutation: count ", count, " is out of range");
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[generator.below(static_cast<std::uint32_t>(i))]);
  }
  return order;
}

}  // namespace noyau::inline v0
