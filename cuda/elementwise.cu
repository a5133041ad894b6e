// Ops on two or three operands, each repeated as its strides say.
#include "accumulate.h"
#include "divide.h"
#include "elements.h"

namespace noyau::inline v0 {
namespace {

// Offsets of the operands at an element of the output.
struct Places {
  explicit Places(const BroadcastDims& dims) : d(dims) {
    for (int axis = 0; axis < d.rank; ++axis) {
      extents[axis] = Divider(d.extents[axis]);
      count *= d.extents[axis];
    }
  }

  __device__ void offsets(std::int64_t element, std::int64_t (&result)[BroadcastDims::kOperands]) const {
    for (int k = 0; k < BroadcastDims::kOperands; ++k) result[k] = 0;
    for (int axis = d.rank - 1; axis >= 0; --axis) {
      const std::int64_t index = axis == 0 ? element : extents[axis].split(element);
      for (int k = 0; k < BroadcastDims::kOperands; ++k) result[k] += index * d.strides[k][axis];
    }
  }

  BroadcastDims d;
  Divider extents[BroadcastDims::kMaxRank];
  std::int64_t count = 1;
};

template <BinaryOp op, class T>
__device__ T applied(T p, T q) {
  if constexpr (op == BinaryOp::add) return p + q;
  if constexpr (op == BinaryOp::sub) return p - q;
  if constexpr (op == BinaryOp::mul) return p * q;
  if constexpr (op == BinaryOp::div) return p / q;
  if constexpr (op == BinaryOp::minimum) return p < q || p != p ? p : q;
  if constexpr (op == BinaryOp::maximum) return p > q || p != p ? p : q;
}

// y[i] = op(a[i], b[i])
template <BinaryOp op, class T>
struct Binary {
  Places places;
  const T* a;
  const T* b;
  T* y;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t at[BroadcastDims::kOperands];
    places.offsets(i, at);
    y[i] = narrow<T>(applied<op>(widen(a[at[0]]), widen(b[at[1]])));
  }
};

// y[i] = op(a[i], b[i]) where nothing is repeated
template <BinaryOp op, class T>
struct DenseBinary {
  const T* a;
  const T* b;
  T* y;
  __device__ void operator()(std::int64_t i) const {
    y[i] = narrow<T>(applied<op>(widen(a[i]), widen(b[i])));
  }
};

// y[i] = op(a[i], b)
template <BinaryOp op, class T>
struct BinaryScalar {
  const T* a;
  accumulate_t<T> b;
  T* y;
  __device__ void operator()(std::int64_t i) const { y[i] = narrow<T>(applied<op>(widen(a[i]), b)); }
};

template <BinaryOp op>
struct BinaryTag {
  static constexpr BinaryOp value = op;
};

template <class Visit>
void with_op(BinaryOp op, Visit visit) {
  switch (op) {
    case BinaryOp::add:
      return visit(BinaryTag<BinaryOp::add>{});
    case BinaryOp::sub:
      return visit(BinaryTag<BinaryOp::sub>{});
    case BinaryOp::mul:
      return visit(BinaryTag<BinaryOp::mul>{});
    case BinaryOp::div:
      return visit(BinaryTag<BinaryOp::div>{});
    case BinaryOp::minimum:
      return visit(BinaryTag<BinaryOp::minimum>{});
    case BinaryOp::maximum:
      return visit(BinaryTag<BinaryOp::maximum>{});
  }
}

// y[i] = op(a[i], b[i])
template <class T>
struct Compare {
  Places places;
  CompareOp op;
  const T* a;
  const T* b;
  std::uint8_t* y;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t at[BroadcastDims::kOperands];
    places.offsets(i, at);
    const accumulate_t<T> p = widen(a[at[0]]);
    const accumulate_t<T> q = widen(b[at[1]]);
    y[i] = (op == CompareOp::less ? p < q : p == q) ? 1 : 0;
  }
};

// y[i] = condition[i] ? a[i] : b[i]
template <class T>
struct Select {
  Places places;
  const std::uint8_t* condition;
  const T* a;
  const T* b;
  T* y;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t at[BroadcastDims::kOperands];
    places.offsets(i, at);
    y[i] = condition[at[0]] != 0 ? a[at[1]] : b[at[2]];
  }
};

// y[i] = x[i's place before repetition]
template <class T>
struct Broadcast {
  Places places;
  const T* x;
  T* y;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t at[BroadcastDims::kOperands];
    places.offsets(i, at);
    y[i] = x[at[0]];
  }
};

}  // namespace

template <class T>
void Cuda::binary(Context& context, BinaryOp op, const BroadcastDims& dims, const T* a, const T* b, T* y) {
  const Places places(dims);
  const bool dense = dims.rank == 1 && dims.strides[0][0] == 1 && dims.strides[1][0] == 1;
  with_op(op, [&](auto tag) {
    if (dense)
      launch_elements(context, places.count, DenseBinary<decltype(tag)::value, T>{a, b, y});
    else
      launch_elements(context, places.count, Binary<decltype(tag)::value, T>{places, a, b, y});
  });
}

template <class T>
void Cuda::binary_scalar(Context& context, BinaryOp op, std::int64_t count, const T* a, accumulate_t<T> b,
                         T* y) {
  with_op(op, [&](auto tag) {
    launch_elements(context, count, BinaryScalar<decltype(tag)::value, T>{a, b, y});
  });
}

template <class T>
void Cuda::compare(Context& context, CompareOp op, const BroadcastDims& dims, const T* a, const T* b,
                   std::uint8_t* y) {
  const Places places(dims);
  launch_elements(context, places.count, Compare<T>{places, op, a, b, y});
}

template <class T>
void Cuda::select(Context& context, const BroadcastDims& dims, const std::uint8_t* condition, const T* a,
                  const T* b, T* y) {
  const Places places(dims);
  launch_elements(context, places.count, Select<T>{places, condition, a, b, y});
}

template <class T>
void Cuda::broadcast(Context& context, const BroadcastDims& dims, const T* x, T* y) {
  const Places places(dims);
  launch_elements(context, places.count, Broadcast<T>{places, x, y});
}

template decltype(Cuda::binary<float>) Cuda::binary<float>;
template decltype(Cuda::binary<double>) Cuda::binary<double>;
template decltype(Cuda::binary<half>) Cuda::binary<half>;
template decltype(Cuda::binary<bfloat16>) Cuda::binary<bfloat16>;
template decltype(Cuda::binary_scalar<float>) Cuda::binary_scalar<float>;
template decltype(Cuda::binary_scalar<double>) Cuda::binary_scalar<double>;
template decltype(Cuda::binary_scalar<half>) Cuda::binary_scalar<half>;
template decltype(Cuda::binary_scalar<bfloat16>) Cuda::binary_scalar<bfloat16>;
template decltype(Cuda::compare<float>) Cuda::compare<float>;
template decltype(Cuda::compare<double>) Cuda::compare<double>;
template decltype(Cuda::compare<half>) Cuda::compare<half>;
template decltype(Cuda::compare<bfloat16>) Cuda::compare<bfloat16>;
template decltype(Cuda::compare<std::int32_t>) Cuda::compare<std::int32_t>;
template decltype(Cuda::compare<std::uint8_t>) Cuda::compare<std::uint8_t>;
template decltype(Cuda::select<float>) Cuda::select<float>;
template decltype(Cuda::select<double>) Cuda::select<double>;
template decltype(Cuda::select<half>) Cuda::select<half>;
template decltype(Cuda::select<bfloat16>) Cuda::select<bfloat16>;
template decltype(Cuda::select<std::int32_t>) Cuda::select<std::int32_t>;
template decltype(Cuda::select<std::uint8_t>) Cuda::select<std::uint8_t>;
template decltype(Cuda::broadcast<float>) Cuda::broadcast<float>;
template decltype(Cuda::broadcast<double>) Cuda::broadcast<double>;
template decltype(Cuda::broadcast<half>) Cuda::broadcast<half>;
template decltype(Cuda::broadcast<bfloat16>) Cuda::broadcast<bfloat16>;

}  // namespace noyau::inline v0
