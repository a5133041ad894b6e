#include <cstring>
#include <memory>
#include <utility>

#include "devices.h"
#include "recording.h"
#include "runtime.h"

namespace noyau::inline v0 {

thread_local Recorded* recording = nullptr;

namespace {

// Captures what this thread asks of a device while it lives.
class Capture {
 public:
  explicit Capture(Recorded& recorded) : recorded_(recorded) {
    check_cuda(cudaStreamBeginCapture(recorded.stream, cudaStreamCaptureModeRelaxed),
               "cudaStreamBeginCapture");
    recording = &recorded;
  }
  ~Capture() {
    if (recording != nullptr) static_cast<void>(end());
    if (graph_ != nullptr) cudaGraphDestroy(graph_);
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  void instantiate() {
    check_cuda(end(), "cudaStreamEndCapture");
    check_cuda(cudaGraphInstantiate(&recorded_.graph, graph_, 0), "cudaGraphInstantiate");
  }

 private:
  cudaError_t end() {
    recording = nullptr;
    return cudaStreamEndCapture(recorded_.stream, &graph_);
  }

  Recorded& recorded_;
  cudaGraph_t graph_ = nullptr;
};

}  // namespace

namespace cuda {

void* record(int index, const std::function<void()>& work) {
  NOYAU_CHECK(recording == nullptr, "recording: another is under way on this thread");
  const auto forgotten = [index](Recorded* recorded) { forget(index, recorded); };
  std::unique_ptr<Recorded, decltype(forgotten)> recorded(new Recorded, forgotten);
  recorded->index = index;
  recorded->work = work;
  recorded->shift = static_cast<std::uint64_t*>(allocate(index, sizeof(std::uint64_t)));
  check_cuda(cudaStreamCreateWithFlags(&recorded->stream, cudaStreamNonBlocking), "cudaStreamCreate");
  Capture capture(*recorded);
  work();
  capture.instantiate();
  return recorded.release();
}

void replay(int index, void* recorded, std::uint64_t shift) {
  const Recorded& what = *static_cast<Recorded*>(recorded);
  NOYAU_CHECK(recording == nullptr, "recording: a replay cannot be recorded");
  upload(index, what.shift, &shift, sizeof(shift));
  check_cuda(cudaGraphLaunch(what.graph, static_cast<cudaStream_t>(stream(index))), "cudaGraphLaunch");
}

void forget(int index, void* recorded) noexcept {
  if (recorded == nullptr) return;
  const std::unique_ptr<Recorded> what(static_cast<Recorded*>(recorded));
  Recorded* const under_way = std::exchange(recording, nullptr);  // which must not capture what follows
  // A replay may be under way: pinned memory is still read, the graph still used.
  static_cast<void>(cudaStreamSynchronize(static_cast<cudaStream_t>(stream(index))));
  if (what->graph != nullptr) static_cast<void>(cudaGraphExecDestroy(what->graph));
  for (void* const copy : what->uploads) static_cast<void>(cudaFreeHost(copy));
  if (what->stream != nullptr) static_cast<void>(cudaStreamDestroy(what->stream));
  if (what->shift != nullptr) release(index, what->shift, sizeof(std::uint64_t));
  release_blocks(*what);
  recording = under_way;
}

}  // namespace cuda
}  // namespace noyau::inline v0
