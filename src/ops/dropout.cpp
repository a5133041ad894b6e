#include <algorithm>

#include "backend.h"
#include "cpu/isa.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

void check_rate(const char* op, double rate) {
  NOYAU_CHECK(rate >= 0 && rate < 1, op, ": rate ", rate, " is not in [0, 1)");
}

// dropout() with the random numbers of (seed, offset): linear in x, so its own gradient.
Tensor masked(const Tensor& x, double rate, std::uint64_t seed, std::uint64_t offset) {
  const Tensor y = empty_like(x);
  const DropoutDims d{x.size(), seed, offset, static_cast<std::uint32_t>(rate * 0x1p32)};
  dispatch(StoredFloats{}, "dropout", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template dropout<T>(context, d, static_cast<accumulate_t<T>>(1 / (1 - rate)), x.device_data<T>(),
                           y.device_data<T>());
  });
  return record("dropout", y, {x},
                [=](const Tensor& dy, const Tensor&) -> Grads { return {masked(dy, rate, seed, offset)}; },
                {.differentiable = true, .reads_output = false, .reads_inputs = false, .options = rate});
}

std::uint64_t blocks_for(std::int64_t count) { return static_cast<std::uint64_t>((count + 3) / 4); }

}  // namespace

// y[i] = scale * x[i] if word i % 4 of Philox block (seed, offset + i / 4) >= threshold, else 0; runs of i a thread.
template <class T>
void Cpu::dropout(Context&, const DropoutDims& d, accumulate_t<T> scale, const T* x, T* y) {
  constexpr std::int64_t kRun = 4096;
  parallel_for((d.count + kRun - 1) / kRun, 1, [=](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * kRun;
    isa<T>().dropout(std::min(end * kRun, d.count) - first, d.seed,
                     d.offset + static_cast<std::uint64_t>(first / 4), d.threshold, scale, x + first,
                     y + first);
  });
}

Tensor dropout(const Tensor& x, double rate, Generator& generator) {
  NOYAU_CHECK(x.defined(), "dropout: x is undefined");
  check_rate("dropout", rate);
  if (rate == 0) return x;
  const std::uint64_t seed = generator.seed();
  return masked(x, rate, seed, generator.advance(blocks_for(x.size())));
}

Tensor spatial_dropout(const Tensor& x, double rate, Generator& generator) {
  NOYAU_CHECK(x.defined() && x.rank() == 4, "spatial_dropout: x must be [n, h, w, c], not ", x);
  check_rate("spatial_dropout", rate);
  if (rate == 0) return x;
  const Tensor mask = dropout(ones({x.dim(0), 1, 1, x.dim(3)}, {x.dtype(), x.device()}), rate, generator);
  return mul(x, mask);
}

}  // namespace noyau::inline v0
