#include <cstring>

#include "catch2.h"
#include "device_array.h"
#include "kernels.h"

namespace {

// Which kernel of two races is reported, and in which order blocks run, is fixed by one CPU thread.
struct OneCpuThread {
  OneCpuThread() { simt::set_cpu_threads(1); }
  ~OneCpuThread() { simt::set_cpu_threads(2); }
};

void must_report(std::span<const Kernel> kernels) {
  const OneCpuThread one;
  for (const Kernel& kernel : kernels) {
    if (kernel.by_access && !simt::checking()) continue;
    INFO(kernel.name);
    const DeviceArray<int> out(std::vector<int>(kElements, 0));
    REQUIRE_THROWS_WITH(kernel.run(out.data()), ContainsSubstring(kernel.report));
  }
}

}  // namespace

TEST_CASE("barriers that threads miss are reported", "[fast][simt]") { must_report(broken_barriers()); }
TEST_CASE("lanes that disagree are reported", "[fast][simt]") { must_report(broken_warps()); }
TEST_CASE("accesses that race or leave memory are reported", "[fast][simt]") {
  must_report(broken_accesses());
}

TEST_CASE("after a report, the next kernel runs", "[fast][simt]") {
  for (const Kernel& kernel : broken_barriers()) {
    const DeviceArray<int> out(std::vector<int>(kElements, 0));
    CHECK_THROWS(kernel.run(out.data()));
    CHECK_NOTHROW(correct_kernels()[0].run(out.data()));
  }
}

TEST_CASE("correct kernels pass and give the same bits in every order", "[fast][simt]") {
  for (const Kernel& kernel : correct_kernels()) {
    INFO(kernel.name);
    const auto run = [&] {
      const DeviceArray<int> out(std::vector<int>(kElements, 0));
      kernel.run(out.data());
      const std::vector<int> host = out.host();
      std::vector<unsigned char> bytes(host.size() * sizeof(int));
      std::memcpy(bytes.data(), host.data(), bytes.size());
      return bytes;
    };
    CHECK(simt::compare_orders(run) == "");
  }
}

TEST_CASE("a result that depends on the order is reported even without checks", "[fast][simt]") {
  const OneCpuThread one;
  const bool checked = simt::checking();
  simt::set_checking(false);
  const auto run = [&] {
    const DeviceArray<int> out(std::vector<int>(kElements, 0));
    broken_accesses()[2].run(out.data());  // missing_second_barrier
    const std::vector<int> host = out.host();
    return std::vector<unsigned char>(host.begin(), host.end());
  };
  CHECK_THAT(simt::compare_orders(run),
             ContainsSubstring("simt: order reverse gives another result than forward"));
  simt::set_checking(checked);
}

TEST_CASE("an unknown order is refused", "[fast][simt]") {
  CHECK_THROWS_WITH(
      simt::set_order("sideways"),
      "simt: order is 'sideways' (NOYAU_SIMT_ORDER); expected forward, reverse or shuffle:SEED");
}

TEST_CASE("kernels are not given host memory, or memory that is freed", "[fast][simt]") {
  if (!simt::checking()) return;
  std::vector<int> host(kElements);
  CHECK_THROWS_WITH(correct_kernels()[0].run(host.data()),
                    ContainsSubstring("memory that is not the device's"));
  int* freed = nullptr;
  cudaMalloc(&freed, kElements * sizeof(int));
  cudaFree(freed);
  CHECK_THROWS_WITH(correct_kernels()[0].run(freed), ContainsSubstring("which is freed"));
}
