#include <algorithm>
#include <cmath>
#include <limits>

#include "inspect/watch.h"
#include "nn/evaluation_mode.h"
#include "noyau/parallel.h"

namespace noyau::inline v0::inspect {
namespace {

// A layer's outputs for one image, as positions x units.
struct Grid {
  std::int64_t h, w, units, cells;

  Grid(const std::string& layer, const Shape& output, std::int64_t features) {
    NOYAU_CHECK(output.rank() == 4 || output.rank() == 2, "inspect: layer '", layer, "' gives ", output,
                "; units are found in [n, h, w, c] and [n, c]");
    const bool map = output.rank() == 4;
    h = map ? output[1] : 1;
    w = map ? output[2] : 1;
    units = output[output.rank() - 1];
    for (cells = 4; cells > 1 && (cells > std::min(h, w) || cells * cells * units > features);) cells /= 2;
  }
};

struct Slot {
  float *mean, *peak, *features;
  std::int32_t* place;
};

// What is left of one image's outputs y [h, w, units]; returns the sum of squares and lowers `lowest`.
double reduce_image(const Grid& g, const float* y, const Slot& to, float& lowest) {
  std::fill_n(to.features, g.cells * g.cells * g.units, 0.0F);
  std::fill_n(to.peak, g.units, -std::numeric_limits<float>::infinity());
  double squares = 0;
  for (std::int64_t row = 0; row < g.h; ++row) {
    for (std::int64_t column = 0; column < g.w; ++column) {
      const std::int64_t place = row * g.w + column;
      float* const cell = to.features + ((row * g.cells / g.h) * g.cells + column * g.cells / g.w) * g.units;
      for (std::int64_t u = 0; u < g.units; ++u) {
        const float value = y[place * g.units + u];
        squares += static_cast<double>(value) * static_cast<double>(value);
        lowest = std::min(lowest, value);
        cell[u] += value;
        if (!(value <= to.peak[u])) to.peak[u] = value, to.place[u] = static_cast<std::int32_t>(place);
      }
    }
  }
  return squares;
}

std::int64_t first_in(std::int64_t cell, std::int64_t cells, std::int64_t extent) {
  return (cell * extent + cells - 1) / cells;
}

// Turns the sums over cells into means, and these into the mean over all positions.
void average(const Grid& g, const Slot& to) {
  std::fill_n(to.mean, g.units, 0.0F);
  for (std::int64_t a = 0; a < g.cells; ++a) {
    for (std::int64_t b = 0; b < g.cells; ++b) {
      const auto area = static_cast<float>((first_in(a + 1, g.cells, g.h) - first_in(a, g.cells, g.h)) *
                                           (first_in(b + 1, g.cells, g.w) - first_in(b, g.cells, g.w)));
      float* const cell = to.features + (a * g.cells + b) * g.units;
      for (std::int64_t u = 0; u < g.units; ++u) {
        to.mean[u] += cell[u] / static_cast<float>(g.h * g.w);
        cell[u] /= area;
      }
    }
  }
}

class Collector {
 public:
  Collector(std::string name, const Shape& output, std::int64_t images, std::int64_t features)
      : grid_(name, output, features), size_(output.size() / output[0]) {
    result_.name = std::move(name);
    result_.shape = Shape(std::span(output.begin() + 1, output.end()));
    result_.mean = empty({images, grid_.units});
    result_.peak = empty({images, grid_.units});
    result_.place = zeros({images, grid_.units}, {Dtype::i32});
    result_.features = empty({images, grid_.cells * grid_.cells * grid_.units});
    result_.cells = grid_.cells;
    result_.lowest = std::numeric_limits<double>::infinity();
  }

  void add(const Tensor& output, std::int64_t first) {
    const Tensor host = output.detach().to(Device()).to(Dtype::f32);
    const std::int64_t n = host.dim(0);
    std::vector<double> squares(static_cast<std::size_t>(n));
    std::vector<float> lowest(static_cast<std::size_t>(n), std::numeric_limits<float>::infinity());
    const float* const y = host.data<float>();
    parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const Slot slot = slot_of(first + i);
        const auto at = static_cast<std::size_t>(i);
        squares[at] = reduce_image(grid_, y + i * size_, slot, lowest[at]);
        average(grid_, slot);
      }
    });
    for (const double square : squares) squares_ += square;
    for (const float value : lowest) result_.lowest = std::min(result_.lowest, static_cast<double>(value));
    seen_ += n;
  }

  LayerOutputs result() && {
    result_.rms = std::sqrt(squares_ / static_cast<double>(seen_ * size_));
    return std::move(result_);
  }

 private:
  Slot slot_of(std::int64_t image) const {
    const std::int64_t u = grid_.units;
    return {result_.mean.mutable_data<float>() + image * u, result_.peak.mutable_data<float>() + image * u,
            result_.features.mutable_data<float>() + image * result_.features.dim(1),
            result_.place.mutable_data<std::int32_t>() + image * u};
  }

  Grid grid_;
  std::int64_t size_;
  LayerOutputs result_;
  double squares_ = 0;
  std::int64_t seen_ = 0;
};

template <class... Layers>
bool is_one_of(const Module& module) {
  return ((dynamic_cast<const Layers*>(&module) != nullptr) || ...);
}

bool has_units(const Module& module) { return is_one_of<Conv2d, ConvTranspose2d, Dense>(module); }

bool follows(const Module& module) {
  return is_one_of<BatchNorm, LayerNorm, GroupNorm, Activate, Relu, LeakyRelu, Elu, Gelu, Silu, Sigmoid, Tanh,
                   Softplus, Scale, Residual, Sequential>(module);
}

}  // namespace

std::vector<std::string> unit_layers(const Network& network, const Shape& shape) {
  NOYAU_CHECK(shape.rank() == 3, "inspect: images are ", shape, " but must be [h, w, c]");
  std::vector<std::string> layers;
  bool open = false;  // the layer named last may still be followed
  Shape last;
  const EvaluationMode mode(network.module());
  const NoGrad off;
  const std::vector<Tensor> parameters = network.module().parameters();
  const TensorOptions like = parameters.empty()
                                 ? TensorOptions{}
                                 : TensorOptions{parameters.front().dtype(), parameters.front().device()};
  const Tensor x = zeros({1, shape[0], shape[1], shape[2]}, like);
  detail::observe(
      network.module(), [&] { return network(x); },
      [&](const std::string& name, const Tensor& y) {
        const Module& module = network.module().at(name);
        const bool follower = open && follows(module) && y.shape() == last;
        if (has_units(module)) layers.push_back(name);
        if (follower) layers.back() = name;
        open = has_units(module) || follower;
        last = y.shape();
      });
  return layers;
}

std::vector<LayerOutputs> measure_outputs(const Network& network, const Dataset& images,
                                          const std::vector<std::string>& layers,
                                          const OutputOptions& options) {
  NOYAU_CHECK(!images.empty(), "inspect: the data set is empty");
  NOYAU_CHECK(!layers.empty(), "inspect: no layers were named");
  const EvaluationMode mode(network.module());
  const NoGrad off;
  const Loader loader(images, {.batch = options.batch, .device = options.device, .prefetch = 0});
  std::vector<Collector> collectors;
  std::int64_t first = 0;
  for (const Batch& batch : loader.epoch(0)) {
    if (options.stop && options.stop()) throw Stopped();
    const std::vector<Tensor> outputs = watch(network, batch.images, layers);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (first == 0) collectors.emplace_back(layers[i], outputs[i].shape(), images.size(), options.features);
      collectors[i].add(outputs[i], first);
    }
    first += batch.images.dim(0);
  }
  std::vector<LayerOutputs> results;
  results.reserve(collectors.size());
  for (Collector& collector : collectors) results.push_back(std::move(collector).result());
  return results;
}

}  // namespace noyau::inline v0::inspect
