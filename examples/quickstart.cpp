// A network of one's own, trained on photographs: CIFAR-10 if it is found, else the articles of Fashion-MNIST.
// usage: quickstart [DATA_FOLDER]
// You should see the loss fall below 1.3 and a test accuracy above 60 % after two epochs of CIFAR-10.
#include <noyau/noyau.h>

#include <cstdio>

namespace ny = noyau;

int main(int argc, char** argv) try {
  ny::seed(1);
  const ny::Split data = ny::load_dataset("auto", argc > 1 ? argv[1] : "");
  const ny::DataInfo& info = data.train.info();
  const ny::Loader train(data.train, {.batch = 64, .shuffle = true, .augment = ny::flip() | ny::pad_crop(4)});

  ny::Sequential net(ny::Conv2d(info.channels, 32, 3), ny::BatchNorm(32), ny::Relu(), ny::MaxPool(2),
                     ny::Conv2d(32, 64, 3), ny::BatchNorm(64), ny::named("last", ny::Relu()),
                     ny::GlobalAveragePool(), ny::Dense(64, static_cast<std::int64_t>(info.classes.size())));

  ny::Sgd sgd(net.parameters(), {.rate = 0.05, .momentum = 0.9});
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (const ny::Batch& batch : train.epoch(epoch))
      sgd.minimize(ny::cross_entropy(net(batch.images), batch.labels));
    const ny::Evaluation test = ny::evaluate(net, data.test);
    std::printf("epoch %d: test loss %.3f, accuracy %.1f %%\n", epoch + 1, test.loss, 100 * test.accuracy);
  }
  ny::save("net.safetensors", net, info);
} catch (const ny::Error& error) {
  std::fprintf(stderr, "quickstart: %s\n", error.what());
  return 1;
}
