#include <cmath>
#include <limits>

#include "catch2.h"
#include "noyau/loss.h"
#include "ops/check.h"

using namespace noyau;

namespace {

constexpr Reduction kReductions[] = {Reduction::mean, Reduction::sum, Reduction::none};

struct Setting {
  double smoothing;
  bool weighted;
  bool soft;
  Reduction reduction;
};

std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (const double smoothing : {0.0, 0.1}) {
    for (const bool weighted : {false, true}) {
      for (const bool soft : {false, true}) {
        for (const Reduction reduction : kReductions) all.push_back({smoothing, weighted, soft, reduction});
      }
    }
  }
  return all;
}

const Tensor kWeights = tensor({0.5, 2, 1.25}, Dtype::f64);
const Tensor kIds = from_vector<std::int32_t>({2, 0, 1, 2}, {4});

CrossEntropyOptions options_of(const Setting& s) {
  return {.label_smoothing = s.smoothing,
          .class_weights = s.weighted ? kWeights : Tensor(),
          .reduction = s.reduction};
}

Tensor targets_of(const Setting& s) { return s.soft ? softmax(random_f64({4, 3}, 8)) : kIds; }

Tensor joined(const Tensor& rows, Reduction reduction, double divisor) {
  return reduction == Reduction::none ? rows : sum(rows) / (reduction == Reduction::mean ? divisor : 1.0);
}

// The definition, by ops.
Tensor reference(const Tensor& logits, const Setting& s) {
  const Tensor q =
      s.soft ? targets_of(s) : equal_to(reshape(kIds, {4, 1}), arange(3, {Dtype::i32})).to(Dtype::f64);
  const Tensor w = s.weighted ? kWeights : ones({3}, {Dtype::f64});
  const Tensor rows = neg(sum(w * (q * (1 - s.smoothing) + s.smoothing / 3) * log_softmax(logits), {1}));
  return joined(rows, s.reduction, s.weighted && !s.soft ? sum(q * w).item<double>() : 4);
}

}  // namespace

TEST_CASE("cross_entropy agrees with the definition in every option", "[fast]") {
  const Tensor logits = random_f64({4, 3}, 1);
  for (const Setting& s : settings()) {
    INFO(message("smoothing ", s.smoothing, " weighted ", s.weighted, " soft ", s.soft));
    const Tensor loss = cross_entropy(logits, targets_of(s), options_of(s));
    CHECK(all_close(loss, reference(logits, s), 1e-13, 0));
    const auto on_device = [&](const Tensor& x, const Tensor& targets) {
      CrossEntropyOptions options = options_of(s);
      if (s.weighted) options.class_weights = options.class_weights.to(x.device());
      return cross_entropy(x, targets.to(x.device()), options);
    };
    check_gradients([&](const std::vector<Tensor>& x) { return on_device(x[0], targets_of(s)); }, {logits});
    if (!s.soft) continue;
    check_gradients([&](const std::vector<Tensor>& x) { return on_device(x[0], x[1]); },
                    {logits, targets_of(s)});
  }
}

TEST_CASE("cross_entropy of f32 is stable", "[fast]") {
  const Tensor logits = from_vector<float>({1000, 0, 0, -1000, 0, 1000}, {2, 3}).set_requires_grad(true);
  const Tensor loss =
      cross_entropy(logits, from_vector<std::int32_t>({0, 0}, {2}), {.reduction = Reduction::none});
  CHECK(equal(loss, tensor({0, 2000})));
  CHECK(equal(grad(sum(loss), {logits})[0], from_vector<float>({0, 0, 0, -1, 0, 1}, {2, 3})));
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor masked = from_vector<float>({0, -infinity, 0}, {1, 3});
  CHECK(cross_entropy(masked, from_vector<std::int32_t>({0}, {1})).item<double>() == Approx(std::log(2.0)));
  CHECK(cross_entropy(masked, from_vector<float>({0.5, 0, 0.5}, {1, 3})).item<double>() ==
        Approx(std::log(2.0)));
}

TEST_CASE("cross_entropy of many classes uses the vector kernels", "[fast]") {
  const Tensor logits = random_f64({3, 1003}, 2);
  const Tensor ids = from_vector<std::int32_t>({0, 1002, 17}, {3});
  const Tensor exact = cross_entropy(logits, ids);
  CHECK(cross_entropy(logits.to(Dtype::f32), ids).item<double>() ==
        Approx(exact.item<double>()).epsilon(1e-6));
}

TEST_CASE("losses of single elements", "[fast]") {
  const Tensor x = tensor({-1.5, -0.2, 0.4, 3}, Dtype::f64);
  const Tensor target = tensor({0.1, 0.3, 0.9, 1}, Dtype::f64);
  const Tensor d = x - target;
  for (const Reduction reduction : kReductions) {
    CHECK(all_close(mean_squared_error(x, target, reduction), joined(d * d, reduction, 4), 1e-14, 0));
    const Tensor small = d * d * 0.5;
    const Tensor large = 0.7 * (noyau::abs(d) - 0.35);
    const Tensor rows = where(less(noyau::abs(d), full({}, 0.7, {Dtype::f64})), small, large);
    CHECK(all_close(huber(x, target, 0.7, reduction), joined(rows, reduction, 4), 1e-14, 0));
    const Tensor p = sigmoid(x);
    const Tensor entropy = neg(target * noyau::log(p) + (1.0 - target) * noyau::log(1.0 - p));
    CHECK(all_close(binary_cross_entropy(x, target, reduction), joined(entropy, reduction, 4), 1e-13, 0));
    const auto checked = [&](auto loss) {
      check_gradients([&](const std::vector<Tensor>& v) { return loss(v[0], v[1]); }, {x, target});
    };
    checked([&](const Tensor& a, const Tensor& b) { return mean_squared_error(a, b, reduction); });
    checked([&](const Tensor& a, const Tensor& b) { return huber(a, b, 0.7, reduction); });
    checked([&](const Tensor& a, const Tensor& b) { return binary_cross_entropy(a, b, reduction); });
  }
}

TEST_CASE("binary_cross_entropy keeps small losses", "[fast]") {
  const Tensor loss = binary_cross_entropy(tensor({20, -20, 100}), tensor({1, 0, 0}), Reduction::none);
  CHECK(loss.data<float>()[0] == Approx(std::exp(-20.0)).epsilon(1e-5));
  CHECK(loss.data<float>()[1] == Approx(std::exp(-20.0)).epsilon(1e-5));
  CHECK(loss.data<float>()[2] == 100);
}

TEST_CASE("loss errors say what is wrong", "[fast]") {
  const Tensor logits = zeros({2, 3});
  const Tensor ids = from_vector<std::int32_t>({0, 3}, {2});
  CHECK_THROWS_WITH(cross_entropy(logits, ids),
                    ContainsSubstring("cross_entropy: class id 3 in row 1 is out of range for 3 classes"));
  CHECK_THROWS_WITH(cross_entropy(logits, from_vector<std::int32_t>({-1, 0}, {2})),
                    ContainsSubstring("class id -1 in row 0"));
  CHECK_THROWS_WITH(cross_entropy(zeros({3}), ids),
                    ContainsSubstring("cross_entropy: logits [3] are not [n, classes]"));
  CHECK_THROWS_WITH(cross_entropy(logits, Tensor()),
                    ContainsSubstring("cross_entropy: targets are undefined"));
  CHECK_THROWS_WITH(
      cross_entropy(logits, zeros({2})),
      ContainsSubstring(
          "cross_entropy: targets are f32 [2] on cpu for logits f32 [2, 3] on cpu; give class ids"));
  const Tensor zero_ids = from_vector<std::int32_t>({0, 0}, {2});
  CHECK_THROWS_WITH(cross_entropy(logits, zero_ids, {.label_smoothing = 1}),
                    ContainsSubstring("cross_entropy: label_smoothing 1 is not in [0, 1)"));
  CHECK_THROWS_WITH(cross_entropy(logits, zero_ids, {.class_weights = ones({2})}),
                    ContainsSubstring("cross_entropy: class_weights [2] for 3 classes"));
  CHECK_THROWS_WITH(cross_entropy(logits.to(Dtype::i32), zero_ids),
                    ContainsSubstring("cross_entropy: not available for i32"));
  CHECK_THROWS_WITH(mean_squared_error(logits, zeros({3})),
                    ContainsSubstring("mean_squared_error: x [2, 3] and target [3] differ in shape"));
  CHECK_THROWS_WITH(huber(logits, Tensor()), ContainsSubstring("huber: target is undefined"));
  CHECK_THROWS_WITH(huber(logits, logits, 0), ContainsSubstring("huber: delta 0 is not above 0"));
  CHECK_THROWS_WITH(binary_cross_entropy(logits, zeros({2, 3}, {Dtype::f64})),
                    ContainsSubstring("binary_cross_entropy: operands of different dtypes"));
}
