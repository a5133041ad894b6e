#include "common/calibrate.h"

#include <algorithm>

#include "common/progress.h"

namespace programs {
namespace {

constexpr double kEnough = 0.1;  // seconds of timed work

noyau::Sequential network_on_device(const Settings& settings, const noyau::Dataset& images) {
  noyau::Sequential network = make_network(settings, images);
  network.to(noyau::Device(settings.device));
  return network;
}

double train_seconds(const Settings& settings, const noyau::Dataset& images) {
  noyau::Sequential network = network_on_device(settings, images);
  const auto optimizer = make_optimizer(settings, network);
  const noyau::FitOptions options = fit_options(settings, images);
  const noyau::Loader loader(images, {.batch = std::min(settings.batch, images.size()),
                                      .augment = options.augment,
                                      .device = options.device});
  std::int64_t done = -1;  // the first batch warms up
  Stopwatch clock;
  for (const noyau::Batch& batch : loader.epoch(0)) {
    const noyau::Autocast products(options.precision);
    optimizer->minimize(noyau::cross_entropy(network(batch.images), batch.labels));
    noyau::synchronize(options.device);
    if (++done == 0) clock = Stopwatch();
    if (clock.seconds() > kEnough && done > 0) break;
  }
  if (done == 0) return 0;
  return clock.seconds() / static_cast<double>(done * loader.options().batch);
}

double evaluate_seconds(const Settings& settings, const noyau::Dataset& images) {
  noyau::Sequential network = network_on_device(settings, images);
  const noyau::PredictOptions options{.device = noyau::Device(settings.device)};
  const noyau::Dataset some = images.first(250);
  noyau::predict(network, some, options);
  const Stopwatch clock;
  noyau::predict(network, some, options);
  return clock.seconds() / static_cast<double>(some.size());
}

double views(const std::string& tta) { return tta == "none" ? 1 : tta == "flip" ? 2 : 6; }

}  // namespace

Costs measure_costs(const Settings& settings, const noyau::Split& split) {
  return {.train = train_seconds(settings, split.train), .evaluate = evaluate_seconds(settings, split.train)};
}

double predicted_seconds(const Costs& costs, const Settings& settings, const noyau::Split& split) {
  const auto epochs = static_cast<double>(settings.epochs);
  const double train = costs.train * static_cast<double>(split.train.size());
  const double validation = costs.evaluate * static_cast<double>(split.validation.size());
  const double test = costs.evaluate * static_cast<double>(split.test.size()) * views(settings.tta);
  return epochs * (train + validation) + test;
}

}  // namespace programs
