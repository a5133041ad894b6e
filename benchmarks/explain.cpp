// Seconds of three explanations on the reference network with random weights, as JSON:
// Grad-CAM++ of 1000 images, integrated gradients (50 steps) of 100, occlusion (4x4, stride 2) of 100. The best of
// three runs, or of as many as the first argument says.
#include "noyau/explain.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "noyau/models.h"
#include "noyau/parallel.h"

namespace {

template <class F>
double best_seconds(int runs, F&& f) {
  double best = 1e300;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 3;
  noyau::seed(1);
  noyau::Sequential net = noyau::make_model("reference");
  net.train(false);
  const noyau::Tensor many = noyau::normal({1000, 32, 32, 3}, 0, 1);
  const noyau::Tensor some = slice(many, 0, 0, 100);
  const double cam = best_seconds(runs, [&] { (void)grad_cam_pp(net, many); });
  const double path = best_seconds(runs, [&] { (void)integrated_gradients(net, some, {.steps = 50}); });
  const double hidden = best_seconds(runs, [&] { (void)occlusion(net, some, {.window = 4, .stride = 2}); });
  std::printf("{\"threads\": %d, \"cam\": %.4f, \"ig\": %.4f, \"occlusion\": %.4f}\n", noyau::num_threads(),
              cam, path, hidden);
}
