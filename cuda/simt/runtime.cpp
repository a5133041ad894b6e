#include "runtime.h"

#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "machine.h"
#include "memory.h"
#include "races.h"
#include "report.h"
#include "stream.h"

namespace {

thread_local cudaError_t last_error = cudaSuccess;

struct ErrorName {
  cudaError_t error;
  const char *name, *text;
};
constexpr ErrorName kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorDevicesUnavailable, "cudaErrorDevicesUnavailable",
     "CUDA-capable device(s) is/are busy or unavailable"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
     "no kernel image is available for execution on the device"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
};

const ErrorName& find(cudaError_t error) {
  for (const ErrorName& e : kErrors) {
    if (e.error == error) return e;
  }
  static constexpr ErrorName unknown{cudaSuccess, "cudaErrorUnknown", "unknown error"};
  return unknown;
}

cudaError_t give(void** pointer, std::size_t bytes, simt::Space space) {
  if (pointer == nullptr) return simt::fail_call(cudaErrorInvalidValue);
  *pointer = bytes == 0 ? nullptr : simt::allocate(bytes, space);
  return bytes == 0 || *pointer != nullptr ? cudaSuccess : simt::fail_call(cudaErrorMemoryAllocation);
}

// Freeing waits for the device, as CUDA does.
cudaError_t take(void* pointer, simt::Space space) {
  simt::join_host();
  if (pointer == nullptr || simt::release(pointer, space)) return cudaSuccess;
  return simt::fail_call(cudaErrorInvalidValue);
}

// Throws unless a host call may touch `bytes` at `p` as device memory.
void check_device(const char* call, const void* p, std::size_t bytes) {
  const simt::Allocation* a = simt::find_allocation(p);
  const std::string why = a != nullptr ? simt::outside(*a, p, bytes) : "outside device memory";
  if (!why.empty())
    throw simt::Failure(std::string("simt: ") + call + ": " + std::to_string(bytes) + " bytes reach " + why);
}

void check_copy(const char* call, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (bytes == 0) return;
  if (kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice) check_device(call, to, bytes);
  if (kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice) check_device(call, from, bytes);
}

void copy(const char* call, void* to, const void* from, std::size_t bytes, const simt::Operation& operation) {
  simt::touch_by_call(call, from, bytes, simt::Touch::read, operation);
  simt::touch_by_call(call, to, bytes, simt::Touch::write, operation);
  std::memmove(to, from, bytes);
}

}  // namespace

namespace simt {

cudaError_t fail_call(cudaError_t error) { return last_error = error; }

}  // namespace simt

const char* cudaGetErrorName(cudaError_t error) { return find(error).name; }
const char* cudaGetErrorString(cudaError_t error) { return find(error).text; }
cudaError_t cudaPeekAtLastError() { return last_error; }
cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  const simt::Trouble trouble = simt::trouble();
  if (trouble == simt::Trouble::no_driver || trouble == simt::Trouble::old_driver)
    return simt::fail_call(cudaErrorInsufficientDriver);
  if (trouble == simt::Trouble::no_device) return simt::fail_call(cudaErrorNoDevice);
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device != 0) return simt::fail_call(cudaErrorInvalidDevice);
  const bool taken = simt::trouble() == simt::Trouble::taken;
  return taken ? simt::fail_call(cudaErrorDevicesUnavailable) : cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device != 0) return simt::fail_call(cudaErrorInvalidDevice);
  const int capability = simt::compute_capability();
  *value = attribute == cudaDevAttrComputeCapabilityMajor ? capability / 10 : capability % 10;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return simt::fail_call(cudaErrorInvalidDevice);
  const int capability = simt::compute_capability();
  *properties = {
      "noyau SIMT simulator", capability / 10,           capability % 10,    4,      32, 1024, 2048,
      simt::device_bytes(),   simt::kSharedBytesDefault, simt::kSharedBytes, 4 << 20};
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  const simt::Trouble trouble = simt::trouble();
  *version = trouble == simt::Trouble::no_driver ? 0 : trouble == simt::Trouble::old_driver ? 11040 : 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return give(pointer, bytes, simt::Space::device);
}
cudaError_t cudaFree(void* pointer) { return take(pointer, simt::Space::device); }
cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  return give(pointer, bytes, simt::Space::pinned);
}
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return cudaMallocHost(pointer, bytes);
}
cudaError_t cudaFreeHost(void* pointer) { return take(pointer, simt::Space::pinned); }
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  *total = simt::device_bytes();
  *free = *total - simt::allocated();
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  check_copy("cudaMemcpyAsync", to, from, bytes, kind);
  return simt::submit(
      stream, [=](const simt::Operation& operation) { copy("cudaMemcpyAsync", to, from, bytes, operation); });
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  check_copy("cudaMemcpy", to, from, bytes, kind);
  const cudaError_t error = simt::submit(
      nullptr, [=](const simt::Operation& operation) { copy("cudaMemcpy", to, from, bytes, operation); });
  return error == cudaSuccess ? cudaStreamSynchronize(nullptr) : error;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  if (bytes != 0) check_device("cudaMemsetAsync", to, bytes);
  return simt::submit(stream, [=](const simt::Operation& operation) {
    simt::touch_by_call("cudaMemsetAsync", to, bytes, simt::Touch::write, operation);
    std::memset(to, value, bytes);
  });
}
cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  return cudaMemsetAsync(to, value, bytes, nullptr);
}

cudaError_t cudaFuncGetName(const char** name, const void* kernel) {
  static std::mutex mutex;
  static auto& names = *new std::map<const void*, std::string>;
  const std::lock_guard lock(mutex);
  std::string& text = names[kernel];
  if (text.empty()) text = simt::function_name(kernel);
  *name = text.c_str();
  return cudaSuccess;
}
