#include "inspect/watch.h"

#include <algorithm>

#include "nn/observer.h"
#include "noyau/names.h"
#include "noyau/sequential.h"

namespace noyau::inline v0::inspect {
namespace {

struct Reached {};  // thrown by Until, caught by run_until()

class Until : public Observer {
 public:
  explicit Until(const Module* target) : target_(target) {}

  Tensor output(const Module& module, const Tensor& y) override {
    if (&module != target_) return y;
    found_ = y;
    throw Reached();
  }
  bool watches(const Module& module) const override { return &module == target_; }
  const Tensor& found() const { return found_; }

 private:
  const Module* target_;
  Tensor found_;
};

std::vector<std::string> names_of(const Network& network) {
  std::vector<std::string> names;
  for (const NamedModule& inside : network.module().modules()) names.push_back(inside.name);
  return names;
}

const Module* find(const Network& network, const std::string& layer) {
  for (const NamedModule& inside : network.module().modules())
    if (inside.name == layer) return inside.module;
  std::vector<std::string> known = names_of(network);
  known.insert(known.begin(), {"input", "output"});
  fail_unknown("inspect", "layer", layer, known);
}

}  // namespace

bool is_end(const Network& network, std::string_view layer, std::string_view end) {
  if (layer != end) return false;
  const std::vector<std::string> names = names_of(network);
  return std::find(names.begin(), names.end(), layer) == names.end();
}

std::vector<Tensor> watch(const Network& network, const Tensor& x, const std::vector<std::string>& layers) {
  std::vector<std::string> inside;
  for (const std::string& layer : layers) {
    if (is_end(network, layer, "input") || is_end(network, layer, "output")) continue;
    find(network, layer);
    inside.push_back(layer);
  }
  const Tapped tapped = detail::tap(
      network.module(), [&] { return network(x); }, inside);
  std::vector<Tensor> found;
  auto next = tapped.taps.begin();
  for (const std::string& layer : layers) {
    if (is_end(network, layer, "input")) {
      found.push_back(x);
    } else {
      found.push_back(is_end(network, layer, "output") ? tapped.output : *next++);
    }
  }
  return found;
}

Tensor run_until(const Network& network, const Tensor& x, const std::string& layer) {
  if (is_end(network, layer, "input")) return x;
  if (is_end(network, layer, "output")) return network(x);
  Until until(find(network, layer));
  const Observing scope(until);
  try {
    network(x);
  } catch (const Reached&) {
    return until.found();
  }
  fail("inspect: layer '", layer, "' did not run");
}

Tensor matrix(const Tensor& x, const char* what) {
  NOYAU_CHECK(x.defined() && x.rank() == 2, what, ": features must be [n, d]",
              x.defined() ? message(" but are ", x.shape()) : "");
  return x.detach().to(Device()).to(Dtype::f32);
}

}  // namespace noyau::inline v0::inspect
