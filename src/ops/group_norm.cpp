#include <algorithm>
#include <cmath>

#include "backend.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

// Sum of f(0) .. f(count - 1) in a fixed order that fills vector lanes.
template <class F>
double lane_sum(std::int64_t count, F&& f) {
  constexpr std::int64_t kLanes = 8;
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += f(i + lane);
  }
  double rest = 0;
  for (; i < count; ++i) rest += f(i);
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7])) +
         rest;
}

// One group of one example: `positions` runs of `width` neighbouring channels, `stride` apart.
struct Group {
  Group(const GroupNormDims& d, std::int64_t index)
      : width(d.c / d.groups),
        channel(index % d.groups * width),
        offset(index / d.groups * d.positions * d.c + channel),
        stride(d.c),
        positions(d.positions) {}

  template <class F>
  double sum(F&& f) const {
    double total = 0;
    for (std::int64_t p = 0; p < positions; ++p) {
      total += lane_sum(width, [&](std::int64_t i) { return f(offset + p * stride + i, channel + i); });
    }
    return total;
  }
  double count() const { return static_cast<double>(positions * width); }

  // Calls f(place in x, channel) for every element.
  template <class F>
  void each(F&& f) const {
    for (std::int64_t p = 0; p < positions; ++p) {
      for (std::int64_t i = 0; i < width; ++i) f(offset + p * stride + i, channel + i);
    }
  }

  std::int64_t width, channel, offset, stride, positions;
};

std::int64_t group_grain(const GroupNormDims& d) {
  return 1 + (1 << 13) / (d.positions * (d.c / d.groups) + 1);
}

}  // namespace

// y[n, p, c] = (x[n, p, c] - mean[n, g]) * inv[n, g] * gamma[c] + beta[c], g = c / width; a thread owns groups.
template <class T>
void Cpu::group_norm_forward(Context&, const GroupNormDims& d, const T* x, const T* gamma, const T* beta,
                             T* mean, T* inv, T* y) {
  parallel_for(d.n * d.groups, group_grain(d), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      const Group group(d, index);
      const double centre =
          group.sum([&](std::int64_t at, std::int64_t) { return double{x[at]}; }) / group.count();
      const double squares = group.sum([&](std::int64_t at, std::int64_t) {
        const double distance = double{x[at]} - centre;
        return distance * distance;
      });
      const T m = mean[index] = static_cast<T>(centre);
      const T scale = inv[index] = static_cast<T>(1 / std::sqrt(squares / group.count() + d.epsilon));
      group.each([&](std::int64_t at, std::int64_t c) {
        y[at] =
            (x[at] - m) * scale * (gamma == nullptr ? T{1} : gamma[c]) + (beta == nullptr ? T{0} : beta[c]);
      });
    }
  });
}

// dx = inv * (g - mean(g) - xhat * mean(g * xhat)) with g = dy * gamma and means over the group; a thread owns groups.
template <class T>
void Cpu::group_norm_dinput(Context&, const GroupNormDims& d, const T* x, const T* dy, const T* gamma,
                            const T* mean, const T* inv, T* dx) {
  parallel_for(d.n * d.groups, group_grain(d), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      const Group group(d, index);
      const T m = mean[index];
      const T scale = inv[index];
      const auto g = [&](std::int64_t at, std::int64_t c) {
        return gamma == nullptr ? dy[at] : dy[at] * gamma[c];
      };
      const auto plain = static_cast<T>(
          group.sum([&](std::int64_t at, std::int64_t c) { return double{g(at, c)}; }) / group.count());
      const auto weighted = static_cast<T>(group.sum([&](std::int64_t at, std::int64_t c) {
        return double{g(at, c)} * double{(x[at] - m) * scale};
      }) / group.count());
      group.each([&](std::int64_t at, std::int64_t c) {
        dx[at] = scale * (g(at, c) - plain - (x[at] - m) * scale * weighted);
      });
    }
  });
}

// dgamma[c] = sum over n, p of dy * xhat, dbeta[c] = sum of dy; a thread owns channels.
template <class T>
void Cpu::group_norm_dparameters(Context&, const GroupNormDims& d, const T* x, const T* dy, const T* mean,
                                 const T* inv, T* dgamma, T* dbeta) {
  constexpr std::int64_t kRun = 16;
  const std::int64_t width = d.c / d.groups;
  parallel_for((d.c + kRun - 1) / kRun, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin * kRun; first < std::min(d.c, end * kRun); first += kRun) {
      const std::int64_t count = std::min(kRun, d.c - first);
      double weighted[kRun] = {};
      double plain[kRun] = {};
      for (std::int64_t row = 0; row < d.n * d.positions; ++row) {
        const std::int64_t group = row / d.positions * d.groups;
        for (std::int64_t i = 0; i < count; ++i) {
          const std::int64_t c = first + i;
          const std::int64_t at = row * d.c + c;
          const T xhat = (x[at] - mean[group + c / width]) * inv[group + c / width];
          weighted[i] += double{dy[at]} * double{xhat};
          plain[i] += double{dy[at]};
        }
      }
      for (std::int64_t i = 0; i < count; ++i) {
        dgamma[first + i] = static_cast<T>(weighted[i]);
        dbeta[first + i] = static_cast<T>(plain[i]);
      }
    }
  });
}

namespace {

template <class T>
T* pointer(const Tensor& tensor) {
  return tensor.defined() ? tensor.device_data<T>() : nullptr;
}

Tensor normalized(const char* name, const GroupNormDims& d, const Tensor& x, const Tensor& gamma,
                  const Tensor& beta, const std::any& options) {
  const Tensor y = empty_like(x);
  const Tensor mean = empty({d.n, d.groups}, {x.dtype(), x.device()});
  const Tensor inv = empty_like(mean);
  dispatch(Floats{}, name, x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template group_norm_forward<T>(context, d, x.device_data<T>(), pointer<T>(gamma), pointer<T>(beta),
                                      mean.device_data<T>(), inv.device_data<T>(), y.device_data<T>());
  });
  const auto backward = [=](const Tensor& dy, const Tensor&) -> Grads {
    const Tensor dx = grad_like(x);
    const bool wanted = (gamma.defined() && wants_grad(gamma)) || (beta.defined() && wants_grad(beta));
    const Tensor dgamma =
        wanted ? empty((gamma.defined() ? gamma : beta).shape(), {dy.dtype(), dy.device()}) : Tensor();
    const Tensor dbeta = wanted ? empty_like(dgamma) : Tensor();
    dispatch(Floats{}, name, dy, [&](auto on, Context& context, auto type) {
      using T = typename decltype(type)::type;
      const T* const x_data = x.device_data<T>();
      const T* const dy_data = dy.device_data<T>();
      const T* const mean_data = mean.device_data<T>();
      const T* const inv_data = inv.device_data<T>();
      if (dx.defined()) {
        on.template group_norm_dinput<T>(context, d, x_data, dy_data, pointer<T>(gamma), mean_data, inv_data,
                                         dx.device_data<T>());
      }
      if (wanted) {
        on.template group_norm_dparameters<T>(context, d, x_data, dy_data, mean_data, inv_data,
                                              dgamma.device_data<T>(), dbeta.device_data<T>());
      }
    });
    return {dx, gamma.defined() ? dgamma : Tensor(), beta.defined() ? dbeta : Tensor()};
  };
  return record(name, y, {x, gamma, beta}, backward, {.reads_output = false, .options = options});
}

void check_parameters(const char* op, const Tensor& x, const Tensor& gamma, const Tensor& beta,
                      const Shape& shape) {
  for (const auto& [name, values] : {std::pair("gamma", gamma), std::pair("beta", beta)}) {
    NOYAU_CHECK(!values.defined() || values.shape() == shape, op, ": ", name, " is ", values.shape(),
                " but x ", x.shape(), " needs ", shape);
  }
}

}  // namespace

// A row is one group of one position, so layer normalisation is group normalisation of [rows, 1, inner].
Tensor layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, int axes, double epsilon) {
  if (is_widened(x)) return layer_norm(x.to(Dtype::f32), gamma, beta, axes, epsilon).to(x.dtype());
  check_operands("layer_norm", {{"x", x}, {"gamma", gamma}, {"beta", beta}});
  NOYAU_CHECK(axes >= 1 && axes <= x.rank(), "layer_norm: ", axes, " axes of x ", x.shape());
  NOYAU_CHECK(epsilon >= 0, "layer_norm: epsilon ", epsilon, " is negative");
  const Shape inner(std::span(x.shape().end() - axes, x.shape().end()));
  NOYAU_CHECK(inner.size() > 0, "layer_norm: no elements to normalise over in ", x.shape());
  check_parameters("layer_norm", x, gamma, beta, inner);
  return normalized("layer_norm", {x.size() / inner.size(), 1, inner.size(), 1, epsilon}, x, gamma, beta,
                    axes);
}

Tensor group_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, int groups, double epsilon) {
  if (is_widened(x)) return group_norm(x.to(Dtype::f32), gamma, beta, groups, epsilon).to(x.dtype());
  check_operands("group_norm", {{"x", x}, {"gamma", gamma}, {"beta", beta}});
  NOYAU_CHECK(x.rank() >= 2, "group_norm: x must be [n, .., c], not ", x.shape());
  NOYAU_CHECK(epsilon >= 0, "group_norm: epsilon ", epsilon, " is negative");
  const std::int64_t c = x.dim(-1);
  NOYAU_CHECK(groups >= 1 && c % groups == 0, "group_norm: ", c, " channels do not divide into ", groups,
              " groups");
  check_parameters("group_norm", x, gamma, beta, {c});
  std::int64_t positions = 1;
  for (int axis = 1; axis + 1 < x.rank(); ++axis) positions *= x.dim(axis);
  NOYAU_CHECK(positions * c > 0, "group_norm: no elements to normalise over in ", x.shape());
  return normalized("group_norm", {x.dim(0), positions, c, groups, epsilon}, x, gamma, beta, groups);
}

}  // namespace noyau::inline v0
