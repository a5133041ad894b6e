// Devices, streams and the memory of the CUDA backend. Each device has one stream, so a block that is given back may
// be handed out again at once: whoever writes it next is ordered after its last reader.
#include <bit>
#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "elements.h"
#include "recording.h"
#include "runtime.h"

namespace noyau::inline v0 {

void check_cuda(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  fail("cuda: ", what, ": ", cudaGetErrorString(error));
}

namespace {

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
    check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    check_cuda(cudaMalloc(&no_shift_, sizeof(std::uint64_t)), "cudaMalloc");
    check_cuda(cudaMemsetAsync(no_shift_, 0, sizeof(std::uint64_t), stream_), "cudaMemset");
    check_cuda(cudaMalloc(&fault_, sizeof(Fault)), "cudaMalloc");
    check_cuda(cudaMallocHost(&seen_fault_, sizeof(Fault)), "cudaMallocHost");
    clear_fault();
  }

  // Of this thread: a recording has its own.
  cudaStream_t stream() const { return records() ? recording->stream : stream_; }
  Fault* fault() const { return fault_; }
  const std::uint64_t* draws_shift() const { return records() ? recording->shift : no_shift_; }

  void* take(std::size_t bytes) {
    const std::size_t size = block_size(bytes);
    const std::lock_guard lock(mutex_);
    void* block = records() ? popped(recording->free_blocks, size) : nullptr;
    if (block == nullptr) block = unheld(bytes, size);
#ifdef NOYAU_SIMT
    simt::set_bounds(block, records() ? size : bytes);  // a recording uses it for tensors of several sizes
#endif
    return block;
  }

  void give(void* block, std::size_t bytes) {
    const std::size_t size = block_size(bytes);
    const std::lock_guard lock(mutex_);
    if (const auto owner = owners_.find(block); owner != owners_.end())
      owner->second->free_blocks[size].push_back(block);
    else
      put_back(block, size);
  }

  void release_blocks(Recorded& recorded) {
    const std::lock_guard lock(mutex_);
    for (void* const block : recorded.blocks) owners_.erase(block);
    for (const auto& [size, blocks] : recorded.free_blocks) {
      for (void* const block : blocks) put_back(block, size);
    }
  }

  // A copy of what a recording uploads, which it reads again at every replay.
  static const void* kept(const void* source, std::size_t bytes) {
    void* copy = nullptr;
    check_cuda(cudaMallocHost(&copy, bytes), "cudaMallocHost");
    recording->uploads.push_back(copy);
    return std::memcpy(copy, source, bytes);
  }

  bool records() const { return recording != nullptr && recording->index == index_; }

  void check_readable() const {
    NOYAU_CHECK(!records(), "recording: a value is read on the CPU, which cannot be replayed");
  }

  // Waits for the stream; throws what a kernel reported.
  void wait() {
    check_readable();
    const std::lock_guard lock(fault_mutex_);
    check_cuda(cudaMemcpyAsync(seen_fault_, fault_, sizeof(Fault), cudaMemcpyDeviceToHost, stream_),
               "cudaMemcpy");
    check_cuda(cudaStreamSynchronize(stream_), "waiting for the device");
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
    if (error != cudaErrorDevicesUnavailable) return check_cuda(error, "cudaSetDevice");
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
      check_cuda(cudaGetDeviceProperties(&device, index_), "cudaGetDeviceProperties");
      fail("cuda:", index_, ": kernels of this build do not run on ", std::string_view(device.name),
           "; configure with -DCMAKE_CUDA_ARCHITECTURES=", device.major, device.minor, " (", error.what(),
           ")");
    }
  }

  static void* popped(FreeBlocks& free_blocks, std::size_t size) {
    std::vector<void*>& blocks = free_blocks[size];
    if (blocks.empty()) return nullptr;
    void* const block = blocks.back();
    blocks.pop_back();
    return block;
  }

  // A block that nobody holds, which a recording keeps.
  void* unheld(std::size_t bytes, std::size_t size) {
    void* block = popped(free_, size);
    if (block == nullptr)
      block = fresh(bytes, size);
    else
      use_.cached -= static_cast<std::int64_t>(size);
    use_.live += static_cast<std::int64_t>(size);
    use_.peak = std::max(use_.peak, use_.live);
    if (!records()) return block;
    recording->blocks.insert(block);
    owners_.emplace(block, recording);
    return block;
  }

  void put_back(void* block, std::size_t size) {
    use_.live -= static_cast<std::int64_t>(size);
    free_[size].push_back(block);
    use_.cached += static_cast<std::int64_t>(size);
  }

  void* fresh(std::size_t bytes, std::size_t size) {
    void* block = nullptr;
    if (cudaMalloc(&block, size) == cudaSuccess) return block;
    drop_free_blocks();
    if (cudaMalloc(&block, size) == cudaSuccess) return block;
    static_cast<void>(cudaGetLastError());
    std::size_t left = 0, all = 0;
    check_cuda(cudaMemGetInfo(&left, &all), "cudaMemGetInfo");
    const auto total = static_cast<std::int64_t>(all);
    fail("cuda:", index_, ": no room for ", mebibytes(static_cast<std::int64_t>(bytes)), " (tensors hold ",
         mebibytes(use_.live), ", other programs and the driver ",
         mebibytes(total - static_cast<std::int64_t>(left) - use_.live), " of ", mebibytes(total),
         "); use a smaller batch");
  }

  void drop_free_blocks() {
    static_cast<void>(cudaGetLastError());
    for (auto& [size, blocks] : free_) {
      for (void* block : blocks) check_cuda(cudaFree(block), "cudaFree");
    }
    free_.clear();
    use_.cached = 0;
  }

  int index_;
  cudaStream_t stream_ = nullptr;
  std::uint64_t* no_shift_ = nullptr;  // 0, on the device
  Fault* fault_ = nullptr;
  Fault* seen_fault_ = nullptr;  // the host's copy
  std::mutex fault_mutex_;
  std::mutex mutex_;
  FreeBlocks free_;
  std::unordered_map<void*, Recorded*> owners_;  // of the blocks of recordings
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
  check_cuda(error, "looking for devices");
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
  if (selected != index) check_cuda(cudaSetDevice(index), "cudaSetDevice");
  selected = index;
  return *states[index];
}

}  // namespace

Fault* fault_of(const Context& context) { return state(context.device.index).fault(); }
const std::uint64_t* draws_shift(const Context& context) { return state(context.device.index).draws_shift(); }
void release_blocks(Recorded& recorded) { state(recorded.index).release_blocks(recorded); }

namespace cuda {

void* stream(int index) { return state(index).stream(); }
void* allocate(int index, std::size_t bytes) { return state(index).take(bytes); }
void release(int index, void* block, std::size_t bytes) noexcept { state(index).give(block, bytes); }

void upload(int index, void* destination, const void* source, std::size_t bytes) {
  State& device = state(index);
  const void* const from = device.records() ? State::kept(source, bytes) : source;
  check_cuda(cudaMemcpyAsync(destination, from, bytes, cudaMemcpyHostToDevice, device.stream()), "upload");
}

void download(int index, void* destination, const void* source, std::size_t bytes) {
  State& device = state(index);
  device.check_readable();
  check_cuda(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToHost, device.stream()),
             "download");
  device.wait();
}

void copy_within(int index, void* destination, const void* source, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToDevice, state(index).stream()),
             "copy");
}

void synchronize(int index) { state(index).wait(); }
MemoryUse memory_use(int index) { return state(index).use(); }

std::int64_t free_memory(int index) {
  state(index);
  std::size_t left = 0, all = 0;
  check_cuda(cudaMemGetInfo(&left, &all), "cudaMemGetInfo");
  return static_cast<std::int64_t>(left);
}

std::string device_name(int index) {
  state(index);
  cudaDeviceProp device;
  check_cuda(cudaGetDeviceProperties(&device, index), "cudaGetDeviceProperties");
  return device.name;
}

int device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

}  // namespace cuda

}  // namespace noyau::inline v0
