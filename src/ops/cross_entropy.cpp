#include "ops/cross_entropy.h"

#include "backend.h"
#include "cpu/isa.h"
#include "noyau/parallel.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kGrain = 1 << 12;  // elements worth a thread

// The target of one row: a[c] = w[c] * ((1 - smoothing) * q[c] + smoothing / classes), q being a row of probabilities
// or 1 at the class id.
template <class T>
struct TargetRow {
  TargetRow(const CrossEntropyDims& dims, std::int64_t row, const std::int32_t* ids, const T* target,
            const T* weights)
      : id(ids == nullptr ? -1 : ids[row]),
        q(target == nullptr ? nullptr : target + row * dims.classes),
        w(weights),
        even(dims.smoothing / static_cast<double>(dims.classes)),
        kept(1 - dims.smoothing) {
    NOYAU_CHECK(ids == nullptr || (id >= 0 && id < dims.classes), "cross_entropy: class id ", id, " in row ",
                row, " is out of range for ", dims.classes, " classes");
  }

  double weight(std::int64_t c) const { return w == nullptr ? 1 : static_cast<double>(w[c]); }
  double operator[](std::int64_t c) const {
    const double probability = q == nullptr ? (c == id ? 1.0 : 0.0) : static_cast<double>(q[c]);
    return weight(c) * (kept * probability + even);
  }
  // Only the class id counts.
  bool one_hot() const { return q == nullptr && even == 0; }

  std::int64_t id;
  const T* q;
  const T* w;
  double even;
  double kept;
};

}  // namespace

// log_sums[n] = log(sum over c of e^x[n, c]); losses[n] = sum over c of a[n, c] * (log_sums[n] - x[n, c]).
// Each row is one thread's.
template <class T>
void Cpu::cross_entropy_forward(Context&, const CrossEntropyDims& d, const T* logits, const std::int32_t* ids,
                                const T* target, const T* weights, T* log_sums, T* losses) {
  parallel_for(d.n, 1 + kGrain / d.classes, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const TargetRow<T> a(d, row, ids, target, weights);
      const T* const x = logits + row * d.classes;
      const T log_sum = isa<T>().log_sum_exp(d.classes, x);
      const auto loss_of = [&](std::int64_t c) {
        return a[c] == 0 ? 0 : a[c] * static_cast<double>(log_sum - x[c]);
      };
      double loss = a.one_hot() ? loss_of(a.id) : 0;
      for (std::int64_t c = 0; !a.one_hot() && c < d.classes; ++c) loss += loss_of(c);
      log_sums[row] = log_sum;
      losses[row] = static_cast<T>(loss);
    }
  });
}

// dx[n, c] = dlosses[n] * (softmax(x)[n, c] * sum of a[n] - a[n, c]); dq[n, c] = dlosses[n] * w[c] * (1 - smoothing) *
// (log_sums[n] - x[n, c]). Either result may be null. Each row is one thread's.
template <class T>
void Cpu::cross_entropy_backward(Context&, const CrossEntropyDims& d, const T* logits,
                                 const std::int32_t* ids, const T* target, const T* weights,
                                 const T* log_sums, const T* dlosses, T* dlogits, T* dtarget) {
  parallel_for(d.n, 1 + kGrain / d.classes, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const TargetRow<T> a(d, row, ids, target, weights);
      const T* const x = logits + row * d.classes;
      const double slope = static_cast<double>(dlosses[row]);
      if (dlogits != nullptr) {
        T* const dx = dlogits + row * d.classes;
        double total = a.one_hot() ? a[a.id] : 0;
        for (std::int64_t c = 0; !a.one_hot() && c < d.classes; ++c) total += a[c];
        isa<T>().scaled_exp(d.classes, x, log_sums[row], static_cast<T>(slope * total), dx);
        if (a.one_hot()) dx[a.id] -= static_cast<T>(slope * total);
        for (std::int64_t c = 0; !a.one_hot() && c < d.classes; ++c) dx[c] -= static_cast<T>(slope * a[c]);
      }
      for (std::int64_t c = 0; dtarget != nullptr && c < d.classes; ++c) {
        dtarget[row * d.classes + c] =
            static_cast<T>(slope * a.weight(c) * a.kept * static_cast<double>(log_sums[row] - x[c]));
      }
    }
  });
}

namespace {

template <class T>
T* pointer_or_null(const Tensor& x) {
  return x.defined() ? x.device_data<T>() : nullptr;
}

// What a row of cross-entropy is computed from: one of ids and probabilities is undefined, and weights may be.
struct Operands {
  CrossEntropyDims dims;
  Tensor logits;
  Tensor ids;
  Tensor probabilities;
  Tensor weights;
};

Grads gradients_by_kernel(const Operands& o, const Tensor& log_sums, const Tensor& dlosses) {
  const Tensor dlogits = grad_like(o.logits);
  const Tensor dtarget = grad_like(o.probabilities);
  dispatch(Floats{}, "cross_entropy", o.logits, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template cross_entropy_backward<T>(
        context, o.dims, o.logits.device_data<T>(), pointer_or_null<std::int32_t>(o.ids),
        pointer_or_null<T>(o.probabilities), pointer_or_null<T>(o.weights), log_sums.device_data<T>(),
        dlosses.device_data<T>(), pointer_or_null<T>(dlogits), pointer_or_null<T>(dtarget));
  });
  return {dlogits, dtarget};
}

// The same gradients as ops, for gradients of gradients.
Grads gradients_as_ops(const Operands& o, const Tensor& dlosses) {
  const Tensor slope = reshape(dlosses, {o.dims.n, 1});
  const Tensor weight = o.weights.defined() ? o.weights : ones({}, {o.logits.dtype(), o.logits.device()});
  const Tensor q =
      o.probabilities.defined() ? o.probabilities : one_hot(o.ids, o.dims.classes, o.logits.dtype());
  const Tensor a =
      weight * (q * (1 - o.dims.smoothing) + o.dims.smoothing / static_cast<double>(o.dims.classes));
  const Tensor dlogits = slope * (softmax(o.logits) * sum(a, {1}, true) - a);
  const Tensor dtarget = slope * weight * (log_softmax(o.logits) * (o.dims.smoothing - 1));
  return {wants_grad(o.logits) ? dlogits : Tensor(), wants_grad(o.probabilities) ? dtarget : Tensor()};
}

}  // namespace

Tensor cross_entropy_rows(const Tensor& logits, const Tensor& targets, double smoothing,
                          const Tensor& weights) {
  const bool by_id = targets.dtype() == Dtype::i32;
  const Operands o{{logits.dim(0), logits.dim(1), smoothing},
                   logits,
                   by_id ? targets : Tensor(),
                   by_id ? Tensor() : targets,
                   weights.defined() ? weights.detach() : Tensor()};
  const TensorOptions like{logits.dtype(), logits.device()};
  const Tensor losses = empty({o.dims.n}, like);
  const Tensor log_sums = empty({o.dims.n}, like);
  dispatch(Floats{}, "cross_entropy", logits, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    on.template cross_entropy_forward<T>(context, o.dims, logits.device_data<T>(),
                                         pointer_or_null<std::int32_t>(o.ids),
                                         pointer_or_null<T>(o.probabilities), pointer_or_null<T>(o.weights),
                                         log_sums.device_data<T>(), losses.device_data<T>());
  });
  return record("cross_entropy", losses, {logits, o.probabilities},
                [=](const Tensor& dlosses, const Tensor&) -> Grads {
                  return records({dlosses, o.logits, o.probabilities})
                             ? gradients_as_ops(o, dlosses)
                             : gradients_by_kernel(o, log_sums, dlosses);
                },
                {.differentiable = true, .reads_output = false});
}

}  // namespace noyau::inline v0
