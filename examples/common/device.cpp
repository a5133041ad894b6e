#include "common/device.h"

#include "common/exit.h"
#include "common/progress.h"
#include "noyau/device.h"
#include "noyau/ops.h"
#include "noyau/precision.h"

namespace programs {
namespace {

void try_out(const noyau::Device& device) {
  noyau::zeros({1}, {.device = device});
  noyau::synchronize(device);
}

std::string choose() {
  const noyau::Device cuda("cuda");
  try {
    try_out(cuda);
  } catch (const noyau::Error& error) {
    Progress().line(noyau::message("device: cpu, as there is no CUDA (", error.what(), ")"));
    return "cpu";
  }
  Progress().line(noyau::message("device: ", cuda, " (", noyau::device_name(cuda), ")"));
  return "cuda";
}

}  // namespace

std::string usable_device(const std::string& name) {
  if (name == "auto") return choose();
  blaming(Exit::device, [&] { try_out(noyau::Device(name)); });
  return name;
}

void check_precision(const std::string& precision, const std::string& device) {
  if (precision == "f32") return;
  const noyau::Device on(device);
  if (on.kind == noyau::Device::Kind::cpu)
    stop(Exit::device, "precision ", precision, " needs device cuda, not ", device, "; use precision f32");
  blaming(Exit::device, [&] {
    const noyau::Autocast products(noyau::precision_named(precision));
    const noyau::Tensor one = noyau::ones({1, 1}, {.device = on});
    noyau::matmul(one, one);
    noyau::synchronize(on);
  });
}

}  // namespace programs
