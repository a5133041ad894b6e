// Products on tensor cores against f64: every element within what rounding the result and adding in f32 may cost, and
// <K x, y> = <x, K' y> = <k, K'' y> of the results themselves.
#include "cuda/compare.h"
#include "noyau/precision.h"

using namespace noyau;
using namespace noyau::testing;

using Inputs = const std::vector<Tensor>&;

namespace {

// What a product computes in: operands have 11 or 8 significant bits, results `bits`; below `smallest` they have fewer.
struct Format {
  const char* name;
  Precision precision;
  Dtype operands;
  Dtype results;
  int bits;
  double smallest;
};
constexpr Format kHalf{"f16", Precision::f32, Dtype::f16, Dtype::f16, 11, 0x1p-14};
constexpr Format kBfloat{"bf16", Precision::f32, Dtype::bf16, Dtype::bf16, 8, 0};
constexpr Format kTf32{"tf32", Precision::tf32, Dtype::f16, Dtype::f32, 24, 0};

struct Case {
  const char* why;
  Shape x;
  Shape kernel;
  Conv2dOptions options;
};

std::vector<double> values(const Tensor& x) { return x.detach().to(Dtype::f64).to_vector<double>(); }

// y = f(inputs), then the gradients of <seed, y>.
std::vector<Tensor> passes(const Function& f, Inputs inputs, const Tensor& seed) {
  std::vector<Tensor> leaves;
  for (const Tensor& input : inputs) {
    leaves.push_back(input.detach());
    leaves.back().set_requires_grad(true);
  }
  const Tensor y = f(leaves);
  std::vector<Tensor> results{y.detach()};
  for (const Tensor& g : grad(y, leaves, {.seed = seed})) results.push_back(g);
  return results;
}

std::vector<Tensor> each(Inputs tensors, const std::function<Tensor(const Tensor&)>& f) {
  std::vector<Tensor> results;
  for (const Tensor& tensor : tensors) results.push_back(f(tensor));
  return results;
}

double dot(const Tensor& a, const Tensor& b) {
  return sum(a.to(Dtype::f64).to("cpu") * b.to(Dtype::f64).to("cpu")).item<double>();
}

// Each sum of at most `terms` products is off by terms * 2^-24 of the sum of their sizes, and rounded once.
void check_elements(const Tensor& actual, const Tensor& expected, const Tensor& sizes, double terms,
                    const Format& format) {
  const std::vector<double> a = values(actual), e = values(expected), s = values(sizes);
  REQUIRE(a.size() == e.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double rounding = std::ldexp(std::max(std::fabs(e[i]), format.smallest), -format.bits);
    if (!(std::fabs(a[i] - e[i]) <= 1.01 * rounding + terms * 0x1p-24 * s[i] + 1e-30)) ++wrong;
  }
  CHECK(wrong == 0);
}

// A function linear in each of two inputs; a third is a bias.
void check_products(const char* why, const Format& format, const Function& f,
                    const std::vector<Shape>& shapes) {
  INFO(why << " in " << format.name);
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < shapes.size(); ++i)
    inputs.push_back(random_f32(shapes[i], i + 1).to(format.operands).to(Dtype::f64));
  const Tensor seed = random_f32(f(inputs).shape(), 9).to(format.operands).to(Dtype::f64);
  const auto size = [](const Tensor& x) { return abs(x); };
  const std::vector<Tensor> expected = passes(f, inputs, seed);
  const std::vector<Tensor> sizes = passes(f, each(inputs, size), size(seed));

  const auto stored = [&](const Tensor& x) { return x.to(format.results).to("cuda"); };
  const Autocast products(format.precision);
  const std::vector<Tensor> actual = passes(f, each(inputs, stored), stored(seed));
  const auto terms = static_cast<double>(std::max(shapes[0].size(), shapes[1].size()));
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    INFO("result " << i);
    CHECK(actual[i].dtype() == format.results);
    check_elements(actual[i], expected[i], sizes[i], terms, format);
  }
  CHECK(equal(actual[1], passes(f, each(inputs, stored), stored(seed))[1]));
  if (shapes.size() > 2) return;
  const double of_y = dot(actual[0], seed);
  const double bound = (std::ldexp(1.01, -format.bits) + terms * 0x1p-24) * dot(sizes[0], size(seed));
  CHECK(std::fabs(of_y - dot(inputs[0], actual[1])) <= 2 * bound);
  CHECK(std::fabs(of_y - dot(inputs[1], actual[2])) <= 2 * bound);
}

void check_convolution(const Case& c, const Format& format) {
  check_products(c.why, format, [&](Inputs in) { return conv2d(in[0], in[1], {}, c.options); },
                 {c.x, c.kernel});
}

const std::vector<Case> kCases = {
    {"31 rows, 3 channels, 2x2 valid, as speedrun begins", {1, 31, 31, 3}, {2, 2, 3, 24}, {}},
    {"chunks of channels, odd rows", {1, 7, 15, 16}, {3, 3, 16, 24}, {.padding = Padding(1)}},
    {"stride that skips taps", {2, 10, 9, 8}, {3, 2, 8, 16}, {.stride = 2, .padding = Padding(1)}},
    {"stride above the window, odd channels", {1, 11, 10, 5}, {2, 2, 5, 3}, {.stride = 3}},
    {"dilation, one operand in chunks", {1, 11, 10, 8}, {3, 3, 8, 6}, {.padding = Padding(2), .dilation = 2}},
    {"groups of chunks", {1, 6, 7, 16}, {3, 3, 8, 32}, {.padding = Padding(1), .groups = 2}},
    {"groups of 2 and 3", {2, 7, 6, 6}, {3, 3, 2, 9}, {.padding = Padding(1), .groups = 3}},
    {"depthwise", {2, 9, 8, 5}, {3, 3, 1, 5}, {.stride = 2, .padding = Padding(1), .groups = 5}},
    {"more than a tile of each", {2, 7, 7, 40}, {2, 2, 40, 72}, {.padding = Padding(1)}},
    {"pixels in slices", {2, 24, 24, 8}, {1, 1, 8, 8}, {}},
};

}  // namespace

TEST_CASE("f16 convolutions on tensor cores are exact up to rounding", "[cuda][fast]") {
  if (!has_cuda()) return;
  for (const Case& c : kCases) check_convolution(c, kHalf);
  check_products("bias", kHalf, [](Inputs in) { return conv2d(in[0], in[1], in[2]); },
                 {{1, 5, 4, 3}, {3, 3, 3, 7}, {7}});
  check_products("transposed", kHalf,
                 [](Inputs in) {
                   return conv2d_transpose(in[0], in[1], in[2],
                                           {.stride = 2, .padding = Padding(1), .output_padding = 1});
                 },
                 {{1, 5, 4, 8}, {3, 3, 5, 8}, {5}});
}

TEST_CASE("bf16 and tf32 convolutions on tensor cores are exact up to rounding", "[cuda][fast]") {
  if (!has_cuda()) return;
  for (const std::size_t i : {0U, 1U, 6U, 9U}) {
    check_convolution(kCases[i], kBfloat);
    check_convolution(kCases[i], kTf32);
  }
}

TEST_CASE("dense products on tensor cores are exact up to rounding", "[cuda][fast]") {
  if (!has_cuda()) return;
  const auto product = [](Inputs in) { return matmul(in[0], in[1]); };
  for (const Format& format : {kHalf, kBfloat, kTf32}) {
    check_products("chunks, a tile and a half", format, product, {{72, 40}, {40, 96}});
    check_products("odd extents", format, product, {{33, 70}, {70, 5}});
    check_products("dense", format, [](Inputs in) { return dense(in[0], in[1], in[2]); },
                   {{7, 31}, {31, 10}, {10}});
  }
  check_products("batched", kHalf, product, {{3, 5, 9}, {3, 9, 4}});
  check_products("k in slices", kHalf, product, {{3, 2104}, {2104, 8}});
}

TEST_CASE("tf32 rounds operands to 11 bits, to the nearest", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = tensor({1 + 0x1p-12, 1 + 0x1p-11, 1 + 0x1p-10}).to("cuda");
  const Tensor one = ones({1, 1}, {.device = "cuda"});
  CHECK(equal(matmul(reshape(x, {3, 1}), one), reshape(x, {3, 1})));
  const Autocast products(Precision::tf32);
  CHECK(equal(matmul(reshape(x, {3, 1}), one).to("cpu"),
              reshape(tensor({1, 1 + 0x1p-10, 1 + 0x1p-10}), {3, 1})));
}

TEST_CASE("infinities and NaN pass through tensor cores", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = reshape(tensor({70000, std::nan(""), 1, 60000}), {4, 1}).to("cuda").to(Dtype::f16);
  const std::vector<float> y =
      matmul(x, full({1, 1}, 2, {Dtype::f16, "cuda"})).to(Dtype::f32).to_vector<float>();
  CHECK(y[0] == HUGE_VALF);
  CHECK(std::isnan(y[1]));
  CHECK(y[2] == 2);
  CHECK(y[3] == HUGE_VALF);  // too large for f16
}

TEST_CASE("large tiles on tensor cores are exact up to rounding", "[cuda][fast]") {
  if (!has_cuda()) return;
  // 100 blocks of 128 x 128, of which few elements are used; the gradients run on small tiles
  const Function product = [](Inputs in) { return matmul(in[0], in[1]); };
  check_products("batch of 100", kHalf, product, {{100, 65, 8}, {100, 8, 66}});
}

TEST_CASE("large tiles on tensor cores are exact in every format", "[cuda]") {
  if (!has_cuda()) return;
  const Function product = [](Inputs in) { return matmul(in[0], in[1]); };
  for (const Format& format : {kHalf, kBfloat, kTf32}) {
    check_products("129 rows", format, product, {{50, 129, 40}, {50, 40, 65}});
    check_products("every operand in chunks", format, product, {{25, 192, 72}, {25, 72, 192}});
  }
}
