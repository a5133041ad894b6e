#pragma once
// What kernels need of a device besides its stream: scratch memory and a place to report what they find wrong.
#include "backend.h"
#include "device.h"
#include "devices.h"

namespace noyau::inline v0 {

// Throws, naming what failed, unless `error` is none.
void check_cuda(cudaError_t error, const char* what);

// The first thing that a kernel found wrong, in memory that the host reads after waiting: a class id that is out of
// range. Which of several is kept is not determined.
struct Fault {
  __device__ void report(std::int64_t id_, std::int64_t row_, std::int64_t classes_) {
    if (atomicExch(&set, 1) != 0) return;
    id = id_;
    row = row_;
    classes = classes_;
  }

  int set;
  std::int64_t id, row, classes;
};

Fault* fault_of(const Context& context);

// What kernels add to the offset of random numbers: 0, but for replays of a recording.
const std::uint64_t* draws_shift(const Context& context);

// Memory of one call, uninitialised; kernels of the same stream may still use it after it is given back.
template <class T>
class Scratch {
 public:
  Scratch(const Context& context, std::int64_t count)
      : index_(context.device.index),
        bytes_(static_cast<std::size_t>(count) * sizeof(T)),
        data_(static_cast<T*>(cuda::allocate(index_, bytes_))) {}
  ~Scratch() { cuda::release(index_, data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return data_; }

 private:
  int index_;
  std::size_t bytes_;
  T* data_;
};

}  // namespace noyau::inline v0
