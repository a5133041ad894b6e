// Devices, streams and the memory of the CUDA backend. Each device has one stream, so a block that is given back may
// be handed out again at once: whoever writes it next is ordered after its last reader.
#include <bit>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "elements.h"
#include "runtime.h"

namespace noyau::inline v0 {
namespace {

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  fail("cuda: ", what, ": ", cudaGetErrorString(error));
}

// Sizes in steps of an eighth of a power of two: at most 12.5 % is wasted and few sizes exist.
std::size_t block_size(std::size_t bytes) {
  constexpr std::size_t kSmallest = 512;  // cudaMalloc aligns to 256
  const std::size_t wanted = std::max(bytes, kSmallest);
  const std::size_t step = std::max(kSmallest, std::bit_floor(wanted) / 8);
  return (wanted + step - 1) / step * step;
}

std::string mebibytes(std::int64_t bytes) {
  return bytes < 1 << 20 ? message(bytes, " bytes") : message((bytes + (1 << 19)) >> 20, " MiB");
}

__global__ void clear_kernel(Fault* fault) {
  if (threadIdx.x == 0) *fault = Fault{};
}

// Of one device.
class State {
 public:
  explicit State(int index) : index_(index) {
    begin();
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cudaMalloc(&fault_, sizeof(Fault)), "cudaMalloc");
    check(cudaMallocHost(&seen_fault_, sizeof(Fault)), "cudaMallocHost");
    clear_fault();
  }

  cudaStream_t stream() const { return stream_; }
  Fault* fault() const { return fault_; }

  void* take(std::size_t bytes) {
    const std::size_t size = block_size(bytes);
    const std::lock_guard lock(mutex_);
    std::vector<void*>& free_blocks = free_[size];
    void* block = nullptr;
    if (!free_blocks.empty()) {
      block = free_blocks.back();
      free_blocks.pop_back();
      use_.cached -= static_cast<std::int64_t>(size);
    } else {
      block = fresh(bytes, size);
    }
    use_.live += static_cast<std::int64_t>(size);
    use_.peak = std::max(use_.peak, use_.live);
#ifdef NOYAU_SIMT
    simt::set_bounds(block, bytes);
#endif
    return block;
  }

  void give(void* block, std::size_t bytes) {
    const std::size_t size = block_size(bytes);
    const std::lock_guard lock(mutex_);
    use_.live -= static_cast<std::int64_t>(size);
    free_[size].push_back(block);
    use_.cached += static_cast<std::int64_t>(size);
  }

  // Waits for the stream; throws what a kernel reported.
  void wait() {
    const std::lock_guard lock(fault_mutex_);
    check(cudaMemcpyAsync(seen_fault_, fault_, sizeof(Fault), cudaMemcpyDeviceToHost, stream_), "cudaMemcpy");
    check(cudaStreamSynchronize(stream_), "waiting for the device");
    if (seen_fault_->set == 0) return;
    clear_fault();
    fail("cross_entropy: class id ", seen_fault_->id, " in row ", seen_fault_->row, " is out of range for ",
         seen_fault_->classes, " classes");
  }

  MemoryUse use() {
    const std::lock_guard lock(mutex_);
    return use_;
  }

 private:
  // The first call that needs the device itself.
  void begin() const {
    const cudaError_t error = cudaSetDevice(index_);
    if (error != cudaErrorDevicesUnavailable) return check(error, "cudaSetDevice");
    static_cast<void>(cudaGetLastError());
    fail("cuda:", index_,
         ": another process holds this GPU for itself; wait until it ends, or use another device");
  }

  // The first kernel of a device, so the one that shows whether this build has kernels for it.
  void clear_fault() {
    try {
      launch(clear_kernel, dim3(1), dim3(kWarp), 0, stream_, fault_);
    } catch (const Error& error) {
      cudaDeviceProp device;
      check(cudaGetDeviceProperties(&device, index_), "cudaGetDeviceProperties");
      fail("cuda:", index_, ": kernels of this build do not run on ", std::string_view(device.name),
           "; configure with -DCMAKE_CUDA_ARCHITECTURES=", device.major, device.minor, " (", error.what(),
           ")");
    }
  }

  void* fresh(std::size_t bytes, std::size_t size) {
    void* block = nullptr;
    if (cudaMalloc(&block, size) == cudaSuccess) return block;
    drop_free_blocks();
    if (cudaMalloc(&block, size) == cudaSuccess) return block;
    static_cast<void>(cudaGetLastError());
    std::size_t left = 0, all = 0;
    check(cudaMemGetInfo(&left, &all), "cudaMemGetInfo");
    const auto total = static_cast<std::int64_t>(all);
    fail("cuda:", index_, ": no room for ", mebibytes(static_cast<std::int64_t>(bytes)), " (tensors hold ",
         mebibytes(use_.live), ", other programs and the driver ",
         mebibytes(total - static_cast<std::int64_t>(left) - use_.live), " of ", mebibytes(total),
         "); use a smaller batch");
  }

  void drop_free_blocks() {
    static_cast<void>(cudaGetLastError());
    for (auto& [size, blocks] : free_) {
      for (void* block : blocks) check(cudaFree(block), "cudaFree");
    }
    free_.clear();
    use_.cached = 0;
  }

  int index_;
  cudaStream_t stream_ = nullptr;
  Fault* fault_ = nullptr;
  Fault* seen_fault_ = nullptr;  // the host's copy
  std::mutex fault_mutex_;
  std::mutex mutex_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;
  MemoryUse use_;
};

// Throws what keeps this machine from having a device `index`.
void check_usable(int index) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaErrorInsufficientDriver) {
    int driver = 0, runtime = 0;
    static_cast<void>(cudaDriverGetVersion(&driver));
    static_cast<void>(cudaRuntimeGetVersion(&runtime));
    if (driver == 0)
      fail("cuda:", index, ": this machine has no NVIDIA driver; install it, or use device cpu");
    fail("cuda:", index, ": the NVIDIA driver serves CUDA ", driver / 1000, ".", driver % 1000 / 10,
         " but this build needs ", runtime / 1000, ".", runtime % 1000 / 10,
         "; update the driver, or use device cpu");
  }
  if (error == cudaErrorNoDevice) fail("cuda:", index, ": this machine has no NVIDIA GPU; use device cpu");
  check(error, "looking for devices");
  if (index >= count) fail("cuda:", index, ": there are only ", count, " CUDA devices");
}

constexpr int kMaxDevices = 64;

// Made on first use and never destroyed: tensors in static storage may outlive it. Selects the device for this
// thread.
State& state(int index) {
  static std::mutex mutex;
  static std::unique_ptr<State>* const states = new std::unique_ptr<State>[kMaxDevices];
  NOYAU_CHECK(index >= 0 && index < kMaxDevices, "cuda: there is no device ", index);
  const std::lock_guard lock(mutex);
  if (states[index] == nullptr) {
    check_usable(index);
    states[index] = std::make_unique<State>(index);
  }
  thread_local int selected = -1;
  if (selected != index) check(cudaSetDevice(index), "cudaSetDevice");
  selected = index;
  return *states[index];
}

}  // namespace

Fault* fault_of(const Context& context) { return state(context.device.index).fault(); }

namespace cuda {

void* stream(int index) { return state(index).stream(); }
void* allocate(int index, std::size_t bytes) { return state(index).take(bytes); }
void release(int index, void* block, std::size_t bytes) noexcept { state(index).give(block, bytes); }

void upload(int index, void* destination, const void* source, std::size_t bytes) {
  check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyHostToDevice, state(index).stream()), "upload");
}

void download(int index, void* destination, const void* source, std::size_t bytes) {
  State& device = state(index);
  check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToHost, device.stream()), "download");
  device.wait();
}

void copy_within(int index, void* destination, const void* source, std::size_t bytes) {
  check(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToDevice, state(index).stream()), "copy");
}

void synchronize(int index) { state(index).wait(); }
MemoryUse memory_use(int index) { return state(index).use(); }

std::int64_t free_memory(int index) {
  state(index);
  std::size_t left = 0, all = 0;
  check(cudaMemGetInfo(&left, &all), "cudaMemGetInfo");
  return static_cast<std::int64_t>(left);
}

std::string device_name(int index) {
  state(index);
  cudaDeviceProp device;
  check(cudaGetDeviceProperties(&device, index), "cudaGetDeviceProperties");
  return device.name;
}

int device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

}  // namespace cuda

}  // namespace noyau::inline v0
