#include <algorithm>

#include "inspect/canvas.h"
#include "inspect/watch.h"
#include "nn/evaluation_mode.h"
#include "noyau/image.h"

namespace noyau::inline v0::inspect {
namespace {

constexpr double kLoudContrast = 200;

class Painter {
 public:
  Painter(const Network& network, const DataInfo& info, std::string layer, const MaximiseOptions& options,
          const Tensor& colours)
      : network_(network),
        layer_(std::move(layer)),
        options_(options),
        easel_(options.canvas, info, colours, options.device) {
    std::vector<float> mean, deviation;
    for (std::int64_t c = 0; c < info.channels; ++c) {
      mean.push_back(static_cast<float>(info.mean.at(static_cast<std::size_t>(c))));
      deviation.push_back(static_cast<float>(1 / info.deviation.at(static_cast<std::size_t>(c))));
    }
    mean_ = from_vector(mean, {info.channels}).to(options.device);
    factor_ = from_vector(deviation, {info.channels}).to(options.device);
    const bool fourier = options.canvas == Canvas::fourier;
    shake_ = {options.jitter.value_or(fourier ? 2 : 4), options.scale.value_or(fourier ? 0.1 : 0),
              options.rotate.value_or(fourier ? 5 : 1)};
  }

  void paint(std::span<const std::int64_t> units, Maximised& result, std::vector<Tensor>& images) {
    units_ = units;
    const Tensor numbers = first_numbers();
    append_values(result.start, quantised(numbers));
    std::unique_ptr<Optimizer> optimizer = make_optimizer(numbers);
    for (int step = 0; step < options_.steps; ++step) {
      if (options_.stop && options_.stop()) throw Stopped();
      Generator generator = stream(options_.seed, static_cast<std::uint64_t>(step), 0x7368616b65);
      const Tensor seen = shaken(easel_.paint(numbers), shake_, generator);
      const Tensor loss = add(neg(sum(goals(seen))), penalty(numbers));
      numbers.set_grad(grad(loss, {numbers})[0]);
      optimizer->step();
    }
    images.push_back(quantised(numbers));
    append_values(result.value, images.back());
  }

 private:
  // Where the first image gives no gradient, one of more contrast may.
  Tensor first_numbers() {
    Tensor numbers = easel_.begin(units_, 1, options_.seed);
    if (options_.canvas == Canvas::pixels) return numbers.set_requires_grad(true);
    numbers.set_requires_grad(true);
    const Tensor slope = grad(sum(goals(easel_.paint(numbers))), {numbers})[0];
    const Tensor size = slope ? sum(abs(slope), {1, 2, 3}, true) : zeros({numbers.dim(0), 1, 1, 1});
    const NoGrad off;
    const Tensor loud = easel_.begin(units_, kLoudContrast, options_.seed);
    return where(equal_to(size, zeros({1}, {size.dtype(), size.device()})), loud, numbers)
        .detach()
        .clone()
        .set_requires_grad(true);
  }

  std::unique_ptr<Optimizer> make_optimizer(const Tensor& numbers) const {
    const std::vector<Tensor> parameters{numbers};
    if (options_.canvas == Canvas::fourier)
      return std::make_unique<Adam>(parameters, AdamOptions{.rate = options_.rate.value_or(0.1)});
    return std::make_unique<RmsProp>(
        parameters, RmsPropOptions{.rate = options_.rate.value_or(1), .alpha = 0.999, .epsilon = 1e-7});
  }

  // What is maximised, one value an image of pixels in [0, 1].
  Tensor goals(const Tensor& pixels) const {
    const Tensor y = run_until(network_, mul(sub(pixels, mean_), factor_), layer_);
    NOYAU_CHECK(y.rank() == 4 || y.rank() == 2, "maximise: layer '", layer_, "' gives ", y.shape(),
                "; units are found in [n, h, w, c] and [n, c]");
    const std::int64_t count = y.dim(-1);
    std::vector<std::int32_t> ids;
    for (const std::int64_t unit : units_) {
      NOYAU_CHECK(unit >= 0 && unit < count, "maximise: unit ", unit, " of layer '", layer_,
                  "' is out of range for ", count, " units");
      ids.push_back(static_cast<std::int32_t>(unit));
    }
    Tensor rows = y;
    if (y.rank() == 4 && options_.goal == Goal::centre) {
      const std::int64_t row = y.dim(1) / 2, column = y.dim(2) / 2;
      rows = slice(slice(y, 1, row, row + 1), 2, column, column + 1);
    }
    if (y.rank() == 4) rows = mean(rows, {1, 2});
    const auto images = static_cast<std::int64_t>(units_.size());
    return sum(mul(rows, one_hot(from_vector(ids, {images}).to(y.device()), count, y.dtype())), {1});
  }

  // Total variation and mean size of the pixels of each image, as tf-keras-vis weighs them.
  Tensor penalty(const Tensor& numbers) const {
    if (options_.canvas == Canvas::fourier) return zeros({}, {Dtype::f32, options_.device});
    const std::int64_t h = numbers.dim(1), w = numbers.dim(2);
    const double count = static_cast<double>(h * w * numbers.dim(3));
    const Tensor down = sub(slice(numbers, 1, 1, h), slice(numbers, 1, 0, h - 1));
    const Tensor across = sub(slice(numbers, 2, 1, w), slice(numbers, 2, 0, w - 1));
    const Tensor variation = mul(add(sum(abs(down)), sum(abs(across))), options_.total_variation / count);
    return add(variation, mul(sum(abs(numbers)), options_.norm / count));
  }

  Tensor quantised(const Tensor& numbers) const {
    const NoGrad off;
    return add(mul(easel_.paint(numbers), 255), 0.5).to(Dtype::u8).to(Device());
  }

  void append_values(std::vector<double>& to, const Tensor& images) const {
    const NoGrad off;
    const Tensor pixels = mul(images.to(options_.device).to(Dtype::f32), 1.0 / 255);
    for (const float value : goals(pixels).to(Dtype::f32).to_vector<float>())
      to.push_back(static_cast<double>(value));
  }

  const Network& network_;
  std::string layer_;
  const MaximiseOptions& options_;
  Easel easel_;
  Tensor mean_, factor_;
  Shake shake_{};
  std::span<const std::int64_t> units_;
};

void check(const DataInfo& info, std::span<const std::int64_t> units, const MaximiseOptions& options) {
  NOYAU_CHECK(info.height > 1 && info.width > 1 && info.channels > 0,
              "maximise: the size of the images is not known (", info.height, "x", info.width, "x",
              info.channels, ")");
  const auto channels = static_cast<std::size_t>(info.channels);
  NOYAU_CHECK(info.mean.size() == channels && info.deviation.size() == channels,
              "maximise: the normalisation of the images is not known");
  NOYAU_CHECK(!units.empty(), "maximise: no units");
  NOYAU_CHECK(options.steps >= 0 && options.batch >= 1, "maximise: ", options.steps, " steps, ",
              options.batch, " units at a time");
}

}  // namespace

Maximised maximise(const Network& network, const DataInfo& info, const std::string& layer,
                   std::span<const std::int64_t> units, const MaximiseOptions& options,
                   const Tensor& colours) {
  check(info, units, options);
  const EvaluationMode mode(network.module());
  Painter painter(network, info, layer, options, colours);
  Maximised result;
  std::vector<Tensor> images;
  const auto batch = static_cast<std::size_t>(options.batch);
  for (std::size_t first = 0; first < units.size(); first += batch)
    painter.paint(units.subspan(first, std::min(batch, units.size() - first)), result, images);
  result.images = concat(images, 0);
  return result;
}

}  // namespace noyau::inline v0::inspect
