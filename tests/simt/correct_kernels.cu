// Kernels without a fault: they must pass with every check, and give the same bits in every order.
#include "primitives.h"
#include "run_kernel.h"

namespace {

using noyau::dynamic_shared;
constexpr unsigned kAll = 0xffffffffu;

__global__ void exchange_and_reuse(int* out) {
  int* shared = dynamic_shared<int>();
  shared[threadIdx.x] = local_thread();
  __syncthreads();
  out[global_thread()] = shared[threadIdx.x ^ 33];
  __syncthreads();
  shared[threadIdx.x ^ 1] = 2;
}

// Two values by two, in arrays of fixed size.
__global__ void transpose_tile(int* out) {
  __shared__ int tile[8][17];
  tile[threadIdx.x / 16][threadIdx.x % 16] = local_thread();
  __syncthreads();
  out[global_thread()] = tile[threadIdx.x % 8][threadIdx.x / 8];
}

__global__ void within_a_warp(int* out) {
  int* shared = dynamic_shared<int>();
  shared[threadIdx.x] = local_thread();
  __syncwarp();
  out[global_thread()] = shared[threadIdx.x ^ 1];
}

// Lanes meet pairwise: 0 with 1, then 1 with 2; what 0 wrote reaches 2 by way of 1.
__global__ void through_another_lane(int* out) {
  int* shared = dynamic_shared<int>();
  const unsigned lane = threadIdx.x % 32;
  if (lane == 0) shared[threadIdx.x] = 7;
  if (lane < 2) __syncwarp(0x3);
  if (lane == 1 || lane == 2) __syncwarp(0x6);
  out[global_thread()] = lane == 2 ? shared[threadIdx.x - 2] : 0;
}

__global__ void pairs_of_warps(int* out) {
  int* shared = dynamic_shared<int>();
  shared[threadIdx.x] = local_thread();
  noyau::named_barrier(1 + local_thread() / 64, 64);
  out[global_thread()] = shared[threadIdx.x ^ 33];
}

// Warp 0 hands on to warp 1, warp 1 to warp 2: barriers order across warps that never meet.
__global__ void chain_of_warps(int* out) {
  int* shared = dynamic_shared<int>();
  const int warp = local_thread() / 32;
  if (warp == 0) shared[threadIdx.x] = 3;
  if (warp < 2) noyau::named_barrier(1, 64);
  if (warp == 1 || warp == 2) noyau::named_barrier(2, 64);
  out[global_thread()] = warp == 2 ? shared[threadIdx.x - 64] : 0;
}

__global__ void sums(int* out) {
  int v = local_thread();
  for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_xor_sync(kAll, v, lanes);
  const int direct = __reduce_add_sync(kAll, local_thread());
  const int low = __shfl_sync(kAll, v, 0), narrow = __shfl_down_sync(kAll, local_thread(), 3, 8);
  out[global_thread()] = v == direct && v == low ? v + narrow : -1;
}

__global__ void votes(int* out) {
  const int odd = local_thread() % 2;
  const unsigned lanes = __ballot_sync(kAll, odd), alike = __match_any_sync(kAll, odd);
  const bool right = lanes == 0xaaaaaaaau && alike == (odd ? lanes : ~lanes) && __any_sync(kAll, odd) &&
                     !__all_sync(kAll, odd);
  out[global_thread()] = right ? __syncthreads_count(odd) : -1;
}

__global__ void half_warps(int* out) {
  const unsigned mask = threadIdx.x % 32 < 16 ? 0x0000ffffu : 0xffff0000u;
  out[global_thread()] = __shfl_sync(mask, local_thread(), 3, 16);
}

__global__ void count_by_atomics(int* out) {
  atomicAdd(out, 1);
  atomicMax(out + 1, local_thread());
}

// The next copy is under way while the last one is used.
__global__ void double_buffer(int* out) {
  int* shared = dynamic_shared<int>();
  const int t = local_thread() % 64;
  const bool loads = threadIdx.x < 64;
  int sum = 0;
  if (loads) noyau::cp_async_4(shared + t, out + global_thread());
  noyau::cp_async_commit();
  for (int i = 0; i < 4; ++i) {
    if (loads) noyau::cp_async_4(shared + (i + 1) % 2 * 64 + t, out + global_thread(), i < 2);
    noyau::cp_async_commit();
    noyau::cp_async_wait<1>();
    __syncthreads();
    sum += shared[i % 2 * 64 + 63 - t];
    __syncthreads();
  }
  out[global_thread()] = sum;
}

constexpr Kernel kKernels[] = {
    {"exchange_and_reuse", run_kernel<exchange_and_reuse>, nullptr, false},
    {"transpose_tile", run_kernel<transpose_tile>, nullptr, false},
    {"within_a_warp", run_kernel<within_a_warp>, nullptr, false},
    {"through_another_lane", run_kernel<through_another_lane>, nullptr, false},
    {"pairs_of_warps", run_kernel<pairs_of_warps>, nullptr, false},
    {"chain_of_warps", run_kernel<chain_of_warps>, nullptr, false},
    {"sums", run_kernel<sums>, nullptr, false},
    {"votes", run_kernel<votes>, nullptr, false},
    {"half_warps", run_kernel<half_warps>, nullptr, false},
    {"count_by_atomics", run_kernel<count_by_atomics>, nullptr, false},
    {"double_buffer", run_kernel<double_buffer>, nullptr, false},
};

}  // namespace

std::span<const Kernel> correct_kernels() { return kKernels; }
