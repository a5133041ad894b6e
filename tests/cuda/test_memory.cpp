// Tensors on a CUDA device: copies, views and memory.
#include "cuda/compare.h"

using namespace noyau;
using namespace noyau::testing;

TEST_CASE("tensors move between CPU and CUDA", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({3, 5});
  const Tensor there = x.to("cuda");
  CHECK(message(there) == "f32 [3, 5] on cuda:0");
  CHECK(equal(there.to("cpu"), x));
  CHECK(equal(there[1].to("cpu"), x[1]));  // a view begins inside the storage
  CHECK(equal(there.clone().to("cpu"), x));
  CHECK(there.to_vector<float>() == x.to_vector<float>());
  CHECK(there[2][4].item<float>() == x.data<float>()[14]);
  there[0].copy_from(x[2]);
  CHECK(equal(there[0].to("cpu"), x[2]));
  CHECK(zeros({0, 3}, {Dtype::f32, "cuda"}).to("cpu").size() == 0);
  CHECK_THROWS_WITH(there.data<float>(),
                    ContainsSubstring("elements are on cuda:0; copy them with .to(\"cpu\")"));
  CHECK_THROWS_WITH(there + x, ContainsSubstring("operands on different devices (a on cuda:0, b on cpu)"));
}

TEST_CASE("gradients flow through moves between devices", "[cuda][fast]") {
  if (!has_cuda()) return;
  const Tensor x = random_f32({4}).set_requires_grad(true);
  backward(sum(x.to("cuda") * 3.0).to("cpu") * 2.0);
  CHECK(equal(x.grad(), full({4}, 6)));
}

TEST_CASE("device memory is reused and counted", "[cuda][fast]") {
  if (!has_cuda()) return;
  const MemoryUse before = memory_use("cuda");
  { const Tensor x = empty({1 << 18}, {Dtype::f32, "cuda"}); }
  const MemoryUse after = memory_use("cuda");
  CHECK(after.live == before.live);
  CHECK(after.cached >= (1 << 20));
  const Tensor again = empty({1 << 18}, {Dtype::f32, "cuda"});
  CHECK(memory_use("cuda").cached == after.cached - (1 << 20));
  CHECK(memory_use("cuda").live == before.live + (1 << 20));
}

TEST_CASE("what a device has no room for is refused with the facts", "[cuda][fast]") {
  if (!has_cuda()) return;
  CHECK_THROWS_WITH(empty({std::int64_t{1} << 46}, {Dtype::f32, "cuda"}),
                    ContainsSubstring("cuda:0: no room for 268435456 MiB (tensors hold "));
  CHECK_THROWS_WITH(zeros({1}, {Dtype::f32, "cuda:63"}), ContainsSubstring("there are only"));
}
