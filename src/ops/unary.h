#pragma once
// The mechanism of all elementwise functions of one operand.
#include "kernel_dims.h"
#include "noyau/ops.h"

namespace noyau::inline v0 {

// What a function needs beyond its kernels. Its backward is one kernel, dx = dy * f'(v), where v is the input or the
// output; a backward that is itself to be differentiated is made of ops instead: dx = dy * slope(v).
struct UnaryRule {
  UnaryOp op;
  const char* name;
  bool from_output;  // v is y = f(x), not x
  Tensor (*slope)(const Tensor& v, const UnaryParameters<double>& p);
};

Tensor unary(const UnaryRule& rule, const Tensor& x, const UnaryParameters<double>& p = {});

// The scalar `value`, for an op whose other operand is `like`.
Tensor scalar_like(const Tensor& like, double value);
// 1 where x > 0, else 0.
Tensor step(const Tensor& x);

}  // namespace noyau::inline v0
