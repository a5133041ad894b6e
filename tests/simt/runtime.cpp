#include <cmath>

#include "catch2.h"
#include "device_array.h"
#include "kernels.h"

namespace {

struct Stream {
  Stream() { cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking); }
  ~Stream() { cudaStreamDestroy(handle); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t handle = nullptr;
};

// What `record` submits to the stream, as a graph that can be launched.
template <class F>
cudaGraphExec_t capture(cudaStream_t stream, F&& record) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  REQUIRE(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
  record();
  REQUIRE(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
  REQUIRE(cudaGraphInstantiate(&executable, graph) == cudaSuccess);
  REQUIRE(cudaGraphDestroy(graph) == cudaSuccess);
  return executable;
}

}  // namespace

TEST_CASE("a block of an allocator has the bounds it was handed out with", "[fast][simt]") {
  float* p = nullptr;
  REQUIRE(cudaMalloc(&p, 8 * sizeof(float)) == cudaSuccess);
  std::vector<float> host(8, 1);
  cudaMemcpy(p, host.data(), 8 * sizeof(float), cudaMemcpyHostToDevice);
  simt::set_bounds(p, 3 * sizeof(float));
  cudaMemcpy(host.data(), p, 3 * sizeof(float), cudaMemcpyDeviceToHost);
  CHECK(std::isnan(host[2]));
  CHECK_THROWS_WITH(cudaMemcpy(p, host.data(), 4 * sizeof(float), cudaMemcpyHostToDevice),
                    ContainsSubstring("16 bytes reach 4 bytes past the end of allocation"));
  simt::set_bounds(p, 8 * sizeof(float));
  CHECK(cudaMemcpy(p, host.data(), 8 * sizeof(float), cudaMemcpyHostToDevice) == cudaSuccess);
  cudaFree(p);
}

TEST_CASE("device memory begins as NaN, and copies stay inside it", "[fast][simt]") {
  float* p = nullptr;
  REQUIRE(cudaMalloc(&p, 4 * sizeof(float)) == cudaSuccess);
  std::vector<float> host(5, 0);
  cudaMemcpy(host.data(), p, 4 * sizeof(float), cudaMemcpyDeviceToHost);
  CHECK(std::isnan(host[0]));
  CHECK_THROWS_WITH(cudaMemcpy(p, host.data(), 5 * sizeof(float), cudaMemcpyHostToDevice),
                    ContainsSubstring("simt: cudaMemcpy: 20 bytes reach 4 bytes past the end of allocation"));
  CHECK_THROWS_WITH(cudaMemcpy(host.data(), host.data(), 4, cudaMemcpyDeviceToHost),
                    ContainsSubstring("outside device memory"));
  CHECK(cudaFree(p) == cudaSuccess);
  CHECK(cudaFree(p) == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaSuccess);
}

TEST_CASE("a full device refuses memory", "[fast][simt]") {
  void* p = nullptr;
  CHECK(cudaMalloc(&p, std::size_t{1} << 50) == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
}

TEST_CASE("a captured graph runs when it is launched, as often as it is", "[fast][simt]") {
  const Stream stream;
  const DeviceArray<int> counter(std::vector<int>(kElements, 0));
  const cudaGraphExec_t graph =
      capture(stream.handle, [&] { count_on_stream(counter.data(), stream.handle); });
  CHECK(counter.host()[0] == 0);
  for (int i = 0; i < 3; ++i) REQUIRE(cudaGraphLaunch(graph, stream.handle) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream.handle) == cudaSuccess);
  CHECK(counter.host()[0] == 3 * kElements);
  cudaGraphExecDestroy(graph);
}

TEST_CASE("a graph keeps the parameters of its capture: those of freed memory are stale", "[fast][simt]") {
  if (!simt::checking()) return;
  const Stream stream;
  int* buffer = nullptr;
  cudaMalloc(&buffer, kElements * sizeof(int));
  cudaMemset(buffer, 0, kElements * sizeof(int));
  cudaDeviceSynchronize();
  const cudaGraphExec_t graph = capture(stream.handle, [&] { count_on_stream(buffer, stream.handle); });
  CHECK_NOTHROW(cudaGraphLaunch(graph, stream.handle));
  cudaFree(buffer);
  CHECK_THROWS_WITH(cudaGraphLaunch(graph, stream.handle), ContainsSubstring("which is freed"));
  cudaGraphExecDestroy(graph);
}

TEST_CASE("a stream that is captured cannot be waited for", "[fast][simt]") {
  const Stream stream;
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeGlobal) == cudaSuccess);
  CHECK(cudaStreamSynchronize(stream.handle) == cudaErrorStreamCaptureUnsupported);
  CHECK(cudaStreamEndCapture(stream.handle, &graph) == cudaSuccess);
  cudaGraphDestroy(graph);
  cudaGetLastError();
}

TEST_CASE("streams are in order only where an event or the host makes them wait", "[fast][simt]") {
  if (!simt::checking()) return;
  const Stream first, second;
  const std::vector<int> zeros(kElements, 0);
  const DeviceArray<int> a(zeros), b(zeros), c(zeros);
  cudaEvent_t event = nullptr;
  cudaEventCreate(&event);

  increment_on_stream(a.data(), b.data(), first.handle);
  CHECK_THROWS_WITH(
      increment_on_stream(b.data(), c.data(), second.handle),
      ContainsSubstring("reads byte 0 of allocation") && ContainsSubstring("wrote at streams.cu:7"));

  cudaEventRecord(event, first.handle);
  cudaStreamWaitEvent(second.handle, event);
  CHECK_NOTHROW(increment_on_stream(b.data(), c.data(), second.handle));
  cudaStreamSynchronize(second.handle);
  CHECK(c.host() == std::vector<int>(kElements, 2));
  cudaEventDestroy(event);
}

TEST_CASE("a copy on one stream and a kernel on another need an event between", "[fast][simt]") {
  if (!simt::checking()) return;
  const Stream copies, kernels;
  const std::vector<int> zeros(kElements, 0);
  const DeviceArray<int> a(zeros), b(zeros);
  cudaMemcpyAsync(a.data(), zeros.data(), kElements * sizeof(int), cudaMemcpyHostToDevice, copies.handle);
  CHECK_THROWS_WITH(increment_on_stream(a.data(), b.data(), kernels.handle),
                    ContainsSubstring("wrote at cudaMemcpyAsync"));
  cudaDeviceSynchronize();
  increment_on_stream(a.data(), b.data(), kernels.handle);
  CHECK_THROWS_WITH(
      cudaMemsetAsync(b.data(), 0, kElements * sizeof(int), copies.handle),
      ContainsSubstring("simt: cudaMemsetAsync on stream") && ContainsSubstring("wrote at streams.cu:7"));
}

TEST_CASE("the default stream takes turns with blocking streams", "[fast][simt]") {
  cudaStream_t blocking = nullptr;
  cudaStreamCreate(&blocking);
  const std::vector<int> zeros(kElements, 0);
  const DeviceArray<int> a(zeros), b(zeros);
  CHECK_NOTHROW(increment_on_stream(a.data(), b.data(), blocking));
  CHECK_NOTHROW(increment_on_stream(b.data(), a.data(), nullptr));
  CHECK_NOTHROW(increment_on_stream(a.data(), b.data(), blocking));
  cudaStreamDestroy(blocking);
}

TEST_CASE("a capture takes in the streams that wait for its events", "[fast][simt]") {
  const Stream first, second;
  const DeviceArray<int> counter(std::vector<int>(kElements, 0));
  cudaEvent_t fork = nullptr, join = nullptr;
  cudaEventCreate(&fork);
  cudaEventCreate(&join);
  const cudaGraphExec_t graph = capture(first.handle, [&] {
    cudaEventRecord(fork, first.handle);
    cudaStreamWaitEvent(second.handle, fork);
    count_on_stream(counter.data(), second.handle);
    cudaEventRecord(join, second.handle);
    cudaStreamWaitEvent(first.handle, join);
    count_on_stream(counter.data(), first.handle);
  });
  CHECK(counter.host()[0] == 0);
  cudaGraphLaunch(graph, first.handle);
  cudaStreamSynchronize(first.handle);
  CHECK(counter.host()[0] == 2 * kElements);
  cudaGraphExecDestroy(graph);
  cudaEventDestroy(fork);
  cudaEventDestroy(join);
}
