#pragma once
// Convolutions as their definitions, in double, for comparison.
#include "noyau/ops.h"

namespace reference {

namespace ny = noyau;

struct Window {
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t top = 0, left = 0;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t groups = 1;
};

// Calls f(x offset, kernel offset, y offset) for every product of y = conv(x, kernel).
template <class F>
void for_each_product(const ny::Shape& x, const ny::Shape& kernel, const ny::Shape& y, const Window& w, F f) {
  const std::int64_t oc_group = y[3] / w.groups;
  for (std::int64_t n = 0; n < y[0]; ++n) {
    for (std::int64_t oh = 0; oh < y[1]; ++oh) {
      for (std::int64_t ow = 0; ow < y[2]; ++ow) {
        for (std::int64_t kh = 0; kh < kernel[0]; ++kh) {
          for (std::int64_t kw = 0; kw < kernel[1]; ++kw) {
            const std::int64_t ih = oh * w.stride_h + kh * w.dilation_h - w.top;
            const std::int64_t iw = ow * w.stride_w + kw * w.dilation_w - w.left;
            if (ih < 0 || ih >= x[1] || iw < 0 || iw >= x[2]) continue;
            for (std::int64_t c = 0; c < kernel[2]; ++c) {
              for (std::int64_t o = 0; o < kernel[3]; ++o) {
                const std::int64_t ic = o / oc_group * kernel[2] + c;
                f(((n * x[1] + ih) * x[2] + iw) * x[3] + ic,
                  ((kh * kernel[1] + kw) * kernel[2] + c) * kernel[3] + o,
                  ((n * y[1] + oh) * y[2] + ow) * y[3] + o);
              }
            }
          }
        }
      }
    }
  }
}

inline std::vector<double> values(const ny::Tensor& tensor) {
  return tensor.detach().to(ny::Dtype::f64).to_vector<double>();
}

inline std::vector<double> forward(const ny::Tensor& x, const ny::Tensor& kernel, const ny::Shape& y,
                                   const Window& w) {
  const std::vector<double> a = values(x), b = values(kernel);
  std::vector<double> result(static_cast<std::size_t>(y.size()));
  for_each_product(x.shape(), kernel.shape(), y, w, [&](std::int64_t i, std::int64_t k, std::int64_t o) {
    result[static_cast<std::size_t>(o)] += a[static_cast<std::size_t>(i)] * b[static_cast<std::size_t>(k)];
  });
  return result;
}

inline std::vector<double> dinput(const ny::Tensor& dy, const ny::Tensor& kernel, const ny::Shape& x,
                                  const Window& w) {
  const std::vector<double> a = values(dy), b = values(kernel);
  std::vector<double> result(static_cast<std::size_t>(x.size()));
  for_each_product(x, kernel.shape(), dy.shape(), w, [&](std::int64_t i, std::int64_t k, std::int64_t o) {
    result[static_cast<std::size_t>(i)] += a[static_cast<std::size_t>(o)] * b[static_cast<std::size_t>(k)];
  });
  return result;
}

inline std::vector<double> dkernel(const ny::Tensor& x, const ny::Tensor& dy, const ny::Shape& kernel,
                                   const Window& w) {
  const std::vector<double> a = values(x), b = values(dy);
  std::vector<double> result(static_cast<std::size_t>(kernel.size()));
  for_each_product(x.shape(), kernel, dy.shape(), w, [&](std::int64_t i, std::int64_t k, std::int64_t o) {
    result[static_cast<std::size_t>(k)] += a[static_cast<std::size_t>(i)] * b[static_cast<std::size_t>(o)];
  });
  return result;
}

// Largest |a - b| / largest |b|.
inline double relative_error(const ny::Tensor& a, const std::vector<double>& b) {
  const std::vector<double> values_of_a = values(a);
  if (values_of_a.size() != b.size()) return 1e300;
  double error = 0, largest = 1e-300;
  for (std::size_t i = 0; i < b.size(); ++i) {
    error = std::max(error, std::abs(values_of_a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return error / largest;
}

}  // namespace reference
