// What stands for the CUDA backend in a build that has none.
#include "backend.h"

#if !NOYAU_HAS_CUDA
#include "devices.h"

namespace noyau::inline v0::cuda {
namespace {

[[noreturn]] void fail_index(const char* op, int index) {
  Device device("cuda");
  device.index = index;
  detail::fail_device(op, device);
}

}  // namespace

void* stream(int index) { fail_index("stream", index); }
void* allocate(int index, std::size_t) { fail_index("tensor", index); }
void release(int, void*, std::size_t) noexcept {}
void upload(int index, void*, const void*, std::size_t) { fail_index("copy", index); }
void download(int index, void*, const void*, std::size_t) { fail_index("copy", index); }
void copy_within(int index, void*, const void*, std::size_t) { fail_index("copy", index); }
void synchronize(int index) { fail_index("synchronize", index); }
MemoryUse memory_use(int index) { fail_index("memory_use", index); }
std::int64_t free_memory(int index) { fail_index("free_memory", index); }
int device_count() { return 0; }
std::string device_name(int index) { fail_index("device_name", index); }
void* record(int index, const std::function<void()>&) { fail_index("recording", index); }
void replay(int index, void*, std::uint64_t) { fail_index("recording", index); }
void forget(int, void*) noexcept {}

}  // namespace noyau::inline v0::cuda
#endif
