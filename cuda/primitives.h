#pragma once
// The only place with PTX. Each primitive stands beside its simulated twin; the manual's fragment layouts are in simt/mma.h.
// What compute capability 7.5 lacks is done there by plain loads (copies) or must not be called (bf16, tf32).
#include <cstdint>

#include "storage.h"
#ifdef NOYAU_SIMT
#include "simt/async_copy.h"
#include "simt/mma.h"
#endif

namespace noyau::inline v0 {

#if defined(NOYAU_SIMT) || defined(__CUDACC__)

#if !defined(NOYAU_SIMT)
// The address that instructions on shared memory take.
__device__ inline std::uint32_t shared_address(const void* p) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(p));
}
#endif

// x as f16, rounded to even, and back.
__device__ inline std::uint16_t f16_bits(float x) {
#ifdef NOYAU_SIMT
  return device::to_half(x).bits;
#else
  std::uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
#endif
}
__device__ inline float f16_value(std::uint16_t bits) {
#ifdef NOYAU_SIMT
  return device::to_float(half{bits});
#else
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
#endif
}

// x as bf16, rounded to even.
__device__ inline std::uint16_t bf16_bits(float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  std::uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
#else
  return device::to_bfloat16(x).bits;
#endif
}

// Begins to copy 16 bytes from global to shared memory, or zeros unless `valid`; both are 16-byte aligned. The bytes are
// there for this thread after cp_async_wait, for others after a barrier that follows.
__device__ inline void cp_async_16(void* shared, const void* global, bool valid = true,
                                   [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::copy_async(shared, valid ? global : nullptr, 16, site);
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 16 : 0)
               : "memory");
#else
  *static_cast<uint4*>(shared) = valid ? *static_cast<const uint4*>(global) : uint4{0, 0, 0, 0};
#endif
}

// The same for 4 bytes.
__device__ inline void cp_async_4(void* shared, const void* global, bool valid = true,
                                  [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::copy_async(shared, valid ? global : nullptr, 4, site);
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)), "l"(global),
               "r"(valid ? 4 : 0)
               : "memory");
#else
  *static_cast<std::uint32_t*>(shared) = valid ? *static_cast<const std::uint32_t*>(global) : 0;
#endif
}

// Closes this thread's group of copies begun since the last one.
__device__ inline void cp_async_commit() {
#ifdef NOYAU_SIMT
  simt::commit_copies();
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most the `pending` latest groups of this thread are under way.
template <int pending>
__device__ inline void cp_async_wait() {
#ifdef NOYAU_SIMT
  simt::wait_copies(pending);
#elif __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

// A barrier of `threads` threads (whole warps) of the block under a number from 1 to 15.
__device__ inline void named_barrier(int number, int threads, [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::named_barrier(number, threads, site);
#else
  asm volatile("bar.sync %0, %1;" ::"r"(number), "r"(threads) : "memory");
#endif
}

// Four 8x8 matrices of 16-bit elements: lane 8 i + r gives the address of row r of matrix i, 16-byte aligned; lane l gets
// elements 2 (l % 4) and the next of row l / 4 of matrix i in r[i].
__device__ inline void ldmatrix_x4(std::uint32_t (&r)[4], const void* row,
                                   [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::load_matrices(r, row, 4, false, site);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
#endif
}

// The same of the transposed matrices.
__device__ inline void ldmatrix_x4_transposed(std::uint32_t (&r)[4], const void* row,
                                              [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::load_matrices(r, row, 4, true, site);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(row))
               : "memory");
#endif
}

// Two matrices; lanes 0 to 15 give the addresses.
__device__ inline void ldmatrix_x2(std::uint32_t (&r)[2], const void* row,
                                   [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::load_matrices(r, row, 2, false, site);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row))
               : "memory");
#endif
}

// The same of the transposed matrices.
__device__ inline void ldmatrix_x2_transposed(std::uint32_t (&r)[2], const void* row,
                                              [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::load_matrices(r, row, 2, true, site);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(shared_address(row))
               : "memory");
#endif
}

// d [16, 8] += a [16, 8] b [8, 8] of f16 elements, f32 sums: what compute capability 7.5 has.
__device__ inline void mma_m16n8k8_f16(float (&d)[4], const std::uint32_t (&a)[2],
                                       const std::uint32_t (&b)[1],
                                       [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::multiply(simt::MmaType::f16, 8, d, a, b, site);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b[0]));
#endif
}

// d [16, 8] += a [16, 16] b [16, 8] of f16 elements, f32 sums. Compute capability 7.5 takes two steps.
__device__ inline void mma_m16n8k16_f16(float (&d)[4], const std::uint32_t (&a)[4],
                                        const std::uint32_t (&b)[2],
                                        [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::multiply(simt::MmaType::f16, 16, d, a, b, site);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  mma_m16n8k8_f16(d, {a[0], a[1]}, {b[0]});
  mma_m16n8k8_f16(d, {a[2], a[3]}, {b[1]});
#endif
}

// d [16, 8] += a [16, 16] b [16, 8] of bf16 elements, f32 sums; from compute capability 8.0.
__device__ inline void mma_m16n8k16_bf16(float (&d)[4], const std::uint32_t (&a)[4],
                                         const std::uint32_t (&b)[2],
                                         [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::multiply(simt::MmaType::bf16, 16, d, a, b, site);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

// d [16, 8] += a [16, 8] b [8, 8] of tf32 elements (see to_tf32), f32 sums; from compute capability 8.0.
__device__ inline void mma_m16n8k8_tf32(float (&d)[4], const std::uint32_t (&a)[4],
                                        const std::uint32_t (&b)[2],
                                        [[maybe_unused]] Site site = Site::here()) {
#ifdef NOYAU_SIMT
  simt::multiply(simt::MmaType::tf32, 8, d, a, b, site);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

// The bits of x rounded to the 10 fraction bits of tf32, ties away from zero; from compute capability 8.0.
__device__ inline std::uint32_t to_tf32(float x) {
#ifdef NOYAU_SIMT
  return (__float_as_uint(x) + 0x1000) & 0xffffe000;
#elif __CUDA_ARCH__ >= 800
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
#else
  __trap();
  return 0;
#endif
}

#endif

}  // namespace noyau::inline v0
