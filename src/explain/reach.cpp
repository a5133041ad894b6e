#include "explain/reach.h"

#include <algorithm>
#include <typeinfo>

namespace noyau::inline v0 {
namespace {

// Windows along one axis of a map.
struct Sweep {
  std::int64_t window;  // cells from the first to the last that an output sees
  std::int64_t stride;
  std::int64_t before;  // zeros before the first cell
  std::int64_t in;
  std::int64_t out;

  bool leaves_map() const { return before > 0 || (out - 1) * stride + window > in; }
};

Sweep sweep(std::int64_t in, std::int64_t out, std::int64_t window, std::int64_t stride, Padding::Kind kind,
            std::int64_t before) {
  const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * stride + window - in);
  return {window, stride, kind == Padding::Kind::same ? total / 2 : before, in, out};
}

// Along one axis: `size` cells from each of `first` on.
struct Spans {
  std::int64_t size = 1;
  std::vector<std::int64_t> first;
};

// As long as the longest of [low_v, high_v], and inside a map of `extent` cells.
Spans equal_spans(const std::vector<std::int64_t>& low, const std::vector<std::int64_t>& high,
                  std::int64_t extent) {
  Spans spans{1, low};
  for (std::size_t v = 0; v < low.size(); ++v) spans.size = std::max(spans.size, high[v] - low[v] + 1);
  for (std::int64_t& first : spans.first) first = std::min(first, extent - spans.size);
  return spans;
}

// Outputs that see a cell of `inputs`.
Spans reached(const Sweep& s, const Spans& inputs) {
  std::vector<std::int64_t> low;
  std::vector<std::int64_t> high;
  for (const std::int64_t first : inputs.first) {
    const std::int64_t before_first = std::max<std::int64_t>(0, first + s.before - s.window + s.stride);
    low.push_back(std::min(s.out - 1, before_first / s.stride));
    high.push_back(std::min(s.out - 1, (first + inputs.size - 1 + s.before) / s.stride));
  }
  return equal_spans(low, high, s.out);
}

// Inputs that `outputs` see; they may lie beyond the map.
Spans seen_by(const Sweep& s, const Spans& outputs) {
  Spans spans{(outputs.size - 1) * s.stride + s.window, outputs.first};
  for (std::int64_t& first : spans.first) first = first * s.stride - s.before;
  return spans;
}

Spans rows_of(const Rectangles& r) { return {r.size.h, r.top}; }
Spans columns_of(const Rectangles& r) { return {r.size.w, r.left}; }
Rectangles rectangles(Spans rows, Spans columns) {
  return {{rows.size, columns.size}, std::move(rows.first), std::move(columns.first)};
}

Spans hull(const Spans& a, const Spans& b, std::int64_t extent) {
  std::vector<std::int64_t> low;
  std::vector<std::int64_t> high;
  for (std::size_t v = 0; v < a.first.size(); ++v) {
    low.push_back(std::min(a.first[v], b.first[v]));
    high.push_back(std::max(a.first[v] + a.size, b.first[v] + b.size) - 1);
  }
  return equal_spans(low, high, extent);
}

// op(cut) where `op` slides windows over what it is given, without padding.
template <class Op>
Versions slid(const Versions& x, Tensor whole, const Sweep& h, const Sweep& w, Op&& op) {
  const Spans rows = reached(h, rows_of(x.at));
  const Spans columns = reached(w, columns_of(x.at));
  const Tensor changed = op(cut(x, rectangles(seen_by(h, rows), seen_by(w, columns))));
  return {std::move(whole), changed, rectangles(rows, columns)};
}

Versions convolved(const Versions& x, const Conv2d& layer) {
  const Conv2dLayerOptions& o = layer.options;
  const Tensor whole = layer(x.whole);
  const Tensor& kernel = layer.kernel.tensor();
  const auto along = [&](int axis, std::int64_t stride, std::int64_t dilation, std::int64_t before) {
    return sweep(x.whole.dim(axis), whole.dim(axis), dilation * (kernel.dim(axis - 1) - 1) + 1, stride,
                 o.padding.kind, before);
  };
  return slid(x, whole, along(1, o.stride.h, o.dilation.h, o.padding.top),
              along(2, o.stride.w, o.dilation.w, o.padding.left), [&](const Tensor& part) {
                return conv2d(part, layer.kernel, layer.bias,
                              {.stride = o.stride,
                               .padding = Padding::valid(),
                               .dilation = o.dilation,
                               .groups = o.groups,
                               .algorithm = o.algorithm});
              });
}

// Nothing where a window leaves the map: what pools find there is no zero.
template <class Pool>
std::optional<Versions> pooled(const Versions& x, const Pool& layer) {
  const Size2 stride = layer.options.stride.value_or(layer.window);
  const Padding& padding = layer.options.padding;
  const Tensor whole = layer(x.whole);
  const Sweep h = sweep(x.whole.dim(1), whole.dim(1), layer.window.h, stride.h, padding.kind, padding.top);
  const Sweep w = sweep(x.whole.dim(2), whole.dim(2), layer.window.w, stride.w, padding.kind, padding.left);
  if (h.leaves_map() || w.leaves_map()) return std::nullopt;
  return slid(x, whole, h, w, [&](const Tensor& part) {
    Pool without_padding = layer;
    without_padding.options.padding = Padding::valid();
    return without_padding(part);
  });
}

template <class... Layers>
bool is_one_of(const Module& module) {
  return ((typeid(module) == typeid(Layers)) || ...);
}

bool is_pointwise(const Module& module) {
  return is_one_of<Activate, Relu, LeakyRelu, Elu, Gelu, Silu, Sigmoid, Tanh, Softplus, Scale, Dropout,
                   SpatialDropout, BatchNorm>(module);
}

std::optional<Versions> added(const Versions& x, const Residual& layer);

// Behind one layer; nothing when an output may see all of the map.
std::optional<Versions> behind(const Versions& x, const AnyLayer& layer) {
  const Module& module = layer.module();
  if (is_one_of<Conv2d, DepthwiseConv2d>(module)) return convolved(x, dynamic_cast<const Conv2d&>(module));
  if (is_one_of<MaxPool>(module)) return pooled(x, dynamic_cast<const MaxPool&>(module));
  if (is_one_of<AveragePool>(module)) return pooled(x, dynamic_cast<const AveragePool&>(module));
  if (is_one_of<Residual>(module)) return added(x, dynamic_cast<const Residual&>(module));
  if (is_pointwise(module)) return Versions{layer(x.whole), layer(x.changed), x.at};
  return std::nullopt;
}

void list_layers(const Sequential& net, std::vector<const AnyLayer*>& list) {
  for (const NamedLayer& named : net.layers()) {
    const Module& module = named.layer.module();
    if (is_one_of<Sequential>(module)) {
      list_layers(dynamic_cast<const Sequential&>(module), list);
    } else {
      list.push_back(&named.layer);
    }
  }
}

std::optional<Versions> behind_all(const Versions& x, const Sequential& path) {
  std::vector<const AnyLayer*> layers;
  list_layers(path, layers);
  std::optional<Versions> y = x;
  for (std::size_t i = 0; i < layers.size() && y; ++i) y = behind(*y, *layers[i]);
  return y;
}

std::optional<Versions> added(const Versions& x, const Residual& layer) {
  const std::optional<Versions> a = behind_all(x, layer.body);
  const std::optional<Versions> b = behind_all(x, layer.shortcut);
  if (!a || !b) return std::nullopt;
  const Rectangles both = rectangles(hull(rows_of(a->at), rows_of(b->at), a->whole.dim(1)),
                                     hull(columns_of(a->at), columns_of(b->at), a->whole.dim(2)));
  const auto sum = [&](const Tensor& p, const Tensor& q) {
    return activate(p + q, layer.options.activation);
  };
  return Versions{sum(a->whole, b->whole), sum(cut(*a, both), cut(*b, both)), both};
}

Rectangles everything(const Versions& x) {
  const std::vector<std::int64_t> start(x.at.top.size(), 0);
  return {{x.whole.dim(1), x.whole.dim(2)}, start, start};
}

}  // namespace

Tensor cut(const Versions& x, const Rectangles& wanted) {
  const Rectangles& at = x.at;
  if (wanted.size == at.size && wanted.top == at.top && wanted.left == at.left) return x.changed;
  const std::int64_t h = x.whole.dim(1), w = x.whole.dim(2), c = x.whole.dim(3);
  const std::int64_t outside = h * w;  // the row of zeros
  std::vector<std::int32_t> rows;
  rows.reserve(at.top.size() * static_cast<std::size_t>(wanted.size.h * wanted.size.w));
  for (std::size_t v = 0; v < at.top.size(); ++v) {
    const std::int64_t first = outside + 1 + static_cast<std::int64_t>(v) * at.size.h * at.size.w;
    for (std::int64_t y = wanted.top[v]; y < wanted.top[v] + wanted.size.h; ++y) {
      const std::int64_t row = y - at.top[v];
      const bool row_changed = row >= 0 && row < at.size.h;
      for (std::int64_t z = wanted.left[v]; z < wanted.left[v] + wanted.size.w; ++z) {
        const std::int64_t column = z - at.left[v];
        std::int64_t from = outside;
        if (row_changed && column >= 0 && column < at.size.w) {
          from = first + row * at.size.w + column;
        } else if (y >= 0 && y < h && z >= 0 && z < w) {
          from = y * w + z;
        }
        rows.push_back(static_cast<std::int32_t>(from));
      }
    }
  }
  const Tensor zero = zeros({1, c}, {x.whole.dtype(), x.whole.device()});
  const Tensor cells = concat({reshape(x.whole, {-1, c}), zero, reshape(x.changed, {-1, c})}, 0);
  const Tensor indices = from_vector(rows, {static_cast<std::int64_t>(rows.size())}).to(cells.device());
  return reshape(gather(cells, indices, 0), {x.changed.dim(0), wanted.size.h, wanted.size.w, c});
}

Reach::Reach(const NetworkView& net) {
  if (!is_one_of<Sequential, ConvBlock>(net.module())) return;
  net_ = fold(dynamic_cast<const Sequential&>(net.module()));
  list_layers(net_, layers_);
}

std::string Reach::objection(const Tensor& x) const {
  if (layers_.empty()) return "the network is no Sequential";
  const Tensor one = slice(x, 0, 0, 1);
  if (behind({one, one, {{x.dim(1), x.dim(2)}, {0}, {0}}}, *layers_[0])) return "";
  return message("its first layer, ", layers_[0]->module().kind(), ", sees all of the image at once");
}

Tensor Reach::operator()(Versions x) const {
  std::size_t done = 0;
  for (; done < layers_.size(); ++done) {
    std::optional<Versions> next = behind(x, *layers_[done]);
    if (!next) break;
    x = std::move(*next);
  }
  Tensor y = cut(x, everything(x));
  for (; done < layers_.size(); ++done) y = (*layers_[done])(y);
  return y;
}

}  // namespace noyau::inline v0
