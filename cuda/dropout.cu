#include "accumulate.h"
#include "elements.h"
#include "philox.h"
#include "runtime.h"

namespace noyau::inline v0 {
namespace {

// y[i] = scale * x[i] if word i % 4 of Philox block (seed, offset + i / 4) >= threshold, else 0; a thread owns a
// block.
template <class T>
struct Dropout {
  DropoutDims d;
  const std::uint64_t* shift;
  accumulate_t<T> scale;
  const T* x;
  T* y;
  __device__ void operator()(std::int64_t block) const {
    const device::Words words = device::philox(d.seed, d.offset + *shift + static_cast<std::uint64_t>(block));
    for (std::int64_t k = 0; k < 4 && 4 * block + k < d.count; ++k) {
      const std::int64_t i = 4 * block + k;
      y[i] = narrow<T>(words.word[k] >= d.threshold ? scale * widen(x[i]) : 0);
    }
  }
};

}  // namespace

template <class T>
void Cuda::dropout(Context& context, const DropoutDims& d, accumulate_t<T> scale, const T* x, T* y) {
  launch_elements(context, (d.count + 3) / 4, Dropout<T>{d, draws_shift(context), scale, x, y});
}

template decltype(Cuda::dropout<float>) Cuda::dropout<float>;
template decltype(Cuda::dropout<double>) Cuda::dropout<double>;
template decltype(Cuda::dropout<half>) Cuda::dropout<half>;
template decltype(Cuda::dropout<bfloat16>) Cuda::dropout<bfloat16>;

}  // namespace noyau::inline v0
