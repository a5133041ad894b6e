#include "noyau/parallel.h"
#include "ops/pool_dims.h"
#include "ops/window.h"

namespace noyau::inline v0 {

Pool2dDims pool2d_dims(std::string_view op, const Tensor& x, Size2 window, const Pool2dOptions& options) {
  NOYAU_CHECK(x.defined(), op, ": x is undefined");
  NOYAU_CHECK(x.rank() == 4, op, ": x must be [n, h, w, c], not ", x.shape());
  const Size2 stride = options.stride.value_or(window);
  const Padding& padding = options.padding;
  const bool given = padding.kind == Padding::Kind::given;
  const WindowAxis h =
      window_axis(op, x.dim(1), window.h, stride.h, padding.kind, padding.top, padding.bottom);
  const WindowAxis w =
      window_axis(op, x.dim(2), window.w, stride.w, padding.kind, padding.left, padding.right);
  NOYAU_CHECK(x.dim(1) > 0 && x.dim(2) > 0, op, ": empty images ", x.shape());
  NOYAU_CHECK(!given || (std::max(padding.top, padding.bottom) < window.h &&
                         std::max(padding.left, padding.right) < window.w),
              op, ": padding (", padding.top, ", ", padding.bottom, ", ", padding.left, ", ", padding.right,
              ") must be smaller than the window ", window.h, "x", window.w);
  return {x.dim(0),
          x.dim(1),
          x.dim(2),
          x.dim(3),
          h.out,
          w.out,
          window.h,
          window.w,
          stride.h,
          stride.w,
          h.before,
          w.before,
          options.count_padding};
}

}  // namespace noyau::inline v0
