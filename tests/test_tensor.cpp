#include <cmath>

#include "backend.h"
#include "catch2.h"
#include "noyau/ops.h"
#include "noyau/tensor.h"
#include "ops/check.h"

using namespace noyau;

TEST_CASE("tensors are made with the elements asked for", "[fast]") {
  CHECK(zeros({2, 3}).to_vector<float>() == std::vector<float>(6, 0.0f));
  CHECK(ones({2}, {Dtype::f64}).to_vector<double>() == std::vector<double>{1, 1});
  CHECK(full({}, 2.5).item<double>() == 2.5);
  CHECK(full({2}, 7, {Dtype::i32}).to_vector<std::int32_t>() == std::vector<std::int32_t>{7, 7});
  CHECK(arange(3, {Dtype::i32}).to_vector<std::int32_t>() == std::vector<std::int32_t>{0, 1, 2});
  CHECK(tensor({1, 2}).shape() == Shape{2});
  CHECK(empty({2, 0}).size() == 0);
  CHECK(from_vector<std::uint8_t>({3, 4}, {2, 1}).dim(0) == 2);
}

TEST_CASE("conversions between dtypes", "[fast]") {
  const Tensor x = tensor({-1.75, 0.5, 300.25});
  CHECK(x.to(Dtype::i32).to_vector<std::int32_t>() == std::vector<std::int32_t>{-1, 0, 300});
  CHECK(equal(x.to(Dtype::f64).to(Dtype::f32), x));
  CHECK(equal(x.to(Dtype::f16).to(Dtype::f32), x));
  CHECK(tensor({1.0078125, 1.00390625}).to(Dtype::bf16).to(Dtype::f32).to_vector<float>() ==
        std::vector<float>{1.0078125f, 1.0f});  // the second lies halfway and goes to the even one
  CHECK(x.to(Dtype::f32).shares_storage(x));
  check_gradients([](const std::vector<Tensor>& v) { return (v[0] * v[0]).to(Dtype::f64); },
                  {random_f64({3}, 1)});
  const Tensor leaf = tensor({2}).set_requires_grad(true);
  CHECK(grad(leaf.to(Dtype::f64) * 3.0, {leaf})[0].dtype() == Dtype::f32);
}

TEST_CASE("rows are views with gradients", "[fast]") {
  const Tensor x = reshape(arange(6), {2, 3});
  const Tensor row = x[1];
  CHECK(row.shares_storage(x));
  CHECK(equal(row, tensor({3, 4, 5})));
  row.mutable_data<float>()[0] = 9;
  CHECK(x.data<float>()[3] == 9);
  CHECK(x[1][2].item<int>() == 5);
  const Tensor leaf = ones({2, 2}, {Dtype::f64}).set_requires_grad(true);
  CHECK(equal(grad(sum(leaf[1] * 3.0), {leaf})[0], from_vector<double>({0, 0, 3, 3}, {2, 2})));
}

TEST_CASE("copies, clones and detached handles", "[fast]") {
  const Tensor x = tensor({1, 2}).set_requires_grad(true);
  CHECK_FALSE(x.clone().shares_storage(x));
  CHECK_FALSE(x.clone().requires_grad());
  CHECK(x.detach().shares_storage(x));
  const std::uint64_t version = x.version();
  x.copy_from(tensor({3, 4}));
  CHECK(x.version() > version);
  CHECK(equal(x, tensor({3, 4})));
  CHECK_THROWS_WITH(x.copy_from(tensor({1})),
                    ContainsSubstring("copy: destination is f32 [2] on cpu but source is f32 [1]"));
}

TEST_CASE("equal and all_close", "[fast]") {
  const Tensor x = tensor({1, 2});
  CHECK(equal(x, x.clone()));
  CHECK_FALSE(equal(x, x.to(Dtype::f64)));
  CHECK_FALSE(equal(x, tensor({1, 2, 3})));
  CHECK_FALSE(equal(tensor({std::nan("")}), tensor({std::nan("")})));
  CHECK(all_close(x, tensor({1.000001, 2})));
  CHECK_FALSE(all_close(x, tensor({1.001, 2})));
  CHECK_FALSE(all_close(tensor({std::nan("")}), tensor({1}), 1e9, 1e9));
  CHECK(all_close(tensor({INFINITY}), tensor({INFINITY})));
  CHECK_FALSE(all_close(tensor({1}), tensor({INFINITY})));
}

TEST_CASE("tensors print shape, dtype, device and six values an axis", "[fast]") {
  CHECK(message(zeros({8, 10})) == "f32 [8, 10] on cpu");
  CHECK(message(Tensor()) == "undefined tensor");
  CHECK(to_string(tensor({1, 2.5})) == "f32 [2] on cpu\n[1, 2.5]");
  CHECK(to_string(full({}, 3, {Dtype::i32})) == "i32 [] on cpu\n3");
  CHECK_THAT(to_string(arange(7)), ContainsSubstring("[0, 1, 2, 3, 4, 5, ...]"));
}

TEST_CASE("devices parse", "[fast]") {
  CHECK(Device("cpu") == Device());
  CHECK(Device("cuda:1").index == 1);
  CHECK(message(Device("cuda")) == "cuda:0");
  CHECK_THROWS_WITH(Device("gpu"),
                    ContainsSubstring("device: unknown device 'gpu'; give cpu, cuda or cuda:INDEX"));
  CHECK_THROWS_WITH(Device("cuda:x"), ContainsSubstring("device: bad index in 'cuda:x'"));
}

TEST_CASE("a device that is not there is refused in one line", "[fast]") {
  if (device_count(Device::Kind::cuda) > 0) return;
  const char* const why = kHasCuda ? "cuda:0: " : "this build of noyau has no CUDA backend";
  CHECK_THROWS_WITH(zeros({1}, {Dtype::f32, "cuda"}), ContainsSubstring(why));
  CHECK_THROWS_WITH(ones({2}).to("cuda"), ContainsSubstring(why));
  CHECK_THROWS_WITH(synchronize("cuda"), ContainsSubstring(why));
}

TEST_CASE("memory in use is counted for each device", "[fast]") {
  const std::int64_t before = memory_use("cpu").live;
  const Tensor x = zeros({1000});
  CHECK(memory_use("cpu").live >= before + 4000);
  CHECK(device_count(Device::Kind::cpu) == 1);
}

TEST_CASE("tensor errors say what is wrong", "[fast]") {
  const Tensor x = zeros({2, 3});
  CHECK_THROWS_WITH(x.data<double>(), ContainsSubstring("tensor: elements are f32, not f64"));
  CHECK_THROWS_WITH(Tensor().shape(), ContainsSubstring("tensor: undefined"));
  CHECK_THROWS_WITH(x.item<float>(), ContainsSubstring("item: tensor has 6 elements ([2, 3]), not 1"));
  CHECK_THROWS_WITH(x[2], ContainsSubstring("tensor: row 2 is out of range for [2, 3]"));
  CHECK_THROWS_WITH(zeros({})[0], ContainsSubstring("tensor: a scalar has no rows"));
  CHECK_THROWS_WITH(from_vector<float>({1, 2}, {3}),
                    ContainsSubstring("from_vector: 2 values for shape [3]"));
}

TEST_CASE("memory_use counts tensors", "[fast]") {
  const MemoryUse before = memory_use();
  reset_peak_memory();
  {
    const Tensor x = empty({1 << 18});
    CHECK(memory_use().live - before.live >= (1 << 20));
    CHECK(memory_use().live - before.live < (1 << 20) * 5 / 4 + 4096);
    const Tensor view = reshape(x, {1 << 9, 1 << 9});
    CHECK(memory_use().live - before.live < (1 << 20) * 5 / 4 + 4096);
  }
  CHECK(memory_use().live == before.live);
  CHECK(memory_use().peak - before.live >= (1 << 20));
  reset_peak_memory();
  CHECK(memory_use().peak == memory_use().live);
  release_cached_memory();
  CHECK(memory_use().cached == 0);
}
