#include <bit>
#include <cmath>

#include "catch2.h"
#include "device_array.h"
#include "half.h"
#include "kernels.h"

namespace {

// Multiples of 1/8 in [-2, 2): exact in every format, and so are their sums.
std::vector<float> small_numbers(int count, unsigned seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int>(seed >> 27) - 16) / 8;
  }
  return values;
}

std::vector<std::uint16_t> to_f16(const std::vector<float>& values) {
  std::vector<std::uint16_t> bits;
  for (const float value : values) bits.push_back(noyau::to_half(value).bits);
  return bits;
}

std::vector<std::uint16_t> to_bf16(const std::vector<float>& values) {
  std::vector<std::uint16_t> bits;
  for (const float value : values) bits.push_back(noyau::to_bfloat16(value).bits);
  return bits;
}

// a [m, k] b [n, k] transposed.
std::vector<float> product(int m, int n, int k, const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> out;
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      float sum = 0;
      for (int l = 0; l < k; ++l)
        sum += a[static_cast<std::size_t>(i * k + l)] * b[static_cast<std::size_t>(j * k + l)];
      out.push_back(sum);
    }
  }
  return out;
}

template <class T>
void check_product(Product kind, const std::vector<float>& expected, const std::vector<T>& a,
                   const std::vector<T>& b) {
  const DeviceArray<T> device_a(a), device_b(b);
  const DeviceArray<float> out(std::vector<float>(expected.size(), NAN));
  multiply_on_tensor_cores(kind, 32, 24, 48, device_a.data(), device_b.data(), out.data());
  CHECK(out.host() == expected);
}

}  // namespace

TEST_CASE("mma fragments: the product of two matrices in every format", "[fast][simt]") {
  const std::vector<float> a = small_numbers(32 * 48, 1), b = small_numbers(24 * 48, 2);
  const std::vector<float> expected = product(32, 24, 48, a, b);
  check_product(Product::f16, expected, to_f16(a), to_f16(b));
  check_product(Product::f16_small, expected, to_f16(a), to_f16(b));
  check_product(Product::bf16, expected, to_bf16(a), to_bf16(b));
  check_product(Product::tf32, expected, a, b);
}

TEST_CASE("a pipelined convolution on tensor cores, in every order", "[fast][simt]") {
  const ConvolutionShape s{1, 9, 7, 32, 64};  // 63 pixels: one short of a block's tile
  const std::vector<float> x = small_numbers(s.n * s.h * s.w * s.ic, 3),
                           kernel = small_numbers(s.oc * 9 * s.ic, 4);
  const DeviceArray<std::uint16_t> device_x(to_f16(x)), device_kernel(to_f16(kernel));
  std::vector<float> expected;
  const auto at = [&](int row, int column, int c) {
    return row < 0 || row >= s.h || column < 0 || column >= s.w
               ? 0.0f
               : x[static_cast<std::size_t>((row * s.w + column) * s.ic + c)];
  };
  for (int pixel = 0; pixel < s.h * s.w; ++pixel) {
    for (int o = 0; o < s.oc; ++o) {
      float sum = 0;
      for (int i = 0; i < 9 * s.ic; ++i) {
        const int tap = i / s.ic;
        sum += at(pixel / s.w + tap / 3 - 1, pixel % s.w + tap % 3 - 1, i % s.ic) *
               kernel[static_cast<std::size_t>(o * 9 * s.ic + i)];
      }
      expected.push_back(sum);
    }
  }
  for (const char* order : {"forward", "reverse", "shuffle:7"}) {
    simt::set_order(order);
    const DeviceArray<float> y(std::vector<float>(expected.size(), NAN));
    convolve(s, device_x.data(), device_kernel.data(), y.data());
    CHECK(y.host() == expected);
  }
  simt::set_order("forward");
}
