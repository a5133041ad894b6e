#pragma once
// Barriers and warp collectives. Every lane of the mask brings its operand and waits; the last one computes all results.
#include <type_traits>

#include "language.h"

namespace simt {

void barrier(Site site);
int barrier_count(bool predicate, Site site);
void named_barrier(int number, int threads, Site site);
void sync_warp(std::uint32_t mask, Site site);
void fence();

enum class Shuffle { index, up, down, exclusive_or };
void shuffle(Shuffle kind, std::uint32_t mask, void* value, std::size_t bytes, int lane, int width,
             Site site);
std::uint32_t ballot(const char* name, std::uint32_t mask, bool predicate, Site site);
enum class Reduction { add, min, max, bit_and, bit_or, bit_xor };
std::int64_t reduce(Reduction kind, std::uint32_t mask, std::int64_t value, Site site);
std::uint32_t match_any(std::uint32_t mask, std::uint64_t value, Site site);

template <class T>
T shuffled(Shuffle kind, std::uint32_t mask, T value, int lane, int width, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8, "shuffles move at most 8 bytes");
  shuffle(kind, mask, &value, sizeof value, lane, width, site);
  return value;
}

}  // namespace simt

inline void __syncthreads(simt::Site site = simt::Site::here()) { simt::barrier(site); }
inline int __syncthreads_count(int predicate, simt::Site site = simt::Site::here()) {
  return simt::barrier_count(predicate != 0, site);
}
inline int __syncthreads_or(int predicate, simt::Site site = simt::Site::here()) {
  return simt::barrier_count(predicate != 0, site) != 0;
}
inline int __syncthreads_and(int predicate, simt::Site site = simt::Site::here()) {
  return simt::barrier_count(predicate == 0, site) == 0;
}
inline void __syncwarp(unsigned mask = 0xffffffffu, simt::Site site = simt::Site::here()) {
  simt::sync_warp(mask, site);
}
inline void __threadfence() { simt::fence(); }
inline void __threadfence_block() {}

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, simt::Site site = simt::Site::here()) {
  return simt::shuffled(simt::Shuffle::index, mask, value, lane, width, site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 simt::Site site = simt::Site::here()) {
  return simt::shuffled(simt::Shuffle::up, mask, value, static_cast<int>(delta), width, site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   simt::Site site = simt::Site::here()) {
  return simt::shuffled(simt::Shuffle::down, mask, value, static_cast<int>(delta), width, site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, simt::Site site = simt::Site::here()) {
  return simt::shuffled(simt::Shuffle::exclusive_or, mask, value, lanes, width, site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, simt::Site site = simt::Site::here()) {
  return simt::ballot("__ballot_sync", mask, predicate != 0, site);
}
inline int __any_sync(unsigned mask, int predicate, simt::Site site = simt::Site::here()) {
  return simt::ballot("__any_sync", mask, predicate != 0, site) != 0;
}
inline int __all_sync(unsigned mask, int predicate, simt::Site site = simt::Site::here()) {
  return simt::ballot("__all_sync", mask, predicate != 0, site) == mask;
}

template <class T>
T __reduce_add_sync(unsigned mask, T value, simt::Site site = simt::Site::here()) {
  return static_cast<T>(simt::reduce(simt::Reduction::add, mask, value, site));
}
template <class T>
T __reduce_min_sync(unsigned mask, T value, simt::Site site = simt::Site::here()) {
  return static_cast<T>(simt::reduce(simt::Reduction::min, mask, value, site));
}
template <class T>
T __reduce_max_sync(unsigned mask, T value, simt::Site site = simt::Site::here()) {
  return static_cast<T>(simt::reduce(simt::Reduction::max, mask, value, site));
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value, simt::Site site = simt::Site::here()) {
  return static_cast<unsigned>(simt::reduce(simt::Reduction::bit_and, mask, value, site));
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value, simt::Site site = simt::Site::here()) {
  return static_cast<unsigned>(simt::reduce(simt::Reduction::bit_or, mask, value, site));
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value, simt::Site site = simt::Site::here()) {
  return static_cast<unsigned>(simt::reduce(simt::Reduction::bit_xor, mask, value, site));
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value, simt::Site site = simt::Site::here()) {
  static_assert(std::is_integral_v<T>);
  return simt::match_any(mask, static_cast<std::uint64_t>(value), site);
}
