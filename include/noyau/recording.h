#pragma once
/// \file
/// Work on a CUDA device, recorded once and done again without its kernels being asked for one by one (a CUDA graph).

#include <functional>
#include <memory>

#include "noyau/tensor.h"

namespace noyau::inline v0 {

/// What a function asks of a CUDA device, to be done as often as wanted.
///
/// A replay reads and writes the memory that the function used, so tensors keep their places: fill the inputs with
/// Tensor::copy_from(), and read what the function made from the tensors that it made. Memory that it used is kept until the
/// recording ends, and the function with the tensors that it holds; others that it reads must outlive the recording.
class NOYAU_API Recording {
 public:
  /// Calls `work` once: its kernels and copies on `device` are recorded, not done, so that what it makes has no values
  /// before the first replay(). Call `work` by itself once before, so that the kernels are loaded.
  ///
  /// Throws what `work` throws, also when it reads a value of the device on the CPU, which cannot be replayed; and where
  /// `device` is no CUDA device, or another recording is under way on this thread.
  Recording(Device device, const std::function<void()>& work);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  /// Does it, after what was asked of the device before. Random numbers that `work` took from default_generator() go on from
  /// where that is now, as if it had been called; throws when that has another seed than at the time of recording.
  void replay();

 private:
  struct Draws {
    std::uint64_t seed, offset, count;
  };
  int index_;
  Draws draws_{};
  void* recorded_ = nullptr;  // the backend's
};

}  // namespace noyau::inline v0
