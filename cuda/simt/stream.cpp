// Streams, events and graphs. What is submitted runs at once; what is captured runs whenever its graph is launched.
#include "stream.h"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

using Clock = std::chrono::steady_clock;

struct SimtGraph {
  std::vector<simt::Work> work;
  bool ended = false;  // its capture is over
};
struct SimtGraphExec {
  std::vector<simt::Work> work;
};
struct SimtStream {
  std::uint16_t number = 0;
  bool blocking = true;                // takes turns with the default stream
  simt::StreamTimes times;             // what its next operation comes after
  std::shared_ptr<SimtGraph> capture;  // of which it is a part

  bool capturing() const { return capture && !capture->ended; }
};
struct SimtEvent {
  Clock::time_point time;
  bool recorded = false;
  simt::StreamTimes times;
  std::shared_ptr<SimtGraph> capture;  // it was recorded in
};

namespace {

struct Device {
  std::mutex mutex;
  SimtStream default_stream;
  std::set<SimtStream*> streams{&default_stream};
  std::map<std::uint16_t, std::uint32_t> latest;  // operation of each stream
  std::uint16_t next_number = 1;
  simt::StreamTimes host;  // what the host has waited for
  std::map<const void*, std::size_t> shared_limits;
};

Device& device() {
  static auto& d = *new Device;
  return d;
}

SimtStream& stream_of(cudaStream_t stream) { return stream == nullptr ? device().default_stream : *stream; }

// The next operation of the stream. The default stream comes after all streams that take turns with it, and they after it.
simt::Operation next_operation(SimtStream& s) {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  s.times.join(d.host);
  if (&s == &d.default_stream) {
    for (const SimtStream* other : d.streams) {
      if (other->blocking) s.times.join(other->times);
    }
  } else if (s.blocking) {
    s.times.join(d.default_stream.times);
  }
  simt::Operation operation{s.number, ++d.latest[s.number], s.times};
  s.times.set(s.number, operation.time);
  return operation;
}

cudaError_t make_stream(cudaStream_t* stream, bool blocking) {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  *stream = new SimtStream;
  (*stream)->number = d.next_number++;
  (*stream)->blocking = blocking;
  d.streams.insert(*stream);
  return cudaSuccess;
}

}  // namespace

namespace simt {

cudaError_t submit(cudaStream_t stream, Work work) {
  SimtStream& s = stream_of(stream);
  if (s.capturing()) {
    s.capture->work.push_back(std::move(work));
  } else {
    work(next_operation(s));
  }
  return cudaSuccess;
}

void join_host() {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  for (const SimtStream* stream : d.streams) d.host.join(stream->times);
}

std::size_t shared_limit(const void* kernel) {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  const auto it = d.shared_limits.find(kernel);
  return it == d.shared_limits.end() ? kSharedBytesDefault : it->second;
}

}  // namespace simt

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int value) {
  const auto bytes = static_cast<std::size_t>(value);
  if (value < 0 || bytes > simt::kSharedBytes) return simt::fail_call(cudaErrorInvalidValue);
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  d.shared_limits[kernel] = bytes < simt::kSharedBytesDefault ? simt::kSharedBytesDefault : bytes;
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return make_stream(stream, true); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return make_stream(stream, (flags & cudaStreamNonBlocking) == 0);
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (stream == nullptr) return simt::fail_call(cudaErrorInvalidResourceHandle);
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  d.host.join(stream->times);
  d.streams.erase(stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  SimtStream& s = stream_of(stream);
  if (s.capturing()) return simt::fail_call(cudaErrorStreamCaptureUnsupported);
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  d.host.join(s.times);
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }
cudaError_t cudaDeviceSynchronize() {
  simt::join_host();
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new SimtEvent;
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return cudaEventCreate(event); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (event == nullptr) return simt::fail_call(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const SimtStream& s = stream_of(stream);
  event->time = Clock::now();
  event->recorded = true;
  event->times = s.times;
  event->capture = s.capturing() ? s.capture : nullptr;
  return cudaSuccess;
}
// Waiting for an event of a captured stream makes the waiting stream a part of the capture.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  SimtStream& s = stream_of(stream);
  if (event->capture && !event->capture->ended) s.capture = event->capture;
  s.times.join(event->times);
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  Device& d = device();
  const std::lock_guard lock(d.mutex);
  d.host.join(event->times);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  if (!begin->recorded || !end->recorded) return simt::fail_call(cudaErrorInvalidResourceHandle);
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream == nullptr || stream->capturing()) return simt::fail_call(cudaErrorStreamCaptureUnsupported);
  stream->capture = std::make_shared<SimtGraph>();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (stream == nullptr || !stream->capturing()) return simt::fail_call(cudaErrorInvalidValue);
  *graph = new SimtGraph(*stream->capture);
  stream->capture->ended = true;
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = stream_of(stream).capturing() ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new SimtGraphExec{graph->work};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  for (const simt::Work& work : executable->work) simt::submit(stream, work);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
