// y[i] = f(x[i]) and dx[i] = dy[i] * f'(v[i]), where v is x or y as in src/ops/unary.h.
#include "accumulate.h"
#include "unary.h"

namespace noyau::inline v0 {
namespace {

template <UnaryOp op, class T>
struct Forward {
  UnaryParameters<accumulate_t<T>> p;
  const T* x;
  T* y;
  __device__ void operator()(std::int64_t i) const { y[i] = narrow<T>(value_of<op>(widen(x[i]), p)); }
};

template <UnaryOp op, class T>
struct Backward {
  UnaryParameters<accumulate_t<T>> p;
  const T* dy;
  const T* v;
  T* dx;
  __device__ void operator()(std::int64_t i) const {
    dx[i] = narrow<T>(widen(dy[i]) * slope_of<op>(widen(v[i]), p));
  }
};

constexpr int kUnaryOps = static_cast<int>(UnaryOp::clamp) + 1;

template <int number>
struct UnaryTag {
  static constexpr UnaryOp value = static_cast<UnaryOp>(number);
};

template <class Visit, int... number>
void with_op(UnaryOp op, Visit visit, std::integer_sequence<int, number...>) {
  ((op == UnaryTag<number>::value ? visit(UnaryTag<number>{}) : void()), ...);
}

}  // namespace

template <class T>
void Cuda::unary_forward(Context& context, UnaryOp op, UnaryParameters<accumulate_t<T>> p, std::int64_t count,
                         const T* x, T* y) {
  with_op(
      op,
      [&](auto tag) {
        launch_elements(context, count, Forward<decltype(tag)::value, T>{p, x, y});
      },
      std::make_integer_sequence<int, kUnaryOps>{});
}

template <class T>
void Cuda::unary_backward(Context& context, UnaryOp op, UnaryParameters<accumulate_t<T>> p,
                          std::int64_t count, const T* dy, const T* v, T* dx) {
  with_op(
      op,
      [&](auto tag) {
        launch_elements(context, count, Backward<decltype(tag)::value, T>{p, dy, v, dx});
      },
      std::make_integer_sequence<int, kUnaryOps>{});
}

template decltype(Cuda::unary_forward<float>) Cuda::unary_forward<float>;
template decltype(Cuda::unary_forward<double>) Cuda::unary_forward<double>;
template decltype(Cuda::unary_forward<half>) Cuda::unary_forward<half>;
template decltype(Cuda::unary_forward<bfloat16>) Cuda::unary_forward<bfloat16>;
template decltype(Cuda::unary_backward<float>) Cuda::unary_backward<float>;
template decltype(Cuda::unary_backward<double>) Cuda::unary_backward<double>;
template decltype(Cuda::unary_backward<half>) Cuda::unary_backward<half>;
template decltype(Cuda::unary_backward<bfloat16>) Cuda::unary_backward<bfloat16>;

}  // namespace noyau::inline v0
