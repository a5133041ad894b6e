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
