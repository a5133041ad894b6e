#include <algorithm>

#include "backend.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kBlocks = 16;  // Philox blocks made at a time: enough lanes for any vector unit

// Word w of block b into words[4 * b + w], for kBlocks consecutive offsets.
void philox_words(std::uint64_t seed, std::uint64_t offset, std::uint32_t* words) {
  std::uint32_t c0[kBlocks], c1[kBlocks], c2[kBlocks] = {}, c3[kBlocks] = {};
  for (std::uint64_t b = 0; b < kBlocks; ++b) {
    c0[b] = static_cast<std::uint32_t>(offset + b);
    c1[b] = static_cast<std::uint32_t>((offset + b) >> 32);
  }
  auto k0 = static_cast<std::uint32_t>(seed);
  auto k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::int64_t b = 0; b < kBlocks; ++b) {
      const std::uint64_t p = std::uint64_t{0xD2511F53} * c0[b];
      const std::uint64_t q = std::uint64_t{0xCD9E8D57} * c2[b];
      c0[b] = static_cast<std::uint32_t>(q >> 32) ^ c1[b] ^ k0;
      c2[b] = static_cast<std::uint32_t>(p >> 32) ^ c3[b] ^ k1;
      c1[b] = static_cast<std::uint32_t>(q);
      c3[b] = static_cast<std::uint32_t>(p);
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  for (std::int64_t b = 0; b < kBlocks; ++b) {
    words[4 * b] = c0[b];
    words[4 * b + 1] = c1[b];
    words[4 * b + 2] = c2[b];
    words[4 * b + 3] = c3[b];
  }
}

void check_rate(const char* op, double rate) {
  NOYAU_CHECK(rate >= 0 && rate < 1, op, ": rate ", rate, " is not in [0, 1)");
}

// dropout() with the random numbers of (seed, offset): linear in x, so its own gradient.
Tensor masked(const Tensor& x, double rate, std::uint64_t seed, std::uint64_t offset) {
  const Tensor y = empty_like(x);
  const DropoutDims d{x.size(), seed, offset, static_cast<std::uint32_t>(rate * 0x1p32)};
  dispatch(Floats{}, "dropout", x, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template dropout<T>(context, d, static_cast<T>(1 / (1 - rate)), x.device_data<T>(),
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
void Cpu::dropout(Context&, const DropoutDims& d, T scale, const T* x, T* y) {
  constexpr std::int64_t kRun = 4 * kBlocks;
  parallel_for((d.count + kRun - 1) / kRun, 64, [=](std::int64_t begin, std::int64_t end) {
    std::uint32_t words[kRun];
    for (std::int64_t run = begin; run < end; ++run) {
      const std::int64_t first = run * kRun;
      philox_words(d.seed, d.offset + static_cast<std::uint64_t>(first / 4), words);
      const std::int64_t count = std::min(kRun, d.count - first);
      for (std::int64_t i = 0; i < count; ++i)
        y[first + i] = words[i] >= d.threshold ? scale * x[first + i] : T{0};
    }
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
