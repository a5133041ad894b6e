#include "noyau/testing.h"

#include <cmath>
#include <utility>

#include "kernel_trace.h"
#include "noyau/ops.h"

namespace noyau::inline v0 {
namespace {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;

bool is_checked(const Tensor& input) { return input.defined() && input.dtype() == Dtype::f64; }

// Derivatives of the scalar `f` by the elements of inputs[which], by central differences.
std::vector<double> numeric_gradient(const Function& f, const std::vector<Tensor>& inputs, std::size_t which,
                                     double step) {
  std::vector<double> result;
  const Tensor& input = inputs[which];
  const Tensor values = input.detach().to(Device()).clone();
  for (std::int64_t i = 0; i < input.size(); ++i) {
    double& element = values.mutable_data<double>()[i];
    const double before = element;
    const auto value_at = [&](double shift) {
      element = before + shift;
      input.copy_from(values);
      return f(inputs).item<double>();
    };
    result.push_back((value_at(step) - value_at(-step)) / (2 * step));
    element = before;
  }
  input.copy_from(values);
  return result;
}

class Comparison {
 public:
  explicit Comparison(const GradcheckOptions& options) : options_(options) {}

  // Gradients of the scalar `f` by all checked inputs against central differences.
  void run(const char* order, const Function& f, const std::vector<Tensor>& inputs) {
    std::vector<Tensor> checked;
    for (const Tensor& input : inputs) {
      if (is_checked(input)) checked.push_back(input);
    }
    const Tensor y = f(inputs);
    const std::vector<Tensor> analytic =
        y.requires_grad() ? grad(y, checked) : std::vector<Tensor>(checked.size());
    std::size_t next = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (is_checked(inputs[i]))
        compare(order, i, analytic[next++], numeric_gradient(f, inputs, i, options_.step));
    }
  }

  const GradcheckResult& result() const { return result_; }

 private:
  void compare(const char* order, std::size_t input, const Tensor& analytic,
               const std::vector<double>& numeric) {
    const Tensor values = analytic.defined() ? analytic.detach().to(Device()) : Tensor();
    double largest = 1;
    for (const double value : numeric) largest = std::max(largest, std::fabs(value));
    for (std::size_t i = 0; i < numeric.size(); ++i) {
      const double value = values.defined() ? values.data<double>()[i] : 0;
      const double error = std::fabs(value - numeric[i]) / largest;
      const bool worse = !(error <= result_.worst_error);  // true for NaN, which is worse than any number
      if (!worse || std::isnan(result_.worst_error)) continue;
      result_.worst_error = error;
      result_.passed = error <= options_.tolerance;
      result_.what = message(order, " derivative by input ", input, " element ", i, ": analytic ", value,
                             ", numeric ", numeric[i], ", error ", error);
    }
  }

  const GradcheckOptions& options_;
  GradcheckResult result_;
};

}  // namespace

GradcheckResult gradcheck(const Function& function, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options) {
  std::vector<Tensor> leaves;
  std::vector<Tensor> checked;
  for (const Tensor& input : inputs) {
    const Tensor moved = input.defined() ? input.to(options.device) : input;
    leaves.push_back(is_checked(input) ? moved.clone().set_requires_grad(true) : moved);
    if (is_checked(input)) checked.push_back(leaves.back());
  }
  NOYAU_CHECK(!checked.empty(), "gradcheck: no f64 input");
  Shape shape;
  {
    const NoGrad off;
    shape = function(leaves).shape();
  }
  Generator generator(17);
  const Tensor weights = normal(shape, 0, 1, {Dtype::f64, options.device}, generator);
  const Function weighted = [&](const std::vector<Tensor>& x) { return sum(mul(function(x), weights)); };
  Comparison comparison(options);
  comparison.run("first", weighted, leaves);
  if (!options.second_order || !comparison.result().passed) return comparison.result();

  const Function squared_gradient = [&](const std::vector<Tensor>& x) {
    Tensor total = zeros({}, {Dtype::f64, options.device});
    const Tensor y = weighted(x);
    if (!y.requires_grad()) return total;
    for (const Tensor& g : grad(y, checked, {.create_graph = true})) {
      if (g.defined()) total = total + sum(g * g);
    }
    return total;
  };
  comparison.run("second", squared_gradient, leaves);
  return comparison.result();
}

std::vector<std::string> take_kernel_trace() { return std::exchange(kernel_trace(), {}); }

}  // namespace noyau::inline v0
