#include "backend.h"

#include "devices.h"
#include "noyau/precision.h"
#include "tensor_impl.h"

namespace noyau::inline v0 {

namespace detail {

void fail_dtype(std::string_view op, Dtype dtype) {
  fail(op, ": not available for ", dtype,
       is_16_bit(dtype) ? " on this device; convert with .to(Dtype::f32)" : "");
}

void fail_device(std::string_view op, Device device) {
  fail(op, ": needs ", device,
       ", but this build of noyau has no CUDA backend; configure with -DNOYAU_CUDA=ON, or use device cpu");
}

Context cuda_context(Device device) {
  return {device, cuda::stream(device.index), Autocast::precision() == Precision::tf32};
}

}  // namespace detail

void check_operands(std::string_view op, std::initializer_list<std::pair<const char*, Tensor>> operands) {
  const auto& [first_name, first] = *operands.begin();
  NOYAU_CHECK(first.defined(), op, ": ", first_name, " is undefined");
  for (const auto& [name, operand] : operands) {
    if (!operand.defined()) continue;
    NOYAU_CHECK(operand.device() == first.device(), op, ": operands on different devices (", first_name,
                " on ", first.device(), ", ", name, " on ", operand.device(), ")");
    NOYAU_CHECK(operand.dtype() == first.dtype(), op, ": operands of different dtypes (", first_name, " ",
                first.dtype(), ", ", name, " ", operand.dtype(), ")");
  }
}

bool is_widened(const Tensor& x) {
  return x.defined() && is_16_bit(x.dtype()) && x.device().kind == Device::Kind::cuda;
}

Tensor grad_like(const Tensor& x) { return x.defined() && wants_grad(x) ? empty_like(x) : Tensor(); }

}  // namespace noyau::inline v0
