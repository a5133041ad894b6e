#include "ops/gather_images.h"

#include <algorithm>

#include "backend.h"

namespace noyau::inline v0 {
namespace {

// y[r, q, c] = table[c, image[rows[r], columns[q], c]], and table[c, 0] where a row or column is -1.
template <int kChannels>
void gather_image(const GatherImagesDims& d, const std::uint8_t* image, const std::int32_t* rows,
                  const std::int32_t* columns, const float* table, float* y) {
  for (std::int64_t r = 0; r < d.h; ++r) {
    const std::uint8_t* const line = image + std::max(rows[r], 0) * d.w * kChannels;
    for (std::int64_t q = 0; q < d.w; ++q, y += kChannels) {
      const bool outside = rows[r] < 0 || columns[q] < 0;
      const std::uint8_t* const pixel = line + std::int64_t{std::max(columns[q], 0)} * kChannels;
      for (int c = 0; c < kChannels; ++c) y[c] = table[c * 256 + (outside ? 0 : pixel[c])];
    }
  }
}

}  // namespace

// y[i] is the image that plan[i] tells. Serial: the threads of loaders run this beside training.
void Cpu::gather_images(Context&, const GatherImagesDims& d, const std::uint8_t* images,
                        const std::int32_t* plan, const float* table, float* y) {
  const std::int64_t size = d.h * d.w * d.c;
  for (std::int64_t i = 0; i < d.n; ++i, plan += kPlanHead + d.h + d.w, y += size) {
    const std::uint8_t* const image = images + plan[0] * size;
    const std::int32_t* const rows = plan + kPlanHead;
    if (d.c == 3)
      gather_image<3>(d, image, rows, rows + d.h, table, y);
    else
      gather_image<1>(d, image, rows, rows + d.h, table, y);
    for (std::int64_t r = plan[1]; r < plan[2]; ++r)
      std::fill(y + (r * d.w + plan[3]) * d.c, y + (r * d.w + plan[4]) * d.c, 0.0F);
  }
}

Tensor gather_images(const Tensor& images, const Tensor& plan, const Tensor& table) {
  check_operands("gather_images", {{"images", images}});
  NOYAU_CHECK(plan.device() == images.device() && table.device() == images.device(),
              "gather_images: images on ", images.device(), ", plan on ", plan.device(), ", table on ",
              table.device());
  const GatherImagesDims d{plan.dim(0), images.dim(1), images.dim(2), images.dim(3)};
  NOYAU_CHECK(
      plan.dim(1) == kPlanHead + d.h + d.w && (d.c == 1 || d.c == 3) && table.shape() == Shape({d.c, 256}),
      "gather_images: images ", images.shape(), " do not fit a plan ", plan.shape(), " and a table ",
      table.shape());
  const Tensor y = empty({d.n, d.h, d.w, d.c}, {Dtype::f32, images.device()});
  by_device("gather_images", images.device(), [&](auto on, Context& context) {
    on.gather_images(context, d, images.device_data<std::uint8_t>(), plan.device_data<std::int32_t>(),
                     table.device_data<float>(), y.device_data<float>());
  });
  return y;
}

}  // namespace noyau::inline v0
