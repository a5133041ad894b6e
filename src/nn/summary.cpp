#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "nn/fusion.h"
#include "noyau/architecture.h"
#include "ops/window.h"

namespace noyau::inline v0 {
namespace {

// What one output cell can see: `field` pixels of the input; neighbours are `jump` pixels apart, the first cell sees
// pixels around `centre`.
struct Reach {
  double field = 1;
  double jump = 1;
  double centre = 0;

  // After a window of `taps` cells, `stride` apart from the next, the first beginning at cell -`before`.
  Reach window(double taps, double stride, double before) const {
    return {field + (taps - 1) * jump, jump * stride, centre + ((taps - 1) / 2 - before) * jump};
  }
};

struct View {
  Shape shape;  // with the batch axis
  Reach h, w;

  std::int64_t height() const { return shape.rank() == 4 ? shape[1] : 1; }
  std::int64_t width() const { return shape.rank() == 4 ? shape[2] : 1; }
};

double span(std::int64_t window, std::int64_t dilation) {
  return static_cast<double>((window - 1) * dilation + 1);
}

void see_window(View& view, Size2 window, Size2 dilation, Size2 stride, const Padding& padding) {
  const auto along = [&](const Reach& reach, std::int64_t in, std::int64_t taps, std::int64_t step,
                         std::int64_t before, std::int64_t after) {
    const WindowAxis axis = window_axis("summary", in, taps, step, padding.kind, before, after);
    return reach.window(static_cast<double>(taps), static_cast<double>(step),
                        static_cast<double>(axis.before));
  };
  view.h =
      along(view.h, view.height(), (window.h - 1) * dilation.h + 1, stride.h, padding.top, padding.bottom);
  view.w =
      along(view.w, view.width(), (window.w - 1) * dilation.w + 1, stride.w, padding.left, padding.right);
}

void see_everything(View& view) {
  view.h = view.h.window(static_cast<double>(view.height()), 1, 0);
  view.w = view.w.window(static_cast<double>(view.width()), 1, 0);
}

// Output cell 0 is reached by input cells around ((taps - 1) / 2 - before) / stride, seen from the other side.
void see_adjoint(View& view, const ConvTranspose2d& layer, const Shape& output) {
  const Shape& kernel = layer.kernel.tensor().shape();
  const auto& o = layer.options;
  const auto along = [&](const Reach& reach, std::int64_t out, double taps, std::int64_t step,
                         std::int64_t before, std::int64_t after) {
    const auto stride = static_cast<double>(step);
    const auto cut = static_cast<double>(
        window_axis("summary", out, static_cast<std::int64_t>(taps), step, o.padding.kind, before, after)
            .before);
    return Reach{reach.field + (std::ceil(taps / stride) - 1) * reach.jump, reach.jump / stride,
                 reach.centre + (cut - (taps - 1) / 2) / stride * reach.jump};
  };
  view.h =
      along(view.h, output[1], span(kernel[0], o.dilation.h), o.stride.h, o.padding.top, o.padding.bottom);
  view.w =
      along(view.w, output[2], span(kernel[1], o.dilation.w), o.stride.w, o.padding.left, o.padding.right);
}

void see_resized(View& view, ResizeMode mode, const Shape& output) {
  const auto along = [&](const Reach& reach, std::int64_t in, std::int64_t out) {
    const double ratio = static_cast<double>(in) / static_cast<double>(out);
    double taps = in == out || mode == ResizeMode::nearest ? 1 : 2;
    if (mode == ResizeMode::area) taps = std::ceil(ratio) == ratio ? ratio : std::ceil(ratio) + 1;
    return Reach{reach.field + (taps - 1) * reach.jump, reach.jump * ratio,
                 reach.centre + (ratio - 1) / 2 * reach.jump};
  };
  view.h = along(view.h, view.height(), output[1]);
  view.w = along(view.w, view.width(), output[2]);
}

void see_padded(View& view, const Padding& zeros) {
  view.h.centre -= static_cast<double>(zeros.top) * view.h.jump;
  view.w.centre -= static_cast<double>(zeros.left) * view.w.jump;
}

template <class L>
const L* as(const Module& layer) {
  return dynamic_cast<const L*>(&layer);
}

// Moves the view through one layer whose output has the given shape.
void pass(View& view, const Module& layer, const Shape& output) {
  if (const auto* conv = as<Conv2d>(layer)) {
    const Shape& kernel = conv->kernel.tensor().shape();
    see_window(view, {kernel[0], kernel[1]}, conv->options.dilation, conv->options.stride,
               conv->options.padding);
  } else if (const auto* transposed = as<ConvTranspose2d>(layer)) {
    see_adjoint(view, *transposed, output);
  } else if (const auto* max_pool = as<MaxPool>(layer)) {
    see_window(view, max_pool->window, 1, max_pool->options.stride.value_or(max_pool->window),
               max_pool->options.padding);
  } else if (const auto* average = as<AveragePool>(layer)) {
    see_window(view, average->window, 1, average->options.stride.value_or(average->window),
               average->options.padding);
  } else if (const auto* resized = as<Resize>(layer)) {
    see_resized(view, resized->mode, output);
  } else if (const auto* upsampled = as<UpSampling>(layer)) {
    see_resized(view, upsampled->mode, output);
  } else if (const auto* padded = as<ZeroPad>(layer)) {
    see_padded(view, padded->padding);
  } else if (view.shape.rank() == 4 && output.rank() != 4) {
    see_everything(view);
  }
  view.shape = output;
}

// Products for one image: each element of a kernel is used once for each position of the output (or, transposed, input).
std::int64_t multiply_adds(const Module& layer, const Shape& input, const Shape& output) {
  if (const auto* conv = as<Conv2d>(layer)) return conv->kernel.tensor().size() * output[1] * output[2];
  if (const auto* conv = as<ConvTranspose2d>(layer))
    return conv->kernel.tensor().size() * input[1] * input[2];
  if (const auto* dense = as<Dense>(layer)) return dense->kernel.tensor().dim(0) * output.size();
  return 0;
}

Shape without_batch(const Shape& shape) {
  return shape.rank() == 0 ? shape : Shape(std::span(shape.begin() + 1, shape.end()));
}

class Describer {
 public:
  Describer(const Sequential& net, const Shape& input) : net_(net) {
    NOYAU_CHECK(input.rank() == 3, "summary: input is ", input, " but must be [h, w, c]");
    net_.train(false);
    const std::vector<Tensor> parameters = net_.parameters();
    const Dtype dtype = parameters.empty() ? Dtype::f32 : parameters.front().dtype();
    const Device device = parameters.empty() ? Device() : parameters.front().device();
    const NoGrad off;
    observe(net_, zeros({1, input[0], input[1], input[2]}, {dtype, device}),
            [&](const std::string& name, const Tensor& y) { outputs_[name] = y.shape(); });
    summary_.input = input;
    View view{{1, input[0], input[1], input[2]}, {}, {}};
    through(net_, "", view);
    for (const LayerSummary& layer : summary_.layers) {
      summary_.parameters += layer.parameters;
      summary_.frozen += layer.frozen;
      summary_.multiply_adds += layer.multiply_adds;
    }
  }

  Summary result() && { return std::move(summary_); }

 private:
  void through(const Sequential& layers, const std::string& prefix, View& view) {
    note_fusion(layers, prefix);
    for (std::int64_t i = 0; i < layers.size(); ++i) {
      const std::string name = prefix + layers[i].name;
      const Module& layer = layers[i].layer.module();
      if (const auto* inner = as<Sequential>(layer)) {
        through(*inner, name + ".", view);
      } else if (const auto* residual = as<Residual>(layer)) {
        through_both(*residual, name + ".", view);
      } else {
        describe(layer, name, view);
      }
    }
  }

  void note_fusion(const Sequential& layers, const std::string& prefix) {
    for (std::int64_t i = 0; i < layers.size();) {
      const std::int64_t end =
          i + static_cast<std::int64_t>(
                  fused_layers(layers.layers().subspan(static_cast<std::size_t>(i))).layers);
      for (std::int64_t k = i + 1; k < end; ++k)
        fused_into_[prefix + layers[k].name] = prefix + layers[i].name;
      i = end;
    }
  }

  void through_both(const Residual& residual, const std::string& prefix, View& view) {
    View other = view;
    through(residual.body, prefix, view);
    through(residual.shortcut, prefix + "shortcut.", other);
    view.h.field = std::max(view.h.field, other.h.field);
    view.w.field = std::max(view.w.field, other.w.field);
  }

  void describe(const Module& layer, const std::string& name, View& view) {
    LayerSummary row{.name = name, .kind = layer.kind(), .output = {}};
    const auto found = outputs_.find(name);
    const Shape output = found == outputs_.end() ? view.shape : found->second;
    row.fused_into = fused_into_[name];
    row.multiply_adds = multiply_adds(layer, view.shape, output);
    pass(view, layer, output);
    row.output = without_batch(output);
    row.receptive_field = {std::llround(std::ceil(view.h.field)), std::llround(std::ceil(view.w.field))};
    row.step = {view.h.jump, view.w.jump};
    row.centre = {view.h.centre, view.w.centre};
    for (const NamedTensor& named : layer.state()) {
      (named.tensor.requires_grad() ? row.parameters : row.frozen) += named.tensor.size();
    }
    summary_.layers.push_back(std::move(row));
  }

  Sequential net_;
  Summary summary_;
  std::unordered_map<std::string, Shape> outputs_;
  std::unordered_map<std::string, std::string> fused_into_;
};

// 1234567 as 1,234,567
std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

using Cells = std::vector<std::string>;

void append_row(std::string& text, const Cells& cells, const std::vector<std::size_t>& widths) {
  constexpr std::size_t kTextColumns = 3, kNumbers = 3;  // text is aligned to the left, numbers to the right
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string gap(widths[i] - cells[i].size(), ' ');
    text += i == 0 ? "" : "  ";
    const bool number = i >= kTextColumns && i < kTextColumns + kNumbers;
    text += number ? gap + cells[i] : cells[i] + gap;
  }
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
}

}  // namespace

Summary summary(const Sequential& net, const Shape& input) { return Describer(net, input).result(); }

std::string to_string(const Summary& summary) {
  const bool fused = std::ranges::any_of(summary.layers,
                                         [](const LayerSummary& layer) { return !layer.fused_into.empty(); });
  std::vector<Cells> rows{
      {"layer", "kind", "output", "parameters", "multiply-adds", "sees", fused ? "runs in" : ""},
      {"input", "", message(summary.input), "", "", "", ""}};
  for (const LayerSummary& layer : summary.layers) {
    rows.push_back({layer.name, layer.kind, message(layer.output), grouped(layer.parameters),
                    grouped(layer.multiply_adds), message(layer.receptive_field), layer.fused_into});
  }
  rows.push_back({"total", "", "", grouped(summary.parameters), grouped(summary.multiply_adds), "", ""});
  std::vector<std::size_t> widths(rows.front().size());
  for (const Cells& cells : rows) {
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string text;
  for (const Cells& cells : rows) append_row(text, cells, widths);
  if (summary.frozen > 0)
    append(text, message("and ", grouped(summary.frozen), " numbers that are not trained\n"));
  return text;
}

}  // namespace noyau::inline v0
