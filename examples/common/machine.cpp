#include "common/machine.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

#include "noyau/cpu.h"
#include "noyau/device.h"

namespace programs {
namespace {

// What stands after the colon in the first line of `path` that begins with `field`; empty when none does.
std::string field_of(const char* path, const std::string& field) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.rfind(field, 0) == 0) return line.substr(line.find(':') + 1);
  return "";
}

// A value of /proc/self/status, in bytes; 0 where there is none.
std::int64_t status(const std::string& field) {
  const std::string value = field_of("/proc/self/status", field);
  return value.empty() ? 0 : std::stoll(value) * 1024;
}

}  // namespace

MemoryWatch::MemoryWatch(noyau::Device device) : device_(device) {
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak VmHWM starts anew
  noyau::reset_peak_memory();
  before_ = status("VmRSS");
}

std::int64_t MemoryWatch::growth() const { return status("VmHWM") - before_; }
std::int64_t MemoryWatch::tensors() const { return noyau::memory_use(device_).peak; }

std::string machine_name(noyau::Device device) {
  if (device.kind != noyau::Device::Kind::cpu) return noyau::device_name(device);
  const std::string name = field_of("/proc/cpuinfo", "model name");
  return noyau::message(name.size() < 2 ? "unknown processor" : name.substr(1), ", ", noyau::cpu_isa());
}

double peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

}  // namespace programs
