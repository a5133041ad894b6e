#include "catch2.h"
#include "noyau/noyau.h"
#include "sanitizers.h"

#if defined(__linux__)
#include <sys/resource.h>
#endif

namespace ny = noyau;

TEST_CASE("memory in use returns to where it was, and the peak stays", "[fast]") {
  const std::int64_t before = ny::memory_use().live;
  ny::reset_peak_memory();
  { const ny::Tensor x = ny::zeros({1 << 20}); }
  REQUIRE(ny::memory_use().live == before);
  REQUIRE(ny::memory_use().peak >= before + (4 << 20));
}

#if defined(__linux__)
namespace {

long page_faults() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return use.ru_minflt;
}

}  // namespace

TEST_CASE("a training step in its steady state asks the system for no memory", "[fast]") {
  if (kAddressSanitizer || kThreadSanitizer) return;  // they touch memory of their own
  ny::seed(1);
  const ny::Sequential net(ny::ConvBlock(3, 16, 3), ny::ConvBlock(16, 32, 3, {.pool = true, .dropout = 0.2}),
                           ny::Flatten(), ny::Dense(2048, 64), ny::Relu(), ny::Dropout(0.5),
                           ny::Dense(64, 10));
  ny::Sgd sgd(net.parameters(), {.rate = 0.01, .momentum = 0.9});
  const ny::Tensor images = ny::normal({32, 16, 16, 3}, 0, 1);
  const ny::Tensor labels = ny::from_vector(std::vector<std::int32_t>(32, 3), {32});
  const auto steps = [&](int count) {
    for (int i = 0; i < count; ++i) sgd.minimize(ny::cross_entropy(net(images), labels));
  };
  steps(5);
  const long before = page_faults();
  constexpr int kSteps = 10;
  steps(kSteps);
  // A step writes ten megabytes, 2500 pages: what faults now is not the tensors'.
  REQUIRE(page_faults() - before < 20 * kSteps);
}

TEST_CASE("a network in evaluation asks the system for no memory either", "[fast]") {
  if (kAddressSanitizer || kThreadSanitizer) return;
  // Outputs of many sizes, whose blocks are all kept though few are in use at once.
  const ny::Sequential net(ny::Conv2d(3, 32, 3), ny::Relu(), ny::Conv2d(32, 32, 3), ny::MaxPool(2),
                           ny::Conv2d(32, 64, 3), ny::MaxPool(2), ny::Conv2d(64, 64, 3), ny::MaxPool(2),
                           ny::Flatten(), ny::Dense(1024, 10));
  const ny::Tensor images = ny::normal({16, 32, 32, 3}, 0, 1);
  const ny::NoGrad off;
  for (int i = 0; i < 3; ++i) net(images);
  const long before = page_faults();
  for (int i = 0; i < 10; ++i) net(images);
  REQUIRE(page_faults() - before < 200);
}
#endif
