// Which algorithm a convolution runs.
#include <algorithm>
#include <cstdlib>

#include "cpu/isa.h"
#include "ops/conv2d_winograd.h"
#include "ops/conv_algorithms.h"

namespace noyau::inline v0 {
namespace {

// In and out channels from which F(4x4,3x3) is faster in f32, by pass: those for which
// `benchmark_conv2d --table` prints 1.3 at least, since it times images that stay in the cache.
struct Threshold {
  std::string_view isa;
  std::int64_t channels[3];  // forward, dinput, dkernel
};
constexpr Threshold kThresholds[] = {{"avx512", {8, 8, 8}}, {"avx2", {8, 8, 8}}, {"baseline", {4, 4, 8}}};

// Transforms cost, too: of all products, at most this share may be left.
constexpr double kWorthwhileShare = 0.65;

ConvAlgorithm algorithm_of_environment() {
  const char* name = std::getenv("NOYAU_CONV");
  if (name == nullptr || *name == '\0') return ConvAlgorithm::automatic;
  return value_of(kConvAlgorithms, "cpu", "NOYAU_CONV", name);
}

// Pairs of an output and a tap that meet inside the input, along one axis.
std::int64_t products_inside(std::int64_t in, std::int64_t out, std::int64_t pad) {
  std::int64_t count = 0;
  for (std::int64_t tap = 0; tap < 3; ++tap)
    count += std::max<std::int64_t>(0, std::min(out, in + pad - tap) - std::max<std::int64_t>(0, pad - tap));
  return count;
}

std::int64_t winograd_products(int outputs, std::int64_t height, std::int64_t width) {
  const std::int64_t tiles = ((height + outputs - 1) / outputs) * ((width + outputs - 1) / outputs);
  return tiles * (outputs + 2) * (outputs + 2);
}

// Tiles cover the image that the pass writes, or for the kernel gradient dy.
int fewest_products(const Conv2dDims& d, ConvPass pass) {
  const auto direct =
      static_cast<double>(products_inside(d.ih, d.oh, d.top) * products_inside(d.iw, d.ow, d.left));
  const std::int64_t height = pass == ConvPass::dinput ? d.ih : d.oh;
  const std::int64_t width = pass == ConvPass::dinput ? d.iw : d.ow;
  const std::int64_t two = winograd_products(2, height, width);
  const std::int64_t four = winograd_products(4, height, width);
  if (static_cast<double>(std::min(two, four)) > kWorthwhileShare * direct) return 0;
  return four < two ? 4 : 2;
}

template <class T>
int automatic_outputs(const Conv2dDims& d, ConvPass pass) {
  if (sizeof(T) != sizeof(float)) return 0;
  const std::string_view name = isa<T>().name;
  const Threshold& threshold = *std::ranges::find(kThresholds, name, &Threshold::isa);
  const bool enough = std::min(d.ic, d.oc) >= threshold.channels[static_cast<int>(pass)];
  return enough ? fewest_products(d, pass) : 0;
}

}  // namespace

void append(std::string& text, ConvAlgorithm algorithm) { append(text, name_of(kConvAlgorithms, algorithm)); }

template <class T>
int winograd_outputs(const Conv2dDims& d, ConvPass pass) {
  const bool applies = d.kh == 3 && d.kw == 3 && d.stride_h == 1 && d.stride_w == 1 && d.dilation_h == 1 &&
                       d.dilation_w == 1 && d.groups == 1 && d.n > 0;
  if (!applies) return 0;
  static const ConvAlgorithm environment = algorithm_of_environment();
  switch (d.algorithm == ConvAlgorithm::automatic ? environment : d.algorithm) {
    case ConvAlgorithm::automatic:
      return automatic_outputs<T>(d, pass);
    case ConvAlgorithm::exact:
      return 0;
    case ConvAlgorithm::winograd2:
      return 2;
    case ConvAlgorithm::winograd4:
      return 4;
  }
  return 0;
}

template int winograd_outputs<float>(const Conv2dDims&, ConvPass);
template int winograd_outputs<double>(const Conv2dDims&, ConvPass);

}  // namespace noyau::inline v0
