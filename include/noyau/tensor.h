#pragma once
/// \file
/// Dense tensors: a cheap handle on shared storage.

#include <memory>
#include <type_traits>
#include <vector>

#include "noyau/shape.h"

namespace noyau::inline v0 {

/// Element types. f32 and f64 compute everywhere, f16 and bf16 on CUDA devices (sums in f32); i32 are class ids, u8 images.
enum class Dtype : std::uint8_t { f32, f64, f16, bf16, i32, u8 };

/// IEEE 754 binary16, stored as bits.
struct half {
  std::uint16_t bits;  ///< Sign, 5 exponent bits, 10 fraction bits.
};
/// The upper half of an IEEE 754 binary32, stored as bits.
struct bfloat16 {
  std::uint16_t bits;  ///< Sign, 8 exponent bits, 7 fraction bits.
};

/// The Dtype of a C++ type.
template <class T>
inline constexpr Dtype dtype_of = [] {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, half> ||
                    std::is_same_v<T, bfloat16> || std::is_same_v<T, std::int32_t> ||
                    std::is_same_v<T, std::uint8_t>,
                "not an element type of a tensor");
  if constexpr (std::is_same_v<T, float>) return Dtype::f32;
  if constexpr (std::is_same_v<T, double>) return Dtype::f64;
  if constexpr (std::is_same_v<T, half>) return Dtype::f16;
  if constexpr (std::is_same_v<T, bfloat16>) return Dtype::bf16;
  if constexpr (std::is_same_v<T, std::int32_t>) return Dtype::i32;
  return Dtype::u8;
}();

/// Bytes of one element.
NOYAU_API std::size_t element_size(Dtype dtype);
/// True for f32, f64, f16 and bf16.
NOYAU_API bool is_floating(Dtype dtype);
/// Appends "f32", "i32", ...
NOYAU_API void append(std::string& text, Dtype dtype);

/// Where a tensor lives: `Device("cpu")`, `Device("cuda:1")`.
struct NOYAU_API Device {
  /// Kinds of backend.
  enum class Kind : std::uint8_t { cpu, cuda };

  /// The CPU.
  Device() = default;
  /// Parses "cpu", "cuda" or "cuda:INDEX"; throws on anything else.
  Device(const char* name) : Device(std::string_view(name)) {}
  /// \copydoc Device(const char*)
  Device(std::string_view name);

  Kind kind = Kind::cpu;  ///< The backend.
  int index = 0;          ///< Which one of several.

  /// Same kind and index.
  friend bool operator==(const Device&, const Device&) = default;
};
/// Appends "cpu" or "cuda:0".
NOYAU_API void append(std::string& text, const Device& device);

struct TensorImpl;  // src/tensor_impl.h

/// A dense, row-major array and, when it takes part in differentiation, its place on the tape.
///
/// Copying a Tensor shares its elements. Images are [n, h, w, c]; convolution kernels [kh, kw, ic, oc].
class NOYAU_API Tensor {
 public:
  /// An undefined tensor: what a function returns for "none" (no bias, no gradient).
  Tensor() = default;
  /// Wraps an implementation; for the library itself.
  explicit Tensor(std::shared_ptr<TensorImpl> impl) : impl_(std::move(impl)) {}

  /// True unless undefined.
  bool defined() const { return impl_ != nullptr; }
  /// \copydoc defined
  explicit operator bool() const { return defined(); }

  /// Extents. Every accessor below throws on an undefined tensor.
  const Shape& shape() const;
  /// Extent of `axis`; negative axes count from the end.
  std::int64_t dim(int axis) const { return shape().dim(axis); }
  /// Number of axes.
  int rank() const { return shape().rank(); }
  /// Number of elements.
  std::int64_t size() const { return shape().size(); }
  /// Element type.
  Dtype dtype() const;
  /// Where the elements live.
  Device device() const;

  /// Elements in row-major order; throws unless `T` is the element type and the tensor is on the CPU.
  template <class T>
  const T* data() const {
    return static_cast<const T*>(host_pointer(dtype_of<T>));
  }
  /// Writable elements; as data(), and marks the storage as written (see backward()): ask anew after an op read them.
  template <class T>
  T* mutable_data() const {
    mark_written();
    return static_cast<T*>(const_cast<void*>(host_pointer(dtype_of<T>)));
  }
  /// Elements on any device, for kernels; throws unless `T` is the element type.
  template <class T>
  T* device_data() const {
    return static_cast<T*>(device_pointer(dtype_of<T>));
  }
  /// The elements as a vector, copied to the host; throws unless `T` is the element type.
  template <class T>
  std::vector<T> to_vector() const {
    const Tensor host = to(Device());
    return std::vector<T>(host.data<T>(), host.data<T>() + host.size());
  }
  /// The only element, converted to `T`; waits for the device. Throws unless size() is 1.
  template <class T>
  T item() const {
    return static_cast<T>(item_value());
  }

  /// View of row `i` of the leading axis, of one rank less; shares elements, differentiable. Throws when out of range.
  Tensor operator[](std::int64_t i) const;
  /// The same elements on `device`: itself when already there. Differentiable.
  Tensor to(Device device) const;
  /// The elements converted to `dtype`: itself when already so; floats to integers truncate. Differentiable.
  Tensor to(Dtype dtype) const;
  /// A copy with storage of its own, off the tape.
  Tensor clone() const;
  /// The same elements, off the tape.
  Tensor detach() const;
  /// Overwrites the elements with those of `source`, of the same shape and dtype, on any device; off the tape.
  void copy_from(const Tensor& source) const;

  /// True when gradients flow to this tensor.
  bool requires_grad() const;
  /// Makes a leaf require gradients (or not) and returns it; throws on a tensor that an op computed.
  const Tensor& set_requires_grad(bool on) const;
  /// The gradient that backward() accumulated into this leaf; undefined before.
  Tensor grad() const;
  /// Replaces the accumulated gradient; undefined clears it.
  void set_grad(const Tensor& grad) const;
  /// Name of the op that computed this tensor on the tape; empty for a leaf.
  std::string_view op_name() const;
  /// How often the storage was written; see backward().
  std::uint64_t version() const;
  /// True when both share one storage.
  bool shares_storage(const Tensor& other) const;

  /// The implementation, for the library itself.
  const std::shared_ptr<TensorImpl>& impl() const { return impl_; }

 private:
  const void* host_pointer(Dtype expected) const;
  void* device_pointer(Dtype expected) const;
  void mark_written() const;
  double item_value() const;

  std::shared_ptr<TensorImpl> impl_;
};

/// Element type and device of a tensor to be made.
struct TensorOptions {
  Dtype dtype = Dtype::f32;  ///< Element type.
  Device device = {};        ///< Where the elements live.
};

/// A tensor with unspecified elements.
NOYAU_API Tensor empty(const Shape& shape, const TensorOptions& options = {});
/// A tensor with unspecified elements and the dtype and device of `like`.
NOYAU_API Tensor empty_like(const Tensor& like);
/// A tensor of zeros.
NOYAU_API Tensor zeros(const Shape& shape, const TensorOptions& options = {});
/// A tensor of ones.
NOYAU_API Tensor ones(const Shape& shape, const TensorOptions& options = {});
/// A tensor whose elements are all `value`.
NOYAU_API Tensor full(const Shape& shape, double value, const TensorOptions& options = {});
/// [0, 1, ..., count - 1].
NOYAU_API Tensor arange(std::int64_t count, const TensorOptions& options = {});
/// A tensor of the given elements in row-major order; throws unless there are shape.size() of them.
template <class T>
Tensor from_vector(const std::vector<T>& values, const Shape& shape);
/// A CPU f32 tensor of rank 1 with the given elements.
NOYAU_API Tensor tensor(std::initializer_list<double> values, Dtype dtype = Dtype::f32);

/// True when shape, dtype and every element are equal (NaN equals nothing).
NOYAU_API bool equal(const Tensor& a, const Tensor& b);
/// True when shapes match and |a - b| <= absolute + relative * |b| for every element.
NOYAU_API bool all_close(const Tensor& a, const Tensor& b, double relative = 1e-5, double absolute = 1e-8);
/// Shape, dtype, device and at most six values an axis, for people.
NOYAU_API std::string to_string(const Tensor& tensor);
/// Appends `f32 [8, 10] on cpu`.
NOYAU_API void append(std::string& text, const Tensor& tensor);

/// Bytes of tensor storage on a device.
struct MemoryUse {
  std::int64_t live = 0;    ///< Held by tensors now.
  std::int64_t peak = 0;    ///< Most ever held by tensors at once, since the start or reset_peak_memory().
  std::int64_t cached = 0;  ///< Kept for reuse, not held by any tensor.
};
/// Present use of tensor memory on the CPU.
NOYAU_API MemoryUse memory_use();
/// Present use of tensor memory on `device`; throws when this build or machine lacks it.
NOYAU_API MemoryUse memory_use(Device device);
/// Waits until everything asked of `device` is done; throws what a kernel found wrong.
NOYAU_API void synchronize(Device device);
/// How many devices of a kind this build can use on this machine: 1 CPU, 0 or more of CUDA.
NOYAU_API int device_count(Device::Kind kind);
/// Sets the peak of memory_use() to what is live now.
NOYAU_API void reset_peak_memory();
/// Gives memory that is kept for reuse back to the system.
NOYAU_API void release_cached_memory();

}  // namespace noyau::inline v0
