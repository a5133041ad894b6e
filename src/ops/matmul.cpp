#include "ops/matmul.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

#include "kernel_trace.h"
#include "memory.h"
#include "noyau/ops.h"
#include "noyau/parallel.h"
#include "ops/autocast.h"
#include "ops/conv2d_kernels.h"

namespace noyau::inline v0 {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

constexpr std::int64_t kFlopsPerPart = 1 << 17;  // what is worth waking a thread for
constexpr std::int64_t kFlopsOfLarge =
    1 << 23;  // a product this large is shared by threads, smaller ones of a batch are not
constexpr std::int64_t kRowsWorthPacking = 48;     // each packed element is read once for every few rows
constexpr std::int64_t kLinesWorthCopying = 2048;  // bytes from one row or column of a to the next
constexpr std::int64_t kRowBlock = 96;
constexpr std::int64_t kColumnBlock = 256;
constexpr std::int64_t kWantedItems = 16;

// Halves the blocks of c until there are enough of them to share.
template <class T>
void choose_blocks(Gemm<T>& g, std::int64_t panel) {
  g.row_block = std::min(g.m, kRowBlock);
  g.column_block = std::min(ceil_div(g.n, panel) * panel, kColumnBlock);
  while (ceil_div(g.m, g.row_block) * ceil_div(g.n, g.column_block) < kWantedItems) {
    if (g.column_block > panel)
      g.column_block = ceil_div(g.column_block / panel, 2) * panel;
    else if (g.row_block > 8)
      g.row_block = std::max<std::int64_t>(8, ceil_div(g.row_block, 2));
    else
      break;
  }
}

}  // namespace

template <class T>
void multiply(const MatmulDims& d, const T* a, const T* b, const ConvolutionEnd<T>& end) {
  if (d.m == 0 || d.n == 0) return;
  const IsaTable<T>& table = isa<T>();
  const std::int64_t panel = table.channels_per_block;
  const std::int64_t panels = ceil_div(d.n, panel);
  const bool pack = d.transpose_b || d.m >= kRowsWorthPacking;
  WorkBuffer<T> packed(pack ? panels * panel * d.k : 0);
  if (pack) {
    const std::int64_t b_row = d.transpose_b ? 1 : d.n;
    const std::int64_t b_column = d.transpose_b ? d.k : 1;
    parallel_for(panels, ceil_div(1 << 14, std::max<std::int64_t>(1, panel * d.k)),
                 [&](std::int64_t begin, std::int64_t stop) {
                   table.gemm_pack(d.k, d.n, b, b_row, b_column, begin, stop, packed.data());
                 });
  }
  Gemm<T> g{d.m,  d.n, d.k, a, d.transpose_a ? 1 : d.k, d.transpose_a ? d.m : 1, pack ? packed.data() : b,
            pack, end, 0,   0};
  choose_blocks(g, panel);
  const std::int64_t step = static_cast<std::int64_t>(sizeof(T)) * (d.transpose_a ? d.m : d.k);
  const std::int64_t copied = step < kLinesWorthCopying ? 0 : (g.row_block + 64) * (table.gemm_depth + 64);
  const std::int64_t flops = 2 * g.row_block * g.column_block * g.k;
  parallel_for(ceil_div(g.m, g.row_block) * ceil_div(g.n, g.column_block),
               ceil_div(kFlopsPerPart, std::max<std::int64_t>(1, flops)),
               [&](std::int64_t begin, std::int64_t stop) {
                 const WorkBuffer<T> scratch(copied);
                 table.gemm(g, begin, stop, copied == 0 ? nullptr : scratch.data());
               });
}

template void multiply(const MatmulDims&, const float*, const float*, const ConvolutionEnd<float>&);
template void multiply(const MatmulDims&, const double*, const double*, const ConvolutionEnd<double>&);

namespace {

// Matrices of `strides` before that of batch `index`.
std::int64_t batch_offset(const MatmulDims& d, const std::int64_t* strides, std::int64_t index) {
  std::int64_t offset = 0;
  for (int axis = d.rank - 1; axis >= 0; --axis) {
    offset += index % d.extents[axis] * strides[axis];
    index /= d.extents[axis];
  }
  return offset;
}

}  // namespace

// c[.., i, j] = bias[j] + sum over p of a[.., i, p] * b[.., p, j].
template <class T>
void Cpu::matmul(Context&, const MatmulDims& d, const T* a, const T* b, const T* bias, T* c) {
  trace_kernel("matmul/tile");
  std::int64_t batches = 1;
  for (int axis = 0; axis < d.rank; ++axis) batches *= d.extents[axis];
  const std::int64_t flops = std::max<std::int64_t>(1, 2 * d.m * d.n * d.k);
  const std::int64_t together = flops >= kFlopsOfLarge ? batches : ceil_div(kFlopsPerPart, flops);
  parallel_for(batches, together, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t batch = begin; batch < end; ++batch) {
      multiply(d, a + batch_offset(d, d.a_strides, batch) * d.m * d.k,
               b + batch_offset(d, d.b_strides, batch) * d.k * d.n, plain_end(bias, c + batch * d.m * d.n));
    }
  });
}

namespace {

Shape batch_axes(const Tensor& x) { return Shape(std::span(x.shape().begin(), x.shape().end() - 2)); }

void set_batch_strides(const Shape& batch, const Shape& operand, std::int64_t* strides) {
  std::int64_t stride = 1;
  for (int axis = batch.rank() - 1, from = operand.rank() - 1; axis >= 0; --axis, --from) {
    strides[axis] = from < 0 || operand[from] == 1 ? 0 : stride;
    if (from >= 0) stride *= operand[from];
  }
}

Tensor product(const char* op, const MatmulDims& d, const Shape& shape, const Tensor& a, const Tensor& b,
               const Tensor& bias) {
  const Tensor c = empty(shape, {a.dtype(), a.device()});
  dispatch(StoredFloats{}, op, a, [&](auto on, Context& context, auto type) {
    using T = typename decltype(type)::type;
    note_flops(2.0 * static_cast<double>(c.size()) * static_cast<double>(d.k));
    on.template matmul<T>(context, d, a.device_data<T>(), b.device_data<T>(),
                          bias.defined() ? bias.device_data<T>() : nullptr, c.device_data<T>());
  });
  return c;
}

// a b with either matrix transposed first: closed under differentiation, so no backward transposes anything in memory.
Tensor matmul_op(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  MatmulDims d{};
  d.transpose_a = transpose_a;
  d.transpose_b = transpose_b;
  d.m = a.dim(transpose_a ? -1 : -2);
  d.k = a.dim(transpose_a ? -2 : -1);
  d.n = b.dim(transpose_b ? -2 : -1);
  const Shape batch = broadcast_shapes("matmul", batch_axes(a), batch_axes(b));
  std::vector<std::int64_t> extents(batch.begin(), batch.end());
  extents.insert(extents.end(), {d.m, d.n});
  const bool flat = batch_axes(b).size() == 1 && batch_axes(a) == batch && !transpose_a;  // one tall product
  if (flat) {
    d.m *= batch.size();
  } else {
    d.rank = batch.rank();
    std::copy(batch.begin(), batch.end(), d.extents);
    set_batch_strides(batch, batch_axes(a), d.a_strides);
    set_batch_strides(batch, batch_axes(b), d.b_strides);
  }
  const Tensor c = product("matmul", d, Shape(extents), a, b, {});
  return record("matmul", c, {a, b},
                [=](const Tensor& dc, const Tensor&) -> Grads {
                  Grads grads(2);
                  if (wants_grad(a)) {
                    const Tensor da = transpose_a ? matmul_op(b, dc, transpose_b, true)
                                                  : matmul_op(dc, b, false, !transpose_b);
                    grads[0] = sum_to(da, a.shape());
                  }
                  if (wants_grad(b)) {
                    const Tensor db = transpose_b ? matmul_op(dc, a, true, transpose_a)
                                                  : matmul_op(a, dc, !transpose_a, false);
                    grads[1] = sum_to(db, b.shape());
                  }
                  return grads;
                },
                {.differentiable = true, .reads_output = false});
}

}  // namespace

Tensor matmul(const Tensor& a_, const Tensor& b_) {
  const Tensor a = product_operand("matmul", a_);
  const Tensor b = product_operand("matmul", b_);
  check_operands("matmul", {{"a", a}, {"b", b}});
  NOYAU_CHECK(b.defined(), "matmul: b is undefined");
  NOYAU_CHECK(a.rank() >= 2 && b.rank() >= 2, "matmul: operands must have two axes or more (a ", a.shape(),
              ", b ", b.shape(), ")");
  NOYAU_CHECK(a.dim(-1) == b.dim(-2), "matmul: a has ", a.dim(-1), " columns but b has ", b.dim(-2),
              " rows (a ", a.shape(), ", b ", b.shape(), ")");
  return matmul_op(a, b, false, false);
}

Tensor dense(const Tensor& x_, const Tensor& kernel_, const Tensor& bias_) {
  const Tensor x = product_operand("dense", x_);
  const Tensor kernel = product_operand("dense", kernel_);
  const Tensor bias = product_operand("dense", bias_);
  check_operands("dense", {{"x", x}, {"kernel", kernel}, {"bias", bias}});
  NOYAU_CHECK(kernel.defined(), "dense: kernel is undefined");
  NOYAU_CHECK(x.rank() >= 1, "dense: x has no axis");
  NOYAU_CHECK(kernel.rank() == 2, "dense: kernel must be [in, out], not ", kernel.shape());
  NOYAU_CHECK(x.dim(-1) == kernel.dim(0), "dense: x has ", x.dim(-1), " features but kernel expects ",
              kernel.dim(0), " (x ", x.shape(), ", kernel ", kernel.shape(), ")");
  const std::int64_t in = kernel.dim(0);
  const std::int64_t out = kernel.dim(1);
  NOYAU_CHECK(!bias.defined() || bias.shape() == Shape{out}, "dense: bias is ", bias.shape(),
              " but there are ", out, " outputs");
  if (x.rank() != 2) {
    std::vector<std::int64_t> extents(x.shape().begin(), x.shape().end());
    const std::int64_t rows =
        std::accumulate(extents.begin(), extents.end() - 1, std::int64_t{1}, std::multiplies<>());
    extents.back() = out;
    return reshape(dense(reshape(x, {rows, in}), kernel, bias), Shape(extents));
  }
  MatmulDims d{};
  d.m = x.dim(0);
  d.n = out;
  d.k = in;
  const Tensor y = product("dense", d, {d.m, d.n}, x, kernel, bias);
  return record("dense", y, {x, kernel, bias},
                [=](const Tensor& dy, const Tensor&) -> Grads {
                  return {wants_grad(x) ? matmul_op(dy, kernel, false, true) : Tensor(),
                          wants_grad(kernel) ? matmul_op(x, dy, true, false) : Tensor(),
                          bias.defined() && wants_grad(bias) ? sum_to(dy, bias.shape()) : Tensor()};
                },
                {.differentiable = true, .reads_output = false});
}

}  // namespace noyau::inline v0
