#include "noyau/testing.h"

#include <cmath>
#include <utility>

#include "kernel_trace.h"
#include "noyau/ops.h"

namespace noyau::inline v0 {
namespace {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

double weighted(const Function& function, const std::vector<Tensor>& inputs, const Tensor& weights) {
  const NoGrad off;
  return sum(mul(function(inputs), weights)).item<double>();
}

// d(weighted)/d(inputs[which]) element by element, by central differences.
std::vector<double> numeric_gradient(const Function& function, const std::vector<Tensor>& inputs, std::size_t which,
                                     const Tensor& weights, double step) {
  double* const values = inputs[which].mutable_data<double>();
  std::vector<double> result;
  for (std::int64_t i = 0; i < inputs[which].size(); ++i) {
    const double before = values[i];
    values[i] = before + step;
    const double above = weighted(function, inputs, weights);
    values[i] = before - step;
    const double below = weighted(function, inputs, weights);
    values[i] = before;
    result.push_back((above - below) / (2 * step));
  }
  return result;
}

void compare(GradcheckResult& result, const GradcheckOptions& options, std::size_t which, const Tensor& analytic,
             const std::vector<double>& numeric) {
  double largest = 1;
  for (double value : numeric) largest = std::max(largest, std::fabs(value));
  for (std::size_t i = 0; i < numeric.size(); ++i) {
    const double value = analytic.defined() ? analytic.data<double>()[i] : 0;
    const double error = std::fabs(value - numeric[i]) / largest;
    if (error <= result.worst_error) continue;  // false for NaN: reported below
    result.worst_error = error;
    result.passed = error <= options.tolerance;
    result.what = message("input ", static_cast<unsigned long>(which), " element ", static_cast<unsigned long>(i),
                          ": analytic ", value, ", numeric ", numeric[i], ", error ", error);
    if (std::isnan(error)) return;
  }
}

}  // namespace

GradcheckResult gradcheck(const Function& function, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  std::vector<Tensor> leaves;
  std::vector<Tensor> checked;
  for (const Tensor& input : inputs) {
    leaves.push_back(input.defined() ? input.clone() : Tensor());
    if (!input.defined() || input.dtype() != Dtype::f64) continue;
    checked.push_back(leaves.back().set_requires_grad(true));
  }
  NOYAU_CHECK(!checked.empty(), "gradcheck: no f64 input");
  Generator generator(17);
  const Tensor y = function(leaves);
  const Tensor weights = normal(y.shape(), 0, 1, {Dtype::f64}, generator);
  const std::vector<Tensor> analytic = grad(y, checked, {.seed = weights});
  GradcheckResult result;
  std::size_t next = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (!leaves[i].defined() || leaves[i].dtype() != Dtype::f64) continue;
    compare(result, options, i, analytic[next++], numeric_gradient(function, leaves, i, weights, options.step));
  }
  if (!options.second_order || !result.passed) return result;

  const auto first_order = [&](const std::vector<Tensor>& x) {
    std::vector<Tensor> wrt;
    for (const Tensor& t : x) {
      if (t.defined() && t.dtype() == Dtype::f64 && t.requires_grad()) wrt.push_back(t);
    }
    Tensor total = zeros({}, {Dtype::f64});
    for (const Tensor& g : grad(function(x), wrt, {.seed = weights, .create_graph = true})) {
      if (g.defined()) total = total + sum(g * g);
    }
    return total;
  };
  const std::vector<Tensor> second = grad(first_order(leaves), checked);
  next = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (!leaves[i].defined() || leaves[i].dtype() != Dtype::f64) continue;
    const Tensor one = ones({}, {Dtype::f64});
    double* const values = leaves[i].mutable_data<double>();
    std::vector<double> numeric;
    for (std::int64_t k = 0; k < leaves[i].size(); ++k) {
      const double before = values[k];
      values[k] = before + options.step;
      const double above = first_order(leaves).item<double>();
      values[k] = before - options.step;
      const double below = first_order(leaves).item<double>();
      values[k] = before;
      numeric.push_back((above - below) / (2 * options.step));
    }
    compare(result, options, i, second[next++], numeric);
  }
  return result;
}

std::vector<std::string> take_kernel_trace() { return std::exchange(kernel_trace(), {}); }

}  // namespace noyau::inline v0
