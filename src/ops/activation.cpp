#include "ops/unary.h"

namespace noyau::inline v0 {

Tensor relu(const Tensor& x) {
  static constexpr UnaryRule kRule{UnaryOp::relu, "relu", true, [](const Tensor& y, double) {
                                     return less(zeros({}, {y.dtype(), y.device()}), y).to(y.dtype());
                                   }};
  return unary(kRule, x);
}

}  // namespace noyau::inline v0
