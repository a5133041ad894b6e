#pragma once
/// \file
/// Extents of tensors.

#include <array>
#include <initializer_list>
#include <span>

#include "noyau/error.h"

namespace noyau::inline v0 {

/// The extents of a dense row-major tensor: rank 0 (a scalar) to `kMaxRank`.
class NOYAU_API Shape {
 public:
  static constexpr int kMaxRank = 8;  ///< The largest rank.

  /// The shape of a scalar.
  Shape() = default;
  /// `{8, 32, 32, 3}`; throws on a negative extent or too many of them.
  Shape(std::initializer_list<std::int64_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}
  /// The extents of a range; throws on a negative extent or too many of them.
  explicit Shape(std::span<const std::int64_t> extents);

  /// Number of axes.
  int rank() const { return rank_; }
  /// Number of elements: the product of the extents, 1 for a scalar.
  std::int64_t size() const;
  /// Extent of `axis`; negative axes count from the end. Throws when out of range.
  std::int64_t dim(int axis) const;
  /// Unchecked extent of `axis`.
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  /// Unchecked, writable extent of `axis`.
  std::int64_t& operator[](int axis) { return extents_[static_cast<std::size_t>(axis)]; }
  /// First extent.
  const std::int64_t* begin() const { return extents_.data(); }
  /// One past the last extent.
  const std::int64_t* end() const { return extents_.data() + rank_; }

  /// Same rank and extents.
  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && a.extents_ == b.extents_;
  }

 private:
  std::array<std::int64_t, kMaxRank> extents_{};  // zeros past rank_
  int rank_ = 0;
};

/// `axis` counted from the front, in [0, rank); throws, naming `op`, when out of range.
NOYAU_API int normalize_axis(std::string_view op, int axis, int rank);
/// The shape both broadcast to by NumPy's rules; throws, naming `op`, when they do not match.
NOYAU_API Shape broadcast_shapes(std::string_view op, const Shape& a, const Shape& b);
/// Appends `[8, 32, 32, 3]`.
NOYAU_API void append(std::string& text, const Shape& shape);

}  // namespace noyau::inline v0
