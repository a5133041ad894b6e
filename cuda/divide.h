#pragma once
// Division by a number that is fixed for a launch: a multiplication and a shift. Source: T. Granlund and P. L.
// Montgomery, "Division by invariant integers using multiplication", PLDI 1994.
#include <cstdint>

#include "device.h"

namespace noyau::inline v0 {

// n / divisor for 0 <= n < 2^63; a divisor of 0, that of no elements, counts as 1.
class Divider {
 public:
  Divider() = default;
  explicit Divider(std::int64_t divisor) : divisor_(divisor == 0 ? 1 : static_cast<std::uint64_t>(divisor)) {
    while (shift_ < 63 && (std::uint64_t{1} << shift_) < divisor_) ++shift_;
    const unsigned __int128 excess = (std::uint64_t{1} << shift_) - divisor_;
    magic_ = static_cast<std::uint64_t>((excess << 64) / divisor_) + 1;
  }

  __device__ std::int64_t quotient(std::int64_t n) const {
    const auto whole = static_cast<std::uint64_t>(n);
    const auto high = static_cast<std::uint64_t>(static_cast<unsigned __int128>(magic_) * whole >> 64);
    return static_cast<std::int64_t>((high + whole) >> shift_);
  }
  // Divides n and returns the remainder.
  __device__ std::int64_t split(std::int64_t& n) const {
    const std::int64_t whole = n;
    n = quotient(whole);
    return whole - n * static_cast<std::int64_t>(divisor_);
  }

 private:
  std::uint64_t divisor_ = 1;
  std::uint64_t magic_ = 1;
  int shift_ = 0;
};

// The same for 0 <= n < 2^31.
class Divider32 {
 public:
  Divider32() = default;
  explicit Divider32(std::int64_t divisor)
      : divisor_(divisor == 0 ? 1 : static_cast<std::uint32_t>(divisor)) {
    while (shift_ < 31 && (std::uint32_t{1} << shift_) < divisor_) ++shift_;
    const std::uint64_t excess = (std::uint64_t{1} << shift_) - divisor_;
    magic_ = static_cast<std::uint32_t>((excess << 32) / divisor_ + 1);
  }

  __device__ int quotient(int n) const {
    const auto whole = static_cast<std::uint32_t>(n);
    const auto high = static_cast<std::uint32_t>(static_cast<std::uint64_t>(magic_) * whole >> 32);
    return static_cast<int>((high + whole) >> shift_);
  }
  __device__ int split(int& n) const {
    const int whole = n;
    n = quotient(whole);
    return whole - n * static_cast<int>(divisor_);
  }

 private:
  std::uint32_t divisor_ = 1;
  std::uint32_t magic_ = 1;
  int shift_ = 0;
};

}  // namespace noyau::inline v0
