#include "data/pipeline.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace noyau::inline v0 {
namespace {

using Kind = Augment::Kind;

// Streams of (seed, this, index), apart from those of (seed, epoch, index).
constexpr std::uint64_t kFlipStream = UINT64_MAX;

std::int64_t reflected(std::int64_t i, std::int64_t size) {
  if (size == 1) return 0;
  const std::int64_t period = 2 * (size - 1);
  const std::int64_t wrapped = ((i % period) + period) % period;
  return wrapped < size ? wrapped : period - wrapped;
}

// map[i] becomes map[i + shift]; what comes from outside is black or mirrored.
void shift_map(std::vector<std::int32_t>& map, std::int64_t shift, Border border,
               std::vector<std::int32_t>& moved) {
  const auto size = static_cast<std::int64_t>(map.size());
  moved.resize(map.size());
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t from = border == Border::reflect ? reflected(i + shift, size) : i + shift;
    moved[static_cast<std::size_t>(i)] = from >= 0 && from < size ? map[static_cast<std::size_t>(from)] : -1;
  }
  map.swap(moved);
}

// out[y, x, c] = value(source[rows[y], cols[x], c], c), with 0 for what is outside.
template <int kChannels, class T, class Value>
void gather(const T* source, const std::vector<std::int32_t>& rows, const std::vector<std::int32_t>& cols,
            float* out, Value&& value) {
  const std::size_t width = cols.size();
  for (const std::int32_t row : rows) {
    const T* const line = source + static_cast<std::size_t>(std::max(row, 0)) * width * kChannels;
    for (std::size_t x = 0; x < width; ++x, out += kChannels) {
      const bool outside = row < 0 || cols[x] < 0;
      const T* const pixel = line + static_cast<std::ptrdiff_t>(std::max(cols[x], 0)) * kChannels;
      for (int c = 0; c < kChannels; ++c) out[c] = value(outside ? T{0} : pixel[c], c);
    }
  }
}

template <class T, class Value>
void gather(std::int64_t channels, const T* source, const PipelineScratch& maps, float* out, Value&& value) {
  if (channels == 1) gather<1>(source, maps.rows, maps.cols, out, value);
  if (channels == 3) gather<3>(source, maps.rows, maps.cols, out, value);
}

void cut_square(const Pixels& pixels, std::int64_t size, const std::vector<double>& mean,
                Generator& generator) {
  const std::int64_t top = generator.below(static_cast<std::uint32_t>(pixels.height)) - size / 2;
  const std::int64_t left = generator.below(static_cast<std::uint32_t>(pixels.width)) - size / 2;
  for (std::int64_t y = std::max<std::int64_t>(top, 0); y < std::min(top + size, pixels.height); ++y) {
    for (std::int64_t x = std::max<std::int64_t>(left, 0); x < std::min(left + size, pixels.width); ++x) {
      for (std::int64_t c = 0; c < pixels.channels; ++c) {
        pixels.values[static_cast<std::size_t>((y * pixels.width + x) * pixels.channels + c)] =
            static_cast<float>(mean[static_cast<std::size_t>(c)] * 255);
      }
    }
  }
}

// Both give the share of the image that is its own in the end.
double blend(const std::vector<float>& partner, double share, float* out) {
  const auto own = static_cast<float>(share);
  for (std::size_t i = 0; i < partner.size(); ++i) out[i] = own * out[i] + (1 - own) * partner[i];
  return share;
}

double paste(const std::vector<float>& partner, double share, const DataInfo& info, float* out,
             Generator& generator) {
  const double cut = std::sqrt(1 - share);
  const std::int64_t half_h = std::lround(static_cast<double>(info.height) * cut / 2);
  const std::int64_t half_w = std::lround(static_cast<double>(info.width) * cut / 2);
  const std::int64_t y = generator.below(static_cast<std::uint32_t>(info.height));
  const std::int64_t x = generator.below(static_cast<std::uint32_t>(info.width));
  const std::int64_t top = std::max<std::int64_t>(y - half_h, 0), bottom = std::min(y + half_h, info.height);
  const std::int64_t left = std::max<std::int64_t>(x - half_w, 0), right = std::min(x + half_w, info.width);
  for (std::int64_t line = top; line < bottom; ++line) {
    const std::int64_t at = (line * info.width + left) * info.channels;
    std::copy_n(partner.data() + at, (right - left) * info.channels, out + at);
  }
  return 1 -
         static_cast<double>((bottom - top) * (right - left)) / static_cast<double>(info.height * info.width);
}

}  // namespace

// An image on its way: a source, read through the row and column maps of the scratch memory.
struct Pipeline::Canvas {
  const DataInfo& info;
  const std::uint8_t* source;
  PipelineScratch& scratch;
  bool floating = false;  // the source is scratch.pixels instead

  void reset_maps() {
    scratch.rows.resize(static_cast<std::size_t>(info.height));
    scratch.cols.resize(static_cast<std::size_t>(info.width));
    std::iota(scratch.rows.begin(), scratch.rows.end(), 0);
    std::iota(scratch.cols.begin(), scratch.cols.end(), 0);
  }

  // The pixels as they stand, for a step that changes values.
  Pixels settle() {
    scratch.other.resize(static_cast<std::size_t>(info.height * info.width * info.channels));
    const auto same = [](auto value, int) { return static_cast<float>(value); };
    if (floating) gather(info.channels, scratch.pixels.data(), scratch, scratch.other.data(), same);
    if (!floating) gather(info.channels, source, scratch, scratch.other.data(), same);
    scratch.pixels.swap(scratch.other);
    floating = true;
    reset_maps();
    return {scratch.pixels, info.height, info.width, info.channels};
  }
};

Pipeline::Pipeline(const Augment& augment, const Dataset& dataset, std::uint64_t seed)
    : dataset_(dataset), seed_(seed) {
  for (const Augment::Step& step : augment.steps()) {
    const bool mixes = step.kind == Kind::mixup || step.kind == Kind::cutmix;
    (mixes ? mixing_ : steps_).push_back(step);
  }
  const DataInfo& info = dataset.info();
  for (std::size_t c = 0; c < info.mean.size(); ++c) {
    for (int value = 0; value < 256; ++value) {
      table_.push_back(static_cast<float>((value / 255.0 - info.mean[c]) / info.deviation[c]));
    }
    scale_.push_back(static_cast<float>(1 / (255 * info.deviation[c])));
    shift_.push_back(static_cast<float>(-info.mean[c] / info.deviation[c]));
  }
}

void Pipeline::run_step(const Augment::Step& step, Canvas& canvas, Generator& generator, std::int64_t epoch,
                        std::int64_t index) const {
  std::vector<std::int32_t>& cols = canvas.scratch.cols;
  switch (step.kind) {
    case Kind::flip:
      if (generator.uniform() < step.values[0]) std::reverse(cols.begin(), cols.end());
      break;
    case Kind::alternating_flip: {
      const std::uint64_t side = stream(seed_, kFlipStream, static_cast<std::uint64_t>(index)).next() & 1;
      if (((side + static_cast<std::uint64_t>(epoch)) & 1) != 0) std::reverse(cols.begin(), cols.end());
      break;
    }
    case Kind::pad_crop:
    case Kind::translate: {
      const auto reach = static_cast<std::int64_t>(step.values[0]);
      const auto places = static_cast<std::uint32_t>(2 * reach + 1);
      shift_map(canvas.scratch.rows, generator.below(places) - reach, step.border, canvas.scratch.moved);
      shift_map(cols, generator.below(places) - reach, step.border, canvas.scratch.moved);
      break;
    }
    case Kind::affine:
      warp_affine(step, canvas.settle(), canvas.scratch.other, generator);
      break;
    case Kind::color_jitter:
      jitter_color(step, canvas.settle(), generator);
      break;
    case Kind::cutout:
      cut_square(canvas.settle(), static_cast<std::int64_t>(step.values[0]), canvas.info.mean, generator);
      break;
    case Kind::custom:
      step.function(canvas.settle(), generator);
      break;
    case Kind::mixup:
    case Kind::cutmix:
      break;
  }
}

Generator Pipeline::transform(std::int64_t epoch, std::int64_t index, float* out,
                              PipelineScratch& scratch) const {
  const DataInfo& info = dataset_.info();
  const std::int64_t size = info.height * info.width * info.channels;
  Generator generator = stream(seed_, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(index));
  Canvas canvas{info, dataset_.images().data<std::uint8_t>() + index * size, scratch};
  canvas.reset_maps();
  for (const Augment::Step& step : steps_) run_step(step, canvas, generator, epoch, index);
  if (canvas.floating) {
    gather(info.channels, scratch.pixels.data(), scratch, out, [&](float value, int c) {
      return value * scale_[static_cast<std::size_t>(c)] + shift_[static_cast<std::size_t>(c)];
    });
  } else {
    gather(info.channels, canvas.source, scratch, out,
           [table = table_.data()](std::uint8_t value, int c) { return table[c * 256 + value]; });
  }
  return generator;
}

void Pipeline::apply(std::int64_t epoch, std::int64_t index, float* out, float* target,
                     PipelineScratch& scratch) const {
  Generator generator = transform(epoch, index, out, scratch);
  if (mixing_.empty()) return;
  const DataInfo& info = dataset_.info();
  const Augment::Step& step = mixing_[generator.below(static_cast<std::uint32_t>(mixing_.size()))];
  const double share = symmetric_beta(step.values[0], generator);
  const std::int64_t partner = generator.below(static_cast<std::uint32_t>(dataset_.size()));
  scratch.partner.resize(static_cast<std::size_t>(info.height * info.width * info.channels));
  transform(epoch, partner, scratch.partner.data(), scratch);
  const double own = step.kind == Kind::mixup ? blend(scratch.partner, share, out)
                                              : paste(scratch.partner, share, info, out, generator);
  std::fill_n(target, info.classes.size(), 0.0F);
  target[dataset_.label(index)] = static_cast<float>(own);
  target[dataset_.label(partner)] += static_cast<float>(1 - own);
}

}  // namespace noyau::inline v0
