// Streams, events and graphs. What is submitted runs at once; what is captured runs whenever its graph is launched.
#include "stream.h"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

using Operation = std::function<void()>;
using Clock = std::chrono::steady_clock;

struct SimtGraph {
  std::vector<Operation> operations;
};
struct SimtGraphExec {
  std::vector<Operation> operations;
};
struct SimtStream {
  std::unique_ptr<SimtGraph> capture;  // while it is captured
};
struct SimtEvent {
  Clock::time_point time;
  bool recorded = false;
};

namespace {

SimtStream& stream_of(cudaStream_t stream) {
  static SimtStream default_stream;
  return stream == nullptr ? default_stream : *stream;
}

std::mutex functions_mutex;
std::map<const void*, std::size_t>& shared_limits() {
  static auto& limits = *new std::map<const void*, std::size_t>;
  return limits;
}

}  // namespace

namespace simt {

cudaError_t submit(cudaStream_t stream, Operation operation) {
  SimtStream& s = stream_of(stream);
  if (s.capture) {
    s.capture->operations.push_back(std::move(operation));
  } else {
    operation();
  }
  return cudaSuccess;
}

std::size_t shared_limit(const void* kernel) {
  const std::lock_guard lock(functions_mutex);
  const auto it = shared_limits().find(kernel);
  return it == shared_limits().end() ? kSharedBytesDefault : it->second;
}

}  // namespace simt

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int value) {
  const auto bytes = static_cast<std::size_t>(value);
  if (value < 0 || bytes > simt::kSharedBytes) return simt::fail_call(cudaErrorInvalidValue);
  const std::lock_guard lock(functions_mutex);
  shared_limits()[kernel] = bytes < simt::kSharedBytesDefault ? simt::kSharedBytesDefault : bytes;
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = new SimtStream;
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) { return cudaStreamCreate(stream); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (stream == nullptr) return simt::fail_call(cudaErrorInvalidResourceHandle);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return stream_of(stream).capture ? simt::fail_call(cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }
cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }

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
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event->time = Clock::now();
  event->recorded = true;
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventQuery(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  if (!begin->recorded || !end->recorded) return simt::fail_call(cudaErrorInvalidResourceHandle);
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (stream == nullptr || stream->capture) return simt::fail_call(cudaErrorStreamCaptureUnsupported);
  stream->capture = std::make_unique<SimtGraph>();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (stream == nullptr || !stream->capture) return simt::fail_call(cudaErrorInvalidValue);
  *graph = stream->capture.release();
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = stream_of(stream).capture ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new SimtGraphExec{graph->operations};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return simt::submit(stream, [executable] {
    for (const Operation& operation : executable->operations) operation();
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
