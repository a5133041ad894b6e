#pragma once
/// \file
/// The thread pool, for authors of ops.

#include <memory>
#include <type_traits>

#include "noyau/error.h"

namespace noyau::inline v0 {

/// Threads that parallel_for() uses, the calling one included; at first $NOYAU_THREADS or the cores available.
NOYAU_API int num_threads();
/// Sets num_threads(); throws below 1. Results do not depend on it.
NOYAU_API void set_num_threads(int count);

namespace detail {
using RangeFunction = void (*)(void* body, std::int64_t begin, std::int64_t end);
NOYAU_API void parallel_for(std::int64_t count, std::int64_t grain, RangeFunction function, void* body);
}  // namespace detail

/// Calls `body(begin, end)` on disjoint ranges that cover [0, count), in parallel, and waits.
///
/// No range but the last is shorter than `grain`. Denormals are flushed to zero inside. An exception is rethrown: that
/// of the lowest range. Nested calls run serially.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::parallel_for(
      count, grain,
      [](void* object, std::int64_t begin, std::int64_t end) { (*static_cast<Plain*>(object))(begin, end); },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

}  // namespace noyau::inline v0
