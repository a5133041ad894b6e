#include <cmath>

#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

// Group normalisation of [n, positions, c] by its definition.
Tensor by_definition(const Tensor& x, const Shape& as, int groups, const Tensor& gamma, const Tensor& beta,
                     double epsilon) {
  const Tensor y = empty_like(x);
  const std::int64_t width = as[2] / groups;
  for (std::int64_t n = 0; n < as[0]; ++n) {
    for (int g = 0; g < groups; ++g) {
      const auto place = [&](std::int64_t p, std::int64_t i) {
        return (n * as[1] + p) * as[2] + g * width + i;
      };
      const auto count = static_cast<double>(as[1] * width);
      double mean = 0, variance = 0;
      for (std::int64_t p = 0; p < as[1]; ++p) {
        for (std::int64_t i = 0; i < width; ++i) mean += x.data<double>()[place(p, i)] / count;
      }
      for (std::int64_t p = 0; p < as[1]; ++p) {
        for (std::int64_t i = 0; i < width; ++i)
          variance += std::pow(x.data<double>()[place(p, i)] - mean, 2) / count;
      }
      for (std::int64_t p = 0; p < as[1]; ++p) {
        for (std::int64_t i = 0; i < width; ++i) {
          const double xhat = (x.data<double>()[place(p, i)] - mean) / std::sqrt(variance + epsilon);
          const std::int64_t c = g * width + i;
          y.mutable_data<double>()[place(p, i)] = xhat * gamma.data<double>()[c] + beta.data<double>()[c];
        }
      }
    }
  }
  return y;
}

}  // namespace

TEST_CASE("group_norm is what its definition says", "[fast][norm]") {
  // 11 channels a group are one run of lanes and three more; one group, one channel a group, rank 2 and 3.
  for (const auto& [shape, groups] : {std::pair<Shape, int>{{2, 3, 5, 22}, 2},
                                      {{2, 2, 2, 6}, 1},
                                      {{1, 3, 3, 4}, 4},
                                      {{3, 8}, 2},
                                      {{2, 5, 6}, 3}}) {
    const Tensor x = random_tensor(shape);
    const std::int64_t c = shape.dim(-1);
    const Tensor gamma = random_tensor({c}, 2);
    const Tensor beta = random_tensor({c}, 3);
    const Tensor y = group_norm(x, gamma, beta, groups);
    const Shape as{shape[0], x.size() / shape[0] / c, c};
    CHECK(all_close(y, by_definition(x, as, groups, gamma, beta, 1e-3), 1e-12, 1e-12));
    const Tensor plain = by_definition(x, as, groups, ones({c}, {Dtype::f64}), zeros({c}, {Dtype::f64}), 0.5);
    CHECK(all_close(group_norm(x, {}, {}, groups, 0.5), plain, 1e-12, 1e-12));
    CHECK(all_close(group_norm(x.to(Dtype::f32), {}, {}, groups, 0.5).to(Dtype::f64), plain, 1e-5, 1e-5));
  }
}

TEST_CASE("layer_norm is what its definition says", "[fast][norm]") {
  const Tensor x = random_tensor({4, 3, 5});
  const Tensor gamma = random_tensor({3, 5}, 2);
  const Tensor beta = random_tensor({3, 5}, 3);
  CHECK(all_close(layer_norm(x, gamma, beta, 2), by_definition(x, {4, 1, 15}, 1, gamma, beta, 1e-3), 1e-12,
                  1e-12));
  const Tensor one = ones({5}, {Dtype::f64});
  const Tensor zero = zeros({5}, {Dtype::f64});
  CHECK(all_close(layer_norm(x, {}, {}), by_definition(x, {12, 1, 5}, 1, one, zero, 1e-3), 1e-12, 1e-12));
}

TEST_CASE("layer_norm of f32 keeps its digits far from zero", "[fast][norm]") {
  const Tensor x = (random_tensor({3, 999}) + 1000.0).to(Dtype::f32);
  const Tensor y = layer_norm(x, {}, {}, 1, 0).to(Dtype::f64);
  for (double value : (sum(y, {1}) / 999.0).to_vector<double>()) CHECK(std::fabs(value) < 1e-4);
  for (double value : (sum(y * y, {1}) / 999.0).to_vector<double>()) CHECK(value == Approx(1).epsilon(1e-4));
}

TEST_CASE("gradients of layer_norm and group_norm", "[fast][norm]") {
  const Tensor x = random_tensor({2, 3, 2, 6});
  const Tensor gamma = random_tensor({6}, 2);
  const Tensor beta = random_tensor({6}, 3);
  for (int groups : {1, 2, 6}) {
    check_gradients([&](const std::vector<Tensor>& in) { return group_norm(in[0], in[1], in[2], groups); },
                    {x, gamma, beta});
    check_gradients([&](const std::vector<Tensor>& in) { return group_norm(in[0], {}, {}, groups); }, {x});
  }
  check_gradients([](const std::vector<Tensor>& in) { return layer_norm(in[0], in[1], in[2]); },
                  {x, gamma, beta});
  check_gradients([](const std::vector<Tensor>& in) { return layer_norm(in[0], in[1], {}, 2); },
                  {x, random_tensor({2, 6}, 2)});
  check_gradients([](const std::vector<Tensor>& in) { return layer_norm(in[0], {}, in[1], 3); },
                  {x, random_tensor({3, 2, 6}, 2)});
  check_gradients(
      [&](const std::vector<Tensor>& in) { return layer_norm(x.to(in[0].device()), in[0], in[1]); },
      {gamma, beta});
  // 19 channels are a run of 16 and three more.
  check_gradients([](const std::vector<Tensor>& in) { return group_norm(in[0], in[1], in[2], 1); },
                  {random_tensor({3, 19}), random_tensor({19}, 2), random_tensor({19}, 3)});
}

TEST_CASE("layer_norm and group_norm do not depend on the number of threads", "[fast][norm]") {
  const std::vector<Tensor> inputs{random_tensor({37, 20, 66}, 1, Dtype::f32).set_requires_grad(true),
                                   random_tensor({66}, 2, Dtype::f32).set_requires_grad(true),
                                   random_tensor({66}, 3, Dtype::f32).set_requires_grad(true)};
  check_thread_independence([](const std::vector<Tensor>& in) { return layer_norm(in[0], in[1], in[2]); },
                            inputs);
  check_thread_independence([](const std::vector<Tensor>& in) { return group_norm(in[0], in[1], in[2], 3); },
                            inputs);
}

TEST_CASE("layer_norm and group_norm say what is wrong", "[fast][norm]") {
  const Tensor x = zeros({2, 6});
  CHECK_THROWS_WITH(layer_norm(x, ones({2}), {}),
                    ContainsSubstring("layer_norm: gamma is [2] but x [2, 6] needs [6]"));
  CHECK_THROWS_WITH(layer_norm(x, {}, ones({6}), 2),
                    ContainsSubstring("layer_norm: beta is [6] but x [2, 6] needs [2, 6]"));
  CHECK_THROWS_WITH(layer_norm(x, {}, {}, 3), ContainsSubstring("layer_norm: 3 axes of x [2, 6]"));
  CHECK_THROWS_WITH(layer_norm(x, {}, {}, 1, -1), ContainsSubstring("layer_norm: epsilon -1 is negative"));
  CHECK_THROWS_WITH(layer_norm(zeros({2, 0}), {}, {}), ContainsSubstring("layer_norm: no elements"));
  CHECK_THROWS_WITH(layer_norm(Tensor(), {}, {}), ContainsSubstring("layer_norm: x is undefined"));
  CHECK_THROWS_WITH(group_norm(x, {}, {}, 4),
                    ContainsSubstring("group_norm: 6 channels do not divide into 4 groups"));
  CHECK_THROWS_WITH(group_norm(x, {}, {}, 0), ContainsSubstring("into 0 groups"));
  CHECK_THROWS_WITH(group_norm(x, ones({2}), {}, 2), ContainsSubstring("group_norm: gamma is [2]"));
  CHECK_THROWS_WITH(group_norm(zeros({6}), {}, {}, 2), ContainsSubstring("group_norm: x must be [n, .., c]"));
  CHECK_THROWS_WITH(group_norm(zeros({2, 0, 6}), {}, {}, 2), ContainsSubstring("group_norm: no elements"));
  CHECK_THROWS_WITH(group_norm(x, {}, {}, 2, -1), ContainsSubstring("epsilon -1 is negative"));
}
