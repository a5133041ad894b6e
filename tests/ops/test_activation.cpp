#include <cmath>
#include <functional>
#include <limits>

#include "catch2.h"
#include "noyau/ops.h"
#include "ops/check.h"

using namespace noyau;

namespace {

struct Function {
  const char* name;
  std::function<Tensor(const Tensor&)> op;
  double (*reference)(double);
};

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double phi(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

const Function kActivations[] = {
    {"relu", relu, [](double x) { return std::max(x, 0.0); }},
    {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); },
     [](double x) { return x > 0 ? x : 0.01 * x; }},
    {"leaky_relu 0.3", [](const Tensor& x) { return leaky_relu(x, 0.3); },
     [](double x) { return x > 0 ? x : 0.3 * x; }},
    {"elu", [](const Tensor& x) { return elu(x); }, [](double x) { return x > 0 ? x : std::expm1(x); }},
    {"elu 1.7", [](const Tensor& x) { return elu(x, 1.7); },
     [](double x) { return x > 0 ? x : 1.7 * std::expm1(x); }},
    {"gelu", [](const Tensor& x) { return gelu(x); }, [](double x) { return x * phi(x); }},
    {"gelu tanh", [](const Tensor& x) { return gelu(x, GeluForm::tanh); },
     [](double x) {
       return x * sigmoid_of(2 * std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x));
     }},
    {"silu", silu, [](double x) { return x * sigmoid_of(x); }},
    {"sigmoid", sigmoid, sigmoid_of},
    {"tanh", [](const Tensor& x) { return noyau::tanh(x); }, [](double x) { return std::tanh(x); }},
    {"softplus", softplus, [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }},
};

const Function kFunctions[] = {
    {"abs", [](const Tensor& x) { return noyau::abs(x); }, [](double x) { return std::fabs(x); }},
    {"exp", [](const Tensor& x) { return noyau::exp(x); }, [](double x) { return std::exp(x); }},
    {"pow 2", [](const Tensor& x) { return noyau::pow(x, 2); }, [](double x) { return x * x; }},
    {"pow 3", [](const Tensor& x) { return noyau::pow(x, 3); }, [](double x) { return x * x * x; }},
    {"pow 1", [](const Tensor& x) { return noyau::pow(x, 1); }, [](double x) { return x; }},
    {"pow 0", [](const Tensor& x) { return noyau::pow(x, 0); }, [](double) { return 1.0; }},
    {"pow -1", [](const Tensor& x) { return noyau::pow(x, -1); }, [](double x) { return 1 / x; }},
    {"pow -2", [](const Tensor& x) { return noyau::pow(x, -2); }, [](double x) { return 1 / (x * x); }},
    {"clamp", [](const Tensor& x) { return noyau::clamp(x, -0.5, 0.8); },
     [](double x) { return std::clamp(x, -0.5, 0.8); }},
};

const Function kPositive[] = {
    {"log", [](const Tensor& x) { return noyau::log(x); }, [](double x) { return std::log(x); }},
    {"sqrt", [](const Tensor& x) { return noyau::sqrt(x); }, [](double x) { return std::sqrt(x); }},
    {"pow 0.5", [](const Tensor& x) { return noyau::pow(x, 0.5); }, [](double x) { return std::sqrt(x); }},
    {"pow 1.5", [](const Tensor& x) { return noyau::pow(x, 1.5); },
     [](double x) { return std::pow(x, 1.5); }},
};

// Away from the kinks at -0.5, 0 and 0.8, where central differences mean nothing.
const Tensor kSmooth = tensor({-2.1, -1.3, -0.7, -0.3, -0.1, 0.1, 0.4, 0.6, 1.1, 1.9, 3.2}, Dtype::f64);

void check_derivatives(const Function& f, const Tensor& x) {
  INFO(f.name);
  check_gradients([&](const std::vector<Tensor>& v) { return f.op(v[0]); }, {x});
}

// Largest relative error of the f32 op against `f` in f64; what is off by less than 1e-36, where factors are denormal
// and flushed, counts as right.
double worst_error(const Function& f, const std::vector<float>& values) {
  const Tensor y = f.op(from_vector(values, {static_cast<std::int64_t>(values.size())}));
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = f.reference(values[i]);
    const double actual = y.data<float>()[i];
    const double distance = std::fabs(actual - expected);
    if (distance < 1e-36) continue;
    const double error = distance / std::fabs(expected);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

// Every magnitude from 1e-37 to 100 in both signs: an odd count, so that vector loops have a remainder.
std::vector<float> wide_range() {
  std::vector<float> values{0.0f};
  for (double magnitude = 1e-37; magnitude < 100; magnitude *= 1.013) {
    values.push_back(static_cast<float>(magnitude));
    values.push_back(static_cast<float>(-magnitude));
  }
  for (int i = -2000; i <= 2000; ++i) values.push_back(static_cast<float>(i) * 0.005f);
  return values;
}

}  // namespace

TEST_CASE("elementwise functions have the right first and second derivatives", "[fast]") {
  for (const Function& f : kActivations) check_derivatives(f, kSmooth);
  for (const Function& f : kFunctions) check_derivatives(f, kSmooth);
  for (const Function& f : kPositive) check_derivatives(f, noyau::abs(kSmooth));
}

TEST_CASE("f64 functions agree with the C library", "[fast]") {
  const auto check = [](const Function& f, const Tensor& x) {
    INFO(f.name);
    const Tensor y = f.op(x);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      CHECK(y.data<double>()[i] == Approx(f.reference(x.data<double>()[i])).epsilon(1e-14).margin(1e-300));
    }
  };
  for (const Function& f : kActivations) check(f, kSmooth);
  for (const Function& f : kFunctions) check(f, kSmooth);
  for (const Function& f : kPositive) check(f, noyau::abs(kSmooth));
}

TEST_CASE("f32 activations keep their relative accuracy from denormals to 100", "[fast]") {
  const std::vector<float> values = wide_range();
  for (const Function& f : kActivations) {
    INFO(f.name);
    // e^-x^2/2 and e^-2u magnify the rounding of their arguments, up to 90 and more, in the tails of GELU
    const bool steep = std::string_view(f.name).starts_with("gelu");
    CHECK(worst_error(f, values) < (steep ? 3e-5 : 2e-6));
  }
}

TEST_CASE("f32 exp reaches infinity and zero", "[fast]") {
  const Tensor y = noyau::exp(tensor({88.7, 88.73, 1000, -87, -110, -1000, std::nan("")}));
  CHECK(y.data<float>()[0] == Approx(std::exp(88.7f)).epsilon(1e-6));
  CHECK(std::isinf(y.data<float>()[1]));
  CHECK(std::isinf(y.data<float>()[2]));
  CHECK(y.data<float>()[3] == Approx(std::exp(-87.0f)).epsilon(1e-6));
  CHECK(y.data<float>()[4] == 0);
  CHECK(y.data<float>()[5] == 0);
  CHECK(std::isnan(y.data<float>()[6]));
}

TEST_CASE("activations pass NaN on and have finite slopes far out", "[fast]") {
  for (const Function& f : kActivations) {
    INFO(f.name);
    CHECK(std::isnan(f.op(tensor({std::nan("")})).item<double>()));
    const Tensor x = tensor({-1e30, -100, 100, 1e30}).set_requires_grad(true);
    const Tensor dx = grad(f.op(x), {x}, {.seed = ones({4})})[0];
    const Tensor again = grad(sum(f.op(x)), {x}, {.create_graph = true})[0];
    for (int i = 0; i < 4; ++i) {
      CHECK(std::isfinite(dx.data<float>()[i]));
      CHECK(again.data<float>()[i] == Approx(dx.data<float>()[i]).margin(1e-6));
    }
  }
}

TEST_CASE("gradients at the kinks are as documented", "[fast]") {
  const auto slope_at = [](const Function& f, double at) {
    const Tensor x = tensor({at}).set_requires_grad(true);
    return grad(f.op(x), {x})[0].item<double>();
  };
  CHECK(slope_at({"", relu, nullptr}, 0) == 0);
  CHECK(slope_at({"", [](const Tensor& x) { return noyau::abs(x); }, nullptr}, 0) == 0);
  CHECK(slope_at({"", [](const Tensor& x) { return noyau::pow(x, 0); }, nullptr}, 0) == 0);
  CHECK(slope_at({"", [](const Tensor& x) { return noyau::clamp(x, 0, 1); }, nullptr}, 2) == 0);
  CHECK(slope_at({"", [](const Tensor& x) { return noyau::clamp(x, 0, 1); }, nullptr}, 1) == 1);
}

TEST_CASE("activate names every activation", "[fast]") {
  const Tensor x = kSmooth;
  CHECK(equal(activate(x, Activation::none), x));
  CHECK(equal(activate(x, Activation::relu), relu(x)));
  CHECK(equal(activate(x, Activation::leaky_relu), leaky_relu(x)));
  CHECK(equal(activate(x, Activation::elu), elu(x)));
  CHECK(equal(activate(x, Activation::gelu), gelu(x)));
  CHECK(equal(activate(x, Activation::gelu_tanh), gelu(x, GeluForm::tanh)));
  CHECK(equal(activate(x, Activation::silu), silu(x)));
  CHECK(equal(activate(x, Activation::sigmoid), sigmoid(x)));
  CHECK(equal(activate(x, Activation::tanh), noyau::tanh(x)));
  CHECK(equal(activate(x, Activation::softplus), softplus(x)));
  CHECK_THROWS_WITH(activate(x, static_cast<Activation>(99)),
                    ContainsSubstring("activate: 99 is not an Activation"));
}
