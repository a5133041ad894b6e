// Products and a convolution by mma.sync, to check the simulated fragments against plain sums.
#include "kernels.h"
#include "primitives.h"

namespace {

using namespace noyau;

// One warp owns out [16, 8] at (16 blockIdx.x, 8 blockIdx.y): out[i, j] = sum over k of a[i, k] b[j, k].
template <Product product>
__global__ void product_kernel(int n, int k, const std::uint32_t* a, const std::uint32_t* b, float* out) {
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  const int row = static_cast<int>(blockIdx.x) * 16, column = static_cast<int>(blockIdx.y) * 8;
  const int words = product == Product::tf32 ? k : k / 2;  // of a row
  float d[4] = {};
  // In words, the fragments of 16-bit and of tf32 elements lie alike.
  for (int w = 0; w < words; w += 8) {
    const std::uint32_t* a0 = a + (row + g) * words + w + t;
    const std::uint32_t* a8 = a0 + 8 * words;
    const std::uint32_t* b0 = b + (column + g) * words + w + t;
    if constexpr (product == Product::f16) mma_m16n8k16_f16(d, {a0[0], a8[0], a0[4], a8[4]}, {b0[0], b0[4]});
    if constexpr (product == Product::bf16)
      mma_m16n8k16_bf16(d, {a0[0], a8[0], a0[4], a8[4]}, {b0[0], b0[4]});
    if constexpr (product == Product::tf32) mma_m16n8k8_tf32(d, {a0[0], a8[0], a0[4], a8[4]}, {b0[0], b0[4]});
    if constexpr (product == Product::f16_small) {
      mma_m16n8k8_f16(d, {a0[0], a8[0]}, {b0[0]});
      mma_m16n8k8_f16(d, {a0[4], a8[4]}, {b0[4]});
    }
  }
  for (int e = 0; e < 4; ++e) out[(row + g + e / 2 * 8) * n + column + 2 * t + e % 2] = d[e];
}

using Shape = ConvolutionShape;

constexpr int kPixels = 64, kChannels = 64, kDepth = 32,
              kPitch = 40;  // elements; a row of 80 bytes meets every bank
constexpr int kStage = (kPixels + kChannels) * kPitch;

// Begins to copy chunk `chunk` of the product: 32 channels of one tap, of 64 pixels and of 64 output channels.
__device__ void load_chunk(const Shape& s, int chunk, const std::uint16_t* x, const std::uint16_t* kernel,
                           std::uint16_t* stage) {
  const int parts = s.ic / kDepth, tap = chunk / parts, channel = chunk % parts * kDepth;
  for (int i = static_cast<int>(threadIdx.x); i < kPixels * 4; i += 128) {
    const int pixel = static_cast<int>(blockIdx.x) * kPixels + i / 4, c = i % 4 * 8;
    const int column = pixel % s.w + tap % 3 - 1, row = pixel / s.w % s.h + tap / 3 - 1,
              image = pixel / (s.w * s.h);
    const bool inside = image < s.n && row >= 0 && row < s.h && column >= 0 && column < s.w;
    const std::uint16_t* from = inside ? x + ((image * s.h + row) * s.w + column) * s.ic + channel + c : x;
    cp_async_16(stage + i / 4 * kPitch + c, from, inside);
  }
  for (int i = static_cast<int>(threadIdx.x); i < kChannels * 4; i += 128) {
    const int oc = static_cast<int>(blockIdx.y) * kChannels + i / 4, c = i % 4 * 8;
    cp_async_16(stage + (kPixels + i / 4) * kPitch + c, kernel + (oc * 9 + tap) * s.ic + channel + c);
  }
}

// y[n, oh, ow, oc] = sum over tap, ic of x[n, oh + tap / 3 - 1, ow + tap % 3 - 1, ic] kernel[oc, tap, ic]. A block owns
// 64 pixels x 64 channels, each of its 4 warps a 32 x 32 quarter.
__global__ void convolution_kernel(Shape s, const std::uint16_t* x, const std::uint16_t* kernel, float* y) {
  auto* stages = dynamic_shared<std::uint16_t>();
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int chunks = 9 * s.ic / kDepth;
  float sums[2][4][4] = {};
  load_chunk(s, 0, x, kernel, stages);
  cp_async_commit();
  for (int chunk = 0; chunk < chunks; ++chunk) {
    if (chunk + 1 < chunks) load_chunk(s, chunk + 1, x, kernel, stages + (chunk + 1) % 2 * kStage);
    cp_async_commit();
    cp_async_wait<1>();
    __syncthreads();
    const std::uint16_t* a =
        stages + chunk % 2 * kStage + (warp % 2 * 32 + lane % 16) * kPitch + lane / 16 * 8;
    const std::uint16_t* b = stages + chunk % 2 * kStage +
                             (kPixels + warp / 2 * 32 + lane % 8 + lane / 16 * 8) * kPitch + lane / 8 % 2 * 8;
    for (int k = 0; k < kDepth; k += 16) {
      std::uint32_t fa[2][4], fb[2][4];
      for (int i = 0; i < 2; ++i) ldmatrix_x4(fa[i], a + i * 16 * kPitch + k);
      for (int j = 0; j < 2; ++j) ldmatrix_x4(fb[j], b + j * 16 * kPitch + k);
      for (int i = 0; i < 2; ++i) {
        for (int j = 0; j < 4; ++j)
          mma_m16n8k16_f16(sums[i][j], fa[i], {fb[j / 2][j % 2 * 2], fb[j / 2][j % 2 * 2 + 1]});
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < 2; ++i) {
    for (int e = 0; e < 4; ++e) {
      const int pixel =
          static_cast<int>(blockIdx.x) * kPixels + warp % 2 * 32 + i * 16 + lane / 4 + e / 2 * 8;
      if (pixel >= s.n * s.h * s.w) continue;
      const int oc = static_cast<int>(blockIdx.y) * kChannels + warp / 2 * 32 + lane % 4 * 2 + e % 2;
      for (int j = 0; j < 4; ++j) y[pixel * s.oc + oc + j * 8] = sums[i][j][e];
    }
  }
}

}  // namespace

void multiply_on_tensor_cores(Product product, int m, int n, int k, const void* a, const void* b,
                              float* out) {
  using Function = void (*)(int, int, const std::uint32_t*, const std::uint32_t*, float*);
  constexpr Function kernels[] = {product_kernel<Product::f16>, product_kernel<Product::f16_small>,
                                  product_kernel<Product::bf16>, product_kernel<Product::tf32>};
  const dim3 grid(static_cast<unsigned>(m / 16), static_cast<unsigned>(n / 8));
  launch(kernels[static_cast<int>(product)], grid, 32, 0, nullptr, n, k, static_cast<const std::uint32_t*>(a),
         static_cast<const std::uint32_t*>(b), out);
}

void convolve(const ConvolutionShape& s, const void* x, const void* kernel, float* y) {
  const dim3 grid(static_cast<unsigned>((s.n * s.h * s.w + kPixels - 1) / kPixels),
                  static_cast<unsigned>(s.oc / kChannels));
  launch(convolution_kernel, grid, 128, 2 * kStage * sizeof(std::uint16_t), nullptr, s,
         static_cast<const std::uint16_t*>(x), static_cast<const std::uint16_t*>(kernel), y);
}
