#include "noyau/tensor.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "backend.h"
#include "devices.h"
#include "noyau/ops.h"
#include "tensor_impl.h"

namespace noyau::inline v0 {
namespace {

const TensorImpl& impl_of(const Tensor& tensor) {
  NOYAU_CHECK(tensor.defined(), "tensor: undefined");
  return *tensor.impl();
}

void copy_elements(const Tensor& to, const Tensor& from) {
  copy_bytes(to.device(), to.impl()->bytes(), from.device(), from.impl()->bytes(),
             static_cast<std::size_t>(from.size()) * element_size(from.dtype()));
}

}  // namespace

std::size_t element_size(Dtype dtype) {
  std::size_t size = 0;
  by_dtype(AllTypes{}, "element_size", dtype,
           [&](auto type) { size = sizeof(typename decltype(type)::type); });
  return size;
}

bool is_floating(Dtype dtype) { return dtype <= Dtype::bf16; }

void append(std::string& text, Dtype dtype) {
  static constexpr std::string_view kNames[] = {"f32", "f64", "f16", "bf16", "i32", "u8"};
  append(text, kNames[static_cast<std::size_t>(dtype)]);
}

Device::Device(std::string_view name) {
  const std::string_view kind_name = name.substr(0, name.find(':'));
  NOYAU_CHECK(kind_name == "cpu" || kind_name == "cuda", "device: unknown device '", name,
              "'; give cpu, cuda or cuda:INDEX");
  kind = kind_name == "cpu" ? Kind::cpu : Kind::cuda;
  if (kind_name.size() == name.size()) return;
  const std::string_view digits = name.substr(kind_name.size() + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  NOYAU_CHECK(
      kind == Kind::cuda && error == std::errc() && end == digits.data() + digits.size() && index >= 0,
      "device: bad index in '", name, "'; give cpu, cuda or cuda:INDEX");
}

void append(std::string& text, const Device& device) {
  if (device.kind == Device::Kind::cpu) return append(text, "cpu");
  append(text, message("cuda:", device.index));
}

Storage::Storage(std::size_t size, Device where)
    : data(allocate_on(where, size)), bytes(size), device(where) {}

Storage::~Storage() { release_on(device, data, bytes); }

Tensor make_view(std::shared_ptr<Storage> storage, std::int64_t offset, const Shape& shape, Dtype dtype) {
  auto impl = std::make_shared<TensorImpl>();
  impl->shape = shape;
  impl->dtype = dtype;
  impl->storage = std::move(storage);
  impl->offset = offset;
  return Tensor(std::move(impl));
}

const Shape& Tensor::shape() const { return impl_of(*this).shape; }
Dtype Tensor::dtype() const { return impl_of(*this).dtype; }
Device Tensor::device() const { return impl_of(*this).storage->device; }
std::uint64_t Tensor::version() const { return impl_of(*this).storage->version.load(); }
bool Tensor::shares_storage(const Tensor& other) const {
  return impl_of(*this).storage == impl_of(other).storage;
}
void Tensor::mark_written() const { impl_of(*this).storage->version.fetch_add(1); }

void* Tensor::device_pointer(Dtype expected) const {
  const TensorImpl& impl = impl_of(*this);
  NOYAU_CHECK(impl.dtype == expected, "tensor: elements are ", impl.dtype, ", not ", expected);
  note_operand(*this);
  return impl.bytes();
}

const void* Tensor::host_pointer(Dtype expected) const {
  NOYAU_CHECK(device().kind == Device::Kind::cpu, "tensor: elements are on ", device(),
              "; copy them with .to(\"cpu\")");
  return device_pointer(expected);
}

double Tensor::item_value() const {
  NOYAU_CHECK(size() == 1, "item: tensor has ", size(), " elements (", shape(), "), not 1");
  const Tensor value = to(Device()).to(Dtype::f64);
  return *value.data<double>();
}

Tensor Tensor::operator[](std::int64_t i) const {
  NOYAU_CHECK(rank() > 0, "tensor: a scalar has no rows");
  NOYAU_CHECK(i >= 0 && i < dim(0), "tensor: row ", i, " is out of range for ", shape());
  const Shape row(std::span(shape().begin() + 1, shape().end()));
  const Tensor view = make_view(impl_->storage, impl_->offset + i * row.size(), row, dtype());
  std::vector<PadWidth> others(static_cast<std::size_t>(rank()));
  others[0] = {i, dim(0) - 1 - i};
  Shape leading = shape();
  leading[0] = 1;
  return record("row", view, {*this},
                [=](const Tensor& dy, const Tensor&) -> Grads { return {pad(reshape(dy, leading), others)}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

Tensor Tensor::to(Device target) const {
  const Device source = device();
  if (source == target) return *this;
  const Tensor y = empty(shape(), {dtype(), target});
  copy_elements(y, *this);
  if (!is_floating(dtype())) return y;
  return record("to", y, {*this}, [=](const Tensor& dy, const Tensor&) -> Grads { return {dy.to(source)}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false});
}

Tensor Tensor::clone() const {
  const Tensor copy = empty_like(*this);
  copy.copy_from(*this);
  return copy;
}

Tensor Tensor::detach() const {
  return make_view(impl_of(*this).storage, impl_->offset, impl_->shape, impl_->dtype);
}

void Tensor::copy_from(const Tensor& source) const {
  NOYAU_CHECK(shape() == source.shape() && dtype() == source.dtype(), "copy: destination is ", *this,
              " but source is ", source);
  mark_written();
  copy_elements(*this, source);
}

Tensor empty(const Shape& shape, const TensorOptions& options) {
  const auto bytes = static_cast<std::size_t>(shape.size()) * element_size(options.dtype);
  return make_view(std::make_shared<Storage>(bytes, options.device), 0, shape, options.dtype);
}

Tensor empty_like(const Tensor& like) { return empty(like.shape(), {like.dtype(), like.device()}); }
Tensor zeros(const Shape& shape, const TensorOptions& options) { return full(shape, 0, options); }
Tensor ones(const Shape& shape, const TensorOptions& options) { return full(shape, 1, options); }

Tensor arange(std::int64_t count, const TensorOptions& options) {
  const Tensor values = empty({count}, {Dtype::f64});
  for (std::int64_t i = 0; i < count; ++i) values.mutable_data<double>()[i] = static_cast<double>(i);
  return values.to(options.dtype).to(options.device);
}

template <class T>
Tensor from_vector(const std::vector<T>& values, const Shape& shape) {
  NOYAU_CHECK(static_cast<std::int64_t>(values.size()) == shape.size(), "from_vector: ", values.size(),
              " values for shape ", shape);
  const Tensor result = empty(shape, {dtype_of<T>});
  std::copy(values.begin(), values.end(), result.mutable_data<T>());
  return result;
}
template NOYAU_API Tensor from_vector(const std::vector<float>&, const Shape&);
template NOYAU_API Tensor from_vector(const std::vector<double>&, const Shape&);
template NOYAU_API Tensor from_vector(const std::vector<std::int32_t>&, const Shape&);
template NOYAU_API Tensor from_vector(const std::vector<std::uint8_t>&, const Shape&);

Tensor tensor(std::initializer_list<double> values, Dtype dtype) {
  return from_vector(std::vector<double>(values), {static_cast<std::int64_t>(values.size())}).to(dtype);
}

bool equal(const Tensor& a, const Tensor& b) { return a.dtype() == b.dtype() && all_close(a, b, 0, 0); }

bool all_close(const Tensor& a, const Tensor& b, double relative, double absolute) {
  if (a.shape() != b.shape()) return false;
  const std::vector<double> x = a.detach().to(Dtype::f64).to_vector<double>();
  const std::vector<double> y = b.detach().to(Dtype::f64).to_vector<double>();
  return std::equal(x.begin(), x.end(), y.begin(), [&](double p, double q) {
    return p == q || (std::isfinite(q) && std::fabs(p - q) <= absolute + relative * std::fabs(q));
  });
}

namespace {

void print_rows(std::string& text, const double* values, const Shape& shape, int axis) {
  if (axis == shape.rank()) {
    char number[32];
    const auto end =
        std::to_chars(number, number + sizeof number, *values, std::chars_format::general, 6).ptr;
    return append(text, std::string_view(number, end));
  }
  constexpr std::int64_t kShown = 6;
  const std::int64_t extent = shape[axis];
  std::int64_t stride = 1;
  for (int inner = axis + 1; inner < shape.rank(); ++inner) stride *= shape[inner];
  text += '[';
  for (std::int64_t i = 0; i < std::min(extent, kShown); ++i) {
    if (i > 0) append(text, axis + 1 < shape.rank() ? ",\n " : ", ");
    print_rows(text, values + i * stride, shape, axis + 1);
  }
  append(text, extent > kShown ? ", ...]" : "]");
}

}  // namespace

std::string to_string(const Tensor& tensor) {
  std::string text = message(tensor, "\n");
  if (!tensor.defined()) return text;
  const std::vector<double> values = tensor.detach().to(Dtype::f64).to_vector<double>();
  print_rows(text, values.data(), tensor.shape(), 0);
  return text;
}

void append(std::string& text, const Tensor& tensor) {
  if (!tensor.defined()) return append(text, "undefined tensor");
  append(text, message(tensor.dtype(), " ", tensor.shape(), " on ", tensor.device()));
}

}  // namespace noyau::inline v0
