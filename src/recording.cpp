#include "noyau/recording.h"

#include "devices.h"
#include "noyau/random.h"

namespace noyau::inline v0 {
namespace {

// Puts the generator of this thread back to where it was.
class Rewind {
 public:
  Rewind() : before_(default_generator()) {}
  ~Rewind() { default_generator() = before_; }
  Rewind(const Rewind&) = delete;
  Rewind& operator=(const Rewind&) = delete;

 private:
  Generator before_;
};

}  // namespace

Recording::Recording(Device device, const std::function<void()>& work) : index_(device.index) {
  NOYAU_CHECK(device.kind == Device::Kind::cuda, "recording: work on ", device,
              " cannot be recorded; a CUDA device is needed");
  const Generator& generator = default_generator();
  const Rewind rewind;
  draws_ = {generator.seed(), generator.offset(), 0};
  recorded_ = cuda::record(index_, work);
  draws_.count = generator.offset() - draws_.offset;
}

Recording::~Recording() { cuda::forget(index_, recorded_); }

void Recording::replay() {
  Generator& generator = default_generator();
  NOYAU_CHECK(draws_.count == 0 || generator.seed() == draws_.seed,
              "recording: it draws random numbers of seed ", draws_.seed, ", but the generator has seed ",
              generator.seed(), " now; record again");
  cuda::replay(index_, recorded_, generator.offset() - draws_.offset);
  generator.advance(draws_.count);
}

}  // namespace noyau::inline v0
