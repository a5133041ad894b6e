#include "divide.h"
#include "elements.h"

namespace noyau::inline v0 {
namespace {

// y[i, r, q, c] = table[c, images[plan[i].index, plan[i].rows[r], plan[i].columns[q], c]], table[c, 0] where a row or
// column is -1, and 0 in the box; a thread owns an element.
struct GatherImages {
  GatherImagesDims d;
  Divider by_c, by_w, by_h;
  const std::uint8_t* images;
  const std::int32_t* plan;
  const float* table;
  float* y;
  __device__ void operator()(std::int64_t element) const {
    std::int64_t i = element;
    const std::int64_t c = by_c.split(i);
    const std::int64_t q = by_w.split(i);
    const std::int64_t r = by_h.split(i);
    const std::int32_t* const of = plan + i * (kPlanHead + d.h + d.w);
    const std::int64_t row = of[kPlanHead + r], column = of[kPlanHead + d.h + q];
    const bool outside = row < 0 || column < 0;
    const bool boxed = r >= of[1] && r < of[2] && q >= of[3] && q < of[4];
    const int value = outside ? 0 : images[((of[0] * d.h + row) * d.w + column) * d.c + c];
    y[element] = boxed ? 0.0F : table[c * 256 + value];
  }
};

}  // namespace

void Cuda::gather_images(Context& context, const GatherImagesDims& d, const std::uint8_t* images,
                         const std::int32_t* plan, const float* table, float* y) {
  launch_elements(context, d.n * d.h * d.w * d.c,
                  GatherImages{d, Divider(d.c), Divider(d.w), Divider(d.h), images, plan, table, y});
}

}  // namespace noyau::inline v0
