#include <cmath>

#include "ops/spatial_support.h"

using namespace noyau;
using namespace noyau::testing;

namespace {

struct Moments {
  std::vector<double> mean, variance;
};

Moments moments_of(const Tensor& x) {
  const std::vector<double> values = x.detach().to(Dtype::f64).to_vector<double>();
  const auto c = static_cast<std::size_t>(x.dim(-1));
  const std::size_t rows = values.size() / c;
  Moments result{std::vector<double>(c), std::vector<double>(c)};
  for (std::size_t i = 0; i < values.size(); ++i) result.mean[i % c] += values[i] / static_cast<double>(rows);
  for (std::size_t i = 0; i < values.size(); ++i) {
    result.variance[i % c] += std::pow(values[i] - result.mean[i % c], 2) / static_cast<double>(rows);
  }
  return result;
}

Tensor normalized(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Moments& m,
                  double epsilon) {
  const Tensor y = empty_like(x);
  const auto c = static_cast<std::size_t>(x.dim(-1));
  for (std::size_t i = 0; i < static_cast<std::size_t>(x.size()); ++i) {
    const double xhat = (x.data<double>()[i] - m.mean[i % c]) / std::sqrt(m.variance[i % c] + epsilon);
    y.mutable_data<double>()[i] = gamma.data<double>()[i % c] * xhat + beta.data<double>()[i % c];
  }
  return y;
}

}  // namespace

TEST_CASE("batch_norm in training normalises by the batch", "[fast][norm]") {
  // c = 17: two vectors of doubles and one more; 700 rows: two slices, the last short; 9000 channels: slices of 16 rows.
  for (const Shape& shape : {Shape{700, 17}, Shape{2, 3, 5, 4}, Shape{2, 1}, Shape{20, 9000}}) {
    INFO(message(shape));
    const Tensor x = random_tensor(shape);
    const Tensor gamma = random_tensor({shape.dim(-1)}, 2);
    const Tensor beta = random_tensor({shape.dim(-1)}, 3);
    const Tensor y = batch_norm(x, gamma, beta, {}, {}, true);
    CHECK(all_close(y, normalized(x, gamma, beta, moments_of(x), 1e-3), 1e-12, 1e-12));
    CHECK(
        all_close(batch_norm(x, gamma, beta, {}, {}, true, {.activation = Activation::relu}), relu(y), 0, 0));
    const Tensor plain = batch_norm(x, {}, {}, {}, {}, true, {.epsilon = 0.5});
    CHECK(all_close(plain,
                    normalized(x, ones(gamma.shape(), {Dtype::f64}), zeros(beta.shape(), {Dtype::f64}),
                               moments_of(x), 0.5),
                    1e-12, 1e-12));
    const Tensor narrow =
        batch_norm(x.to(Dtype::f32), gamma.to(Dtype::f32), beta.to(Dtype::f32), {}, {}, true);
    CHECK(all_close(narrow.to(Dtype::f64), y, 1e-5, 1e-5));
  }
}

TEST_CASE("batch_norm moves its averages towards the mean and the unbiased variance", "[fast][norm]") {
  const Tensor x = random_tensor({4, 3, 5, 2});
  const Tensor mean = tensor({1, -1}, Dtype::f64);
  const Tensor variance = tensor({2, 3}, Dtype::f64);
  const std::uint64_t version = mean.version();
  batch_norm(x, {}, {}, mean, variance, true, {.momentum = 0.75});
  const Moments m = moments_of(x);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(mean.data<double>()[i] == Approx(0.75 * (i == 0 ? 1 : -1) + 0.25 * m.mean[i]));
    CHECK(variance.data<double>()[i] == Approx(0.75 * (i == 0 ? 2 : 3) + 0.25 * m.variance[i] * 60 / 59));
  }
  CHECK(mean.version() > version);
}

TEST_CASE("batch_norm in evaluation uses the moving averages and leaves them alone", "[fast][norm]") {
  const Tensor x = random_tensor({2, 3, 2, 3});
  const Tensor gamma = random_tensor({3}, 2);
  const Tensor beta = random_tensor({3}, 3);
  const Tensor mean = random_tensor({3}, 4);
  const Tensor variance = tensor({0.5, 2, 1}, Dtype::f64);
  const Tensor before = mean.clone();
  const Tensor y = batch_norm(x, gamma, beta, mean, variance, false);
  CHECK(all_close(
      y, normalized(x, gamma, beta, {mean.to_vector<double>(), variance.to_vector<double>()}, 1e-3), 1e-12));
  CHECK(equal(mean, before));
  const Tensor row = reshape(x, {12, 3})[0];
  CHECK(all_close(batch_norm(reshape(row, {1, 3}), gamma, beta, mean, variance, false)[0],
                  reshape(y, {12, 3})[0], 1e-14));
}

TEST_CASE("gradients of batch_norm", "[fast][norm]") {
  const Tensor x = random_tensor({3, 2, 2, 5});  // rank 4; fewer channels than a vector
  const Tensor wide = random_tensor({6, 19});    // rank 2; vectors of channels and three more
  const Tensor variance = ones({5}, {Dtype::f64});
  const Tensor mean = random_tensor({5}, 7);
  for (Activation activation : {Activation::none, Activation::relu}) {
    const BatchNormOptions options{.epsilon = 1e-2, .activation = activation};
    for (bool training : {true, false}) {
      const auto all = [&](const std::vector<Tensor>& in) {
        const auto moving = moved({mean.clone(), variance.clone()}, in[0].device());
        return batch_norm(in[0], in[1], in[2], moving[0], moving[1], training, options);
      };
      check_gradients(all, {x, random_tensor({5}, 2), random_tensor({5}, 3)});
      const auto without_parameters = [&](const std::vector<Tensor>& in) {
        const auto moving = moved({mean.clone(), variance.clone()}, in[0].device());
        return batch_norm(in[0], {}, {}, moving[0], moving[1], training, options);
      };
      check_gradients(without_parameters, {x});
    }
    const auto only_gamma = [&](const std::vector<Tensor>& in) {
      return batch_norm(in[0], in[1], {}, {}, {}, true, options);
    };
    check_gradients(only_gamma, {wide, random_tensor({19}, 2)});
    const auto only_beta = [&](const std::vector<Tensor>& in) {
      return batch_norm(in[0], {}, in[1], {}, {}, true, options);
    };
    check_gradients(only_beta, {wide, random_tensor({19}, 2)});
  }
}

TEST_CASE("gradients of batch_norm's parameters alone", "[fast][norm]") {
  const Tensor x = random_tensor({4, 3});
  const Tensor moving = ones({3}, {Dtype::f64});
  for (bool training : {true, false}) {
    check_gradients(
        [&](const std::vector<Tensor>& in) {
          const auto fixed = moved({x, moving.clone(), moving.clone()}, in[0].device());
          return batch_norm(fixed[0], in[0], in[1], fixed[1], fixed[2], training);
        },
        {random_tensor({3}, 2), random_tensor({3}, 3)});
  }
}

TEST_CASE("batch_norm of f32 keeps its digits far from zero", "[fast][norm]") {
  // Mean 1000 and deviation 1: a sum of squares in f32 would lose the variance altogether.
  const Tensor x = (random_tensor({4096, 3}) + 1000.0).to(Dtype::f32);
  const Tensor y = batch_norm(x, {}, {}, {}, {}, true, {.epsilon = 0});
  const Moments m = moments_of(y);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::fabs(m.mean[i]) < 1e-4);
    CHECK(std::fabs(m.variance[i] - 1) < 3e-5);
  }
}

TEST_CASE("batch_norm does not depend on the number of threads", "[fast][norm]") {
  const std::vector<Tensor> inputs{random_tensor({3001, 33}, 1, Dtype::f32).set_requires_grad(true),
                                   random_tensor({33}, 2, Dtype::f32).set_requires_grad(true),
                                   random_tensor({33}, 3, Dtype::f32).set_requires_grad(true)};
  check_thread_independence(
      [](const std::vector<Tensor>& in) {
        return batch_norm(in[0], in[1], in[2], {}, {}, true, {.activation = Activation::relu});
      },
      inputs);
}

TEST_CASE("batch_norm says what is wrong", "[fast][norm]") {
  const Tensor x = zeros({2, 3});
  const Tensor three = ones({3});
  CHECK_THROWS_WITH(batch_norm(x, ones({2}), {}, {}, {}, true),
                    ContainsSubstring("batch_norm: gamma is [2] but x [2, 3] has 3 channels"));
  CHECK_THROWS_WITH(batch_norm(x, {}, ones({1, 3}), {}, {}, true), ContainsSubstring("beta is [1, 3]"));
  CHECK_THROWS_WITH(batch_norm(x, {}, {}, ones({4}), {}, true), ContainsSubstring("moving_mean is [4]"));
  CHECK_THROWS_WITH(batch_norm(zeros({1, 3}), {}, {}, {}, {}, true),
                    ContainsSubstring("training needs more than one value per channel (x [1, 3])"));
  CHECK_THROWS_WITH(batch_norm(zeros({0, 3}), {}, {}, {}, {}, true),
                    ContainsSubstring("more than one value"));
  CHECK_THROWS_WITH(batch_norm(x, {}, {}, {}, three, false),
                    ContainsSubstring("evaluation needs moving_mean"));
  CHECK_THROWS_WITH(batch_norm(zeros({3}), {}, {}, {}, {}, true), ContainsSubstring("x must be [n, .., c]"));
  CHECK_THROWS_WITH(batch_norm(Tensor(), {}, {}, {}, {}, true), ContainsSubstring("x is undefined"));
  CHECK_THROWS_WITH(batch_norm(x, {}, {}, {}, {}, true, {.epsilon = -1}),
                    ContainsSubstring("epsilon -1 is negative"));
  CHECK_THROWS_WITH(batch_norm(x, {}, {}, {}, {}, true, {.activation = Activation::gelu}),
                    ContainsSubstring("only relu can be fused"));
  CHECK_THROWS_WITH(batch_norm(x, ones({3}, {Dtype::f64}), {}, {}, {}, true),
                    ContainsSubstring("different dtypes"));
}

TEST_CASE("batch_norm notices moving averages that changed before its backward", "[fast][norm]") {
  const Tensor x = random_tensor({4, 3}).set_requires_grad(true);
  const Tensor mean = zeros({3}, {Dtype::f64});
  const Tensor variance = ones({3}, {Dtype::f64});
  const Tensor evaluated = batch_norm(x, {}, {}, mean, variance, false);
  const Tensor trained = batch_norm(x, {}, {}, mean, variance, true);
  CHECK_THROWS_WITH(backward(sum(evaluated)), ContainsSubstring("was written after the op ran"));
  CHECK_NOTHROW(backward(sum(trained)));
}
