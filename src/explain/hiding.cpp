// Maps by hiding parts of the image, and baselines that know nothing of the network.
#include <algorithm>
#include <cmath>

#include "explain/reach.h"
#include "explain/subject.h"

namespace noyau::inline v0 {
namespace {

// Masked images run at a time.
constexpr std::int64_t kMasks = 64;
// Windows whose parts of maps are computed at a time.
constexpr std::int64_t kWindows = 256;

// [masks]: scores of one image [1, h, w, c] seen through each of `masks` [m, h, w, 1], 0 hiding.
Tensor scores_behind(const NetworkView& net, const Tensor& x, const Tensor& baseline, const Tensor& masks,
                     const Tensor& weights, Score score) {
  return by_rows(masks.dim(0), kMasks, [&](std::int64_t begin, std::int64_t end) {
    const Tensor output = net(baseline + slice(masks, 0, begin, end) * (x - baseline));
    return scores_of(output, broadcast_to(weights, output.shape()), score);
  });
}

// sum_m values_m masks_m as a map [1, h, w]
Tensor sum_of_masks(const Tensor& values, const Tensor& masks) {
  const std::int64_t m = masks.dim(0);
  return reshape(matmul(reshape(values, {1, m}), reshape(masks, {m, -1})), {1, masks.dim(1), masks.dim(2)});
}

// Windows needed to reach the end: the last one may be cut off.
std::int64_t steps(std::int64_t extent, std::int64_t window, std::int64_t stride) {
  return extent <= window ? 1 : (extent - window + stride - 1) / stride + 1;
}

// The windows of occlusion().
struct Windows {
  Tensor masks;   // [windows, h, w, 1]: 1 inside each
  Rectangles at;  // rectangles that hold them; one that is cut off at the border fills its rectangle in part
};

Windows windows_of(const Tensor& x, Size2 window, Size2 stride) {
  const std::int64_t h = x.dim(1);
  const std::int64_t w = x.dim(2);
  const std::int64_t down = steps(h, window.h, stride.h);
  const std::int64_t across = steps(w, window.w, stride.w);
  const Tensor masks = zeros({down * across, h, w, 1});
  float* const cells = masks.mutable_data<float>();
  Rectangles at{window, {}, {}};
  for (std::int64_t i = 0; i < down * across; ++i) {
    const std::int64_t top = i / across * stride.h;
    const std::int64_t left = i % across * stride.w;
    for (std::int64_t row = top; row < std::min(h, top + window.h); ++row) {
      std::fill_n(cells + (i * h + row) * w + left, std::min(w, left + window.w) - left, 1.F);
    }
    at.top.push_back(std::min(top, h - window.h));
    at.left.push_back(std::min(left, w - window.w));
  }
  return {masks.to(x.dtype()).to(x.device()), at};
}

Rectangles rows_of(const Rectangles& all, std::int64_t begin, std::int64_t end) {
  const auto part = [&](const std::vector<std::int64_t>& of) {
    return std::vector<std::int64_t>(of.begin() + begin, of.begin() + end);
  };
  return {all.size, part(all.top), part(all.left)};
}

// scores_behind() windows, computing what they reach.
Tensor scores_reached(const Reach& net, const Tensor& x, const Tensor& baseline, const Windows& windows,
                      const Tensor& weights, Score score) {
  return by_rows(windows.masks.dim(0), kWindows, [&](std::int64_t begin, std::int64_t end) {
    const Tensor hidden = x + slice(windows.masks, 0, begin, end) * (baseline - x);
    const std::vector<std::int64_t> start(static_cast<std::size_t>(end - begin), 0);
    const Versions versions{x, hidden, {{x.dim(1), x.dim(2)}, start, start}};
    const Rectangles at = rows_of(windows.at, begin, end);
    const Tensor output = net({x, cut(versions, at), at});
    return scores_of(output, broadcast_to(weights, output.shape()), score);
  });
}

// What runs the network for what a window reaches; null when it runs for whole images.
std::unique_ptr<Reach> reach_of(const NetworkView& net, const Tensor& x, Size2 window, Recompute recompute) {
  const bool small = 4 * window.h * window.w <= x.dim(1) * x.dim(2);
  if (recompute == Recompute::everything || (recompute == Recompute::automatic && !small)) return nullptr;
  auto reach = std::make_unique<Reach>(net);
  const std::string objection = reach->objection(x);
  NOYAU_CHECK(objection.empty() || recompute == Recompute::automatic,
              "occlusion: cannot compute only what a window reaches: ", objection,
              "; use Recompute::everything or automatic");
  return objection.empty() ? std::move(reach) : nullptr;
}

// [masks, h, w, 1] between 0 and 1: random cells, enlarged and cut out at a random place.
Tensor random_masks(const Tensor& x, const RiseOptions& options) {
  const std::int64_t h = (x.dim(1) + options.cells - 1) / options.cells;
  const std::int64_t w = (x.dim(2) + options.cells - 1) / options.cells;
  const std::int64_t side = options.cells + 1;
  std::vector<Tensor> masks;
  for (int i = 0; i < options.masks; ++i) {
    Generator generator = stream(options.seed, static_cast<std::uint64_t>(i));
    const Tensor cells = uniform({1, side, side, 1}, 0, 1, {}, generator);
    const Tensor seen = less(cells, constant(cells, options.keep)).to(Dtype::f32);
    const Tensor large = resize(seen, {side * h, side * w});
    const std::int64_t top = generator.below(static_cast<std::uint32_t>(h));
    const std::int64_t left = generator.below(static_cast<std::uint32_t>(w));
    masks.push_back(slice(slice(large, 1, top, top + x.dim(1)), 2, left, left + x.dim(2)));
  }
  return concat(masks, 0).to(x.dtype()).to(x.device());
}

}  // namespace

Tensor occlusion(const NetworkView& net, const Tensor& x, const OcclusionOptions& options) {
  check_images("occlusion", x, options.target);
  const Size2 window{std::min(options.window.h, x.dim(1)), std::min(options.window.w, x.dim(2))};
  NOYAU_CHECK(window.h > 0 && window.w > 0 && options.stride.h > 0 && options.stride.w > 0 &&
                  options.stride.h <= options.window.h && options.stride.w <= options.window.w,
              "occlusion: stride ", options.stride, " must be from 1 to the window ", options.window);
  const Evaluating mode(net);
  const NoGrad off;
  const Windows windows = windows_of(x, window, options.stride);
  const Tensor coverage = sum(windows.masks, {0, 3});
  const std::unique_ptr<Reach> reach = reach_of(net, x, window, options.recompute);
  return by_rows(x.dim(0), 1, [&](std::int64_t n, std::int64_t end) {
    const Tensor one = slice(x, 0, n, end);
    const Tensor baseline = baseline_like(one, options.baseline);
    const Tensor output = net(one);
    const Tensor weights = target_weights(options.target.rows(n, end), output);
    const Tensor scores =
        reach != nullptr ? scores_reached(*reach, one, baseline, windows, weights, options.score)
                         : scores_behind(net, one, baseline, 1.0 - windows.masks, weights, options.score);
    const Tensor falls = scores_of(output, weights, options.score) - scores;
    return sum_of_masks(falls, windows.masks) / coverage;
  });
}

Tensor rise(const NetworkView& net, const Tensor& x, const RiseOptions& options) {
  check_images("rise", x, options.target);
  NOYAU_CHECK(options.masks > 0 && options.cells > 0 && options.keep > 0 && options.keep <= 1,
              "rise: ", options.masks, " masks of ", options.cells, " cells kept with probability ",
              options.keep);
  const Evaluating mode(net);
  const NoGrad off;
  const Tensor masks = random_masks(x, options);
  return by_rows(x.dim(0), 1, [&](std::int64_t n, std::int64_t end) {
    const Tensor one = slice(x, 0, n, end);
    const Tensor weights = target_weights(options.target.rows(n, end), net(one));
    const Tensor scores =
        scores_behind(net, one, baseline_like(one, options.baseline), masks, weights, options.score);
    return sum_of_masks(scores, masks) * (1 / (options.masks * options.keep));
  });
}

Tensor random_map(const Tensor& x, std::uint64_t seed) {
  check_images("random_map", x);
  Generator generator = stream(seed, 0x72616e64);
  return uniform({x.dim(0), x.dim(1), x.dim(2)}, 0, 1, {x.dtype(), x.device()}, generator);
}

Tensor edge_map(const Tensor& x) {
  check_images("edge_map", x);
  const NoGrad off;
  const Tensor across =
      reshape(tensor({-1, 0, 1, -2, 0, 2, -1, 0, 1}), {3, 3, 1, 1}).to(x.dtype()).to(x.device());
  const Tensor down = transpose(across, {1, 0, 2, 3});
  const PadMode mode = x.dim(1) > 1 && x.dim(2) > 1 ? PadMode::reflect : PadMode::constant;
  const Tensor grey = pad(mean(x, {3}, true), {{0, 0}, {1, 1}, {1, 1}, {0, 0}}, mode);
  const auto slope = [&](const Tensor& kernel) {
    return conv2d(grey, kernel, {}, {.padding = Padding::valid()});
  };
  const Tensor horizontal = slope(across);
  const Tensor vertical = slope(down);
  return reshape(sqrt(horizontal * horizontal + vertical * vertical), {x.dim(0), x.dim(1), x.dim(2)});
}

}  // namespace noyau::inline v0
