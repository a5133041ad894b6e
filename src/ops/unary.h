#pragma once
// The mechanism of all elementwise ops of one operand.
#include "kernel_dims.h"
#include "noyau/ops.h"

namespace noyau::inline v0 {

// What an op needs beyond its kernels. A first-order backward is one kernel, dx = dy * f'(v), where v is the op's
// input or output; one that is itself to be differentiated is made of ops instead: dx = dy * slope(v).
struct UnaryRule {
  UnaryOp op;
  const char* name;
  bool from_output;  // f' is a function of y = f(x)
  Tensor (*slope)(const Tensor& v, double p);
};

// f(x), with the parameter p where f has one.
Tensor unary(const UnaryRule& rule, const Tensor& x, double p = 0);

}  // namespace noyau::inline v0
