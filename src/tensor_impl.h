#pragma once
// What a Tensor handle points to: storage, shape and the place on the tape.
#include <atomic>
#include <mutex>

#include "noyau/autograd.h"

namespace noyau::inline v0 {

// What an op made of the elements of a storage and keeps until they are written.
struct Derived {
  Derived() = default;
  virtual ~Derived() = default;
  Derived(const Derived&) = delete;
  Derived& operator=(const Derived&) = delete;
};

struct Storage {
  Storage(std::size_t bytes, Device device);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data;
  std::size_t bytes;
  Device device;
  std::atomic<std::uint64_t> version{0};
  std::mutex derived_mutex;
  std::shared_ptr<const Derived> derived;  // of one version, which it knows
};

struct Node;

// The tape's view of a tensor. Nodes hold edges to these, not to storage, so an op keeps alive only what it captured.
struct AutogradMeta {
  bool requires_grad = false;
  std::shared_ptr<Node> node;  // null for a leaf
  Tensor grad;                 // accumulated by backward() into leaves
};

struct TensorImpl {
  Shape shape;
  Dtype dtype;
  std::shared_ptr<Storage> storage;
  std::int64_t offset = 0;  // in elements
  std::shared_ptr<AutogradMeta> autograd;

  char* bytes() const {
    return static_cast<char*>(storage->data) + offset * static_cast<std::int64_t>(element_size(dtype));
  }
};

// A handle on `storage` at `offset`, off the tape.
Tensor make_view(std::shared_ptr<Storage> storage, std::int64_t offset, const Shape& shape, Dtype dtype);
// The impl's tape entry, made on first use.
AutogradMeta& autograd_meta(const Tensor& tensor);

}  // namespace noyau::inline v0
