#include "data/pipeline.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "backend.h"

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
void shift_map(std::span<std::int32_t> map, std::int64_t shift, Border border,
               std::vector<std::int32_t>& moved) {
  const auto size = static_cast<std::int64_t>(map.size());
  moved.assign(map.begin(), map.end());
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t from = border == Border::reflect ? reflected(i + shift, size) : i + shift;
    map[static_cast<std::size_t>(i)] = from >= 0 && from < size ? moved[static_cast<std::size_t>(from)] : -1;
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

// An image on its way: a source, read through the plan of the scratch memory.
struct Pipeline::Canvas {
  const DataInfo& info;
  const std::uint8_t* images;
  PipelineScratch& scratch;
  bool floating = false;  // the source is scratch.pixels instead

  Canvas(const Dataset& dataset, std::int64_t index, PipelineScratch& memory)
      : info(dataset.info()), images(dataset.images().data<std::uint8_t>()), scratch(memory) {
    reset(index);
  }

  std::span<std::int32_t> box() const { return std::span(scratch.plan).subspan(1, 4); }
  std::span<std::int32_t> rows() const {
    return std::span(scratch.plan).subspan(kPlanHead, static_cast<std::size_t>(info.height));
  }
  std::span<std::int32_t> columns() const {
    return std::span(scratch.plan).last(static_cast<std::size_t>(info.width));
  }

  void reset(std::int64_t index) {
    scratch.plan.assign(static_cast<std::size_t>(kPlanHead + info.height + info.width), 0);
    scratch.plan[0] = static_cast<std::int32_t>(index);
    std::iota(rows().begin(), rows().end(), 0);
    std::iota(columns().begin(), columns().end(), 0);
  }

  void mirror() {
    if (boxed()) settle();
    std::reverse(columns().begin(), columns().end());
  }

  void shift(std::int64_t down, std::int64_t right, Border border) {
    if (boxed()) settle();
    shift_map(rows(), down, border, scratch.moved);
    shift_map(columns(), right, border, scratch.moved);
  }

  // Overwrites a square of `size` pixels about (y, x) with the mean.
  void cut_out(std::int64_t size, std::int64_t y, std::int64_t x) {
    if (boxed()) settle();
    const auto within = [](std::int64_t i, std::int64_t limit) {
      return static_cast<std::int32_t>(std::clamp<std::int64_t>(i, 0, limit));
    };
    const std::int64_t top = y - size / 2, left = x - size / 2;
    const std::span<std::int32_t> place = box();
    place[0] = within(top, info.height);
    place[1] = within(top + size, info.height);
    place[2] = within(left, info.width);
    place[3] = within(left + size, info.width);
  }

  bool boxed() const { return box()[1] > box()[0]; }

  // out[y, x, c] = value(pixel, c), and inside(c) in the box.
  template <class Value, class Inside>
  void render(float* out, Value&& value, Inside&& inside) const {
    for (std::int64_t y = 0; y < info.height; ++y) {
      for (std::int64_t x = 0; x < info.width; ++x, out += info.channels) {
        const bool in_box = y >= box()[0] && y < box()[1] && x >= box()[2] && x < box()[3];
        for (std::int64_t c = 0; c < info.channels; ++c)
          out[c] = in_box ? inside(c) : value(pixel(y, x, c), c);
      }
    }
  }

  float pixel(std::int64_t y, std::int64_t x, std::int64_t c) const {
    const std::int64_t row = rows()[static_cast<std::size_t>(y)],
                       column = columns()[static_cast<std::size_t>(x)];
    if (row < 0 || column < 0) return 0;
    const std::int64_t at = (row * info.width + column) * info.channels + c;
    if (floating) return scratch.pixels[static_cast<std::size_t>(at)];
    return static_cast<float>(images[scratch.plan[0] * info.height * info.width * info.channels + at]);
  }

  // The pixels as they stand, for a step that changes values.
  Pixels settle() {
    scratch.other.resize(static_cast<std::size_t>(info.height * info.width * info.channels));
    render(
        scratch.other.data(), [](float value, std::int64_t) { return value; },
        [&](std::int64_t c) { return static_cast<float>(info.mean[static_cast<std::size_t>(c)] * 255); });
    scratch.pixels.swap(scratch.other);
    floating = true;
    reset(scratch.plan[0]);
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
  switch (step.kind) {
    case Kind::flip:
      if (generator.uniform() < step.values[0]) canvas.mirror();
      break;
    case Kind::alternating_flip: {
      const std::uint64_t side = stream(seed_, kFlipStream, static_cast<std::uint64_t>(index)).next() & 1;
      if (((side + static_cast<std::uint64_t>(epoch)) & 1) != 0) canvas.mirror();
      break;
    }
    case Kind::pad_crop:
    case Kind::translate: {
      const auto reach = static_cast<std::int64_t>(step.values[0]);
      const auto places = static_cast<std::uint32_t>(2 * reach + 1);
      const std::int64_t down = generator.below(places) - reach;
      canvas.shift(down, generator.below(places) - reach, step.border);
      break;
    }
    case Kind::affine:
      warp_affine(step, canvas.settle(), canvas.scratch.other, generator);
      break;
    case Kind::color_jitter:
      jitter_color(step, canvas.settle(), generator);
      break;
    case Kind::cutout: {
      const std::int64_t y = generator.below(static_cast<std::uint32_t>(canvas.info.height));
      canvas.cut_out(static_cast<std::int64_t>(step.values[0]), y,
                     generator.below(static_cast<std::uint32_t>(canvas.info.width)));
      break;
    }
    case Kind::custom:
      step.function(canvas.settle(), generator);
      break;
    case Kind::mixup:
    case Kind::cutmix:
      break;
  }
}

Generator Pipeline::run_steps(std::int64_t epoch, std::int64_t index, Canvas& canvas) const {
  Generator generator = stream(seed_, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(index));
  for (const Augment::Step& step : steps_) run_step(step, canvas, generator, epoch, index);
  return generator;
}

Generator Pipeline::transform(std::int64_t epoch, std::int64_t index, float* out,
                              PipelineScratch& scratch) const {
  Canvas canvas(dataset_, index, scratch);
  Generator generator = run_steps(epoch, index, canvas);
  if (canvas.floating) {
    canvas.render(
        out,
        [&](float value, std::int64_t c) {
          return value * scale_[static_cast<std::size_t>(c)] + shift_[static_cast<std::size_t>(c)];
        },
        [](std::int64_t) { return 0.0F; });
  } else {
    const DataInfo& info = dataset_.info();
    Context context;
    Cpu::gather_images(context, {1, info.height, info.width, info.channels}, canvas.images,
                       scratch.plan.data(), table_.data(), out);
  }
  return generator;
}

bool Pipeline::only_moves() const {
  const auto moves = [&](const Augment::Step& step) {
    switch (step.kind) {
      case Kind::flip:
      case Kind::alternating_flip:
      case Kind::pad_crop:
      case Kind::translate:
        return true;
      case Kind::cutout:
        return &step == &steps_.back();
      default:
        return false;
    }
  };
  return mixing_.empty() && std::all_of(steps_.begin(), steps_.end(), moves);
}

void Pipeline::write_plan(std::int64_t epoch, std::int64_t index, std::int32_t* plan,
                          PipelineScratch& scratch) const {
  Canvas canvas(dataset_, index, scratch);
  run_steps(epoch, index, canvas);
  std::copy(scratch.plan.begin(), scratch.plan.end(), plan);
}

Tensor Pipeline::table() const { return from_vector(table_, {dataset_.info().channels, 256}); }

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
