#include <algorithm>
#include <cmath>
#include <numeric>

#include "catch2.h"
#include "noyau/random.h"

using namespace noyau;

namespace {

using Words = std::array<std::uint32_t, 4>;

struct Moments {
  double mean, variance, skewness, kurtosis;
};

Moments moments_of(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  Moments m{std::accumulate(values.begin(), values.end(), 0.0) / count, 0, 0, 0};
  for (double value : values) {
    m.variance += std::pow(value - m.mean, 2) / count;
    m.skewness += std::pow(value - m.mean, 3) / count;
    m.kurtosis += std::pow(value - m.mean, 4) / count;
  }
  return m;
}

}  // namespace

TEST_CASE("Philox4x32-10 gives the known answers of Random123", "[fast][random]") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a generator is a seed and a position", "[fast][random]") {
  Generator a(7), skipped(7);
  for (int i = 0; i < 5; ++i) a.next();
  CHECK(skipped.advance(5) == 0);
  CHECK(a.next() == skipped.next());
  Generator copy = a;
  CHECK(copy.next() == a.next());
  CHECK(Generator(7, 6).next() == Generator(a.seed(), 6).next());
  CHECK(Generator(1).next() != Generator(2).next());
  CHECK(Generator(1, std::uint64_t{1} << 32).next() != Generator(1).next());
}

TEST_CASE("moments of uniform and normal numbers", "[fast][random]") {
  constexpr std::int64_t kCount = 200000;
  Generator generator(11);
  const Tensor flat = uniform({kCount}, -1, 3, {Dtype::f64}, generator);
  const std::vector<double> values = flat.to_vector<double>();
  CHECK(*std::min_element(values.begin(), values.end()) >= -1);
  CHECK(*std::max_element(values.begin(), values.end()) < 3);
  const Moments u = moments_of(values);
  CHECK(u.mean == Approx(1).margin(5 * std::sqrt(16.0 / 12 / kCount)));
  CHECK(u.variance == Approx(16.0 / 12).epsilon(0.01));
  const Moments n = moments_of(normal({kCount}, 2, 0.5, {Dtype::f64}, generator).to_vector<double>());
  CHECK(n.mean == Approx(2).margin(5 * 0.5 / std::sqrt(kCount)));
  CHECK(n.variance == Approx(0.25).epsilon(0.02));
  CHECK(n.skewness / 0.125 == Approx(0).margin(5 * std::sqrt(6.0 / kCount)));
  CHECK(n.kurtosis / 0.0625 == Approx(3).margin(5 * std::sqrt(24.0 / kCount)));
}

TEST_CASE("successive numbers and streams are uncorrelated", "[fast][random]") {
  constexpr int kCount = 100000;
  const auto correlation = [](auto&& x, auto&& y) {
    double sum = 0;
    for (int i = 0; i < kCount; ++i) sum += (x() - 0.5) * (y() - 0.5);
    return 12 * sum / kCount;
  };
  const double bound = 5 / std::sqrt(kCount);
  Generator a = stream(1, 0), b = stream(1, 1), c = stream(2, 0), d = stream(1, 0, 1);
  CHECK(std::fabs(correlation([&] { return a.uniform(); }, [&] { return b.uniform(); })) < bound);
  CHECK(std::fabs(correlation([&] { return a.uniform(); }, [&] { return c.uniform(); })) < bound);
  CHECK(std::fabs(correlation([&] { return a.uniform(); }, [&] { return d.uniform(); })) < bound);
  CHECK(std::fabs(correlation([&] { return a.uniform(); }, [&] { return a.uniform(); })) < bound);
}

TEST_CASE("streams depend on all of seed, a and b and on nothing else", "[fast][random]") {
  CHECK(stream(1, 2, 3).next() == stream(1, 2, 3).next());
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t s : {0u, 1u}) {
    for (std::uint64_t a : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40}) {
      for (std::uint64_t b : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40})
        seeds.push_back(stream(s, a, b).seed());
    }
  }
  std::sort(seeds.begin(), seeds.end());
  CHECK(std::adjacent_find(seeds.begin(), seeds.end()) == seeds.end());
}

TEST_CASE("below is uniform over its range", "[fast][random]") {
  Generator generator(3);
  std::array<int, 6> counts{};
  constexpr int kCount = 60000;
  for (int i = 0; i < kCount; ++i) ++counts[generator.below(6)];
  double chi_squared = 0;
  for (int count : counts) chi_squared += std::pow(count - kCount / 6.0, 2) / (kCount / 6.0);
  CHECK(chi_squared < 20.5);  // 0.1 % point for 5 degrees of freedom
  CHECK(generator.below(1) == 0);
  CHECK_THROWS_WITH(generator.below(0), ContainsSubstring("random: below(0)"));
}

TEST_CASE("permutation holds every number once, in an order of its generator", "[fast][random]") {
  Generator a(4), b(4), c(5);
  const std::vector<std::int64_t> order = permutation(1000, a);
  CHECK(order == permutation(1000, b));
  CHECK(order != permutation(1000, c));
  std::vector<std::int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) CHECK(sorted[i] == static_cast<std::int64_t>(i));
  CHECK(permutation(0, a).empty());
  CHECK_THROWS_WITH(permutation(-1, a), ContainsSubstring("permutation: count -1 is out of range"));
  // Each of the 6 orders of 3 comes about as often as the others.
  std::array<int, 27> counts{};
  for (int i = 0; i < 6000; ++i) {
    const auto p = permutation(3, a);
    ++counts[static_cast<std::size_t>(9 * p[0] + 3 * p[1] + p[2])];
  }
  for (int count : counts) CHECK((count == 0 || (count > 840 && count < 1160)));
}

TEST_CASE("seed restarts the default generator", "[fast][random]") {
  seed(9);
  const Tensor first = uniform({4}, 0, 1);
  const Tensor second = uniform({4}, 0, 1);
  seed(9);
  CHECK(equal(uniform({4}, 0, 1), first));
  CHECK(!equal(first, second));
  seed(0);
}
