// Tells two interleaved spirals apart: a network of one's own with nothing but an installed noyau.
#include <noyau/noyau.h>

#include <cmath>
#include <cstdio>

namespace ny = noyau;

int main() {
  ny::seed(1);
  const int count = 400;
  std::vector<float> points;
  std::vector<std::int32_t> classes;
  for (int i = 0; i < count; ++i) {
    const float turn = 9.0F * static_cast<float>(i) / count;
    const float side = i % 2 == 0 ? 1.0F : -1.0F;
    points.insert(points.end(), {side * turn * std::cos(turn) / 9, side * turn * std::sin(turn) / 9});
    classes.push_back(i % 2);
  }
  const ny::Tensor x = ny::from_vector(points, {count, 2});
  const ny::Tensor labels = ny::from_vector(classes, {count});

  ny::Sequential net(ny::Dense(2, 64), ny::Relu(), ny::Dense(64, 64), ny::Relu(), ny::Dense(64, 2));
  ny::Adam adam(net.parameters(), {.rate = 0.01});
  for (int step = 0; step < 500; ++step) adam.minimize(ny::cross_entropy(net(x), labels));

  const ny::Tensor hits = ny::equal_to(ny::argmax(net(x)), labels);
  const double accuracy = ny::mean(hits.to(ny::Dtype::f64)).item<double>();
  std::printf("accuracy on the training points: %.1f %%\n", 100 * accuracy);
  return accuracy > 0.95 ? 0 : 1;
}
