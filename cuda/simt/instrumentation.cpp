// The calls that -fsanitize=thread inserts into kernels at every memory access, answered by the simulator in libtsan's place.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "races.h"

using simt::Touch;
using simt::touch;

#define NOYAU_ACCESS(bytes)                                                                               \
  void __tsan_read##bytes(const void* p) { touch(p, bytes, Touch::read, __builtin_return_address(0)); }   \
  void __tsan_write##bytes(const void* p) { touch(p, bytes, Touch::write, __builtin_return_address(0)); } \
  void __tsan_unaligned_read##bytes(const void* p) {                                                      \
    touch(p, bytes, Touch::read, __builtin_return_address(0));                                            \
  }                                                                                                       \
  void __tsan_unaligned_write##bytes(const void* p) {                                                     \
    touch(p, bytes, Touch::write, __builtin_return_address(0));                                           \
  }                                                                                                       \
  void __tsan_read_write##bytes(const void* p) {                                                          \
    touch(p, bytes, Touch::read, __builtin_return_address(0));                                            \
    touch(p, bytes, Touch::write, __builtin_return_address(0));                                           \
  }                                                                                                       \
  void __tsan_unaligned_read_write##bytes(const void* p) { __tsan_read_write##bytes(p); }                 \
  void __tsan_volatile_read##bytes(const void* p) {                                                       \
    touch(p, bytes, Touch::read, __builtin_return_address(0));                                            \
  }                                                                                                       \
  void __tsan_volatile_write##bytes(const void* p) {                                                      \
    touch(p, bytes, Touch::write, __builtin_return_address(0));                                           \
  }

#define NOYAU_UPDATE(bits, T, name)                                                  \
  T __tsan_atomic##bits##_fetch_##name(volatile T* p, T v, int) {                    \
    touch(const_cast<T*>(p), sizeof(T), Touch::atomic, __builtin_return_address(0)); \
    return __atomic_fetch_##name(p, v, __ATOMIC_SEQ_CST);                            \
  }

#define NOYAU_ATOMIC(bits, T)                                                                 \
  T __tsan_atomic##bits##_load(const volatile T* p, int) {                                    \
    touch(const_cast<T*>(p), sizeof(T), Touch::atomic, __builtin_return_address(0));          \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                              \
  }                                                                                           \
  void __tsan_atomic##bits##_store(volatile T* p, T v, int) {                                 \
    touch(const_cast<T*>(p), sizeof(T), Touch::atomic, __builtin_return_address(0));          \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                 \
  }                                                                                           \
  T __tsan_atomic##bits##_exchange(volatile T* p, T v, int) {                                 \
    touch(const_cast<T*>(p), sizeof(T), Touch::atomic, __builtin_return_address(0));          \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                       \
  }                                                                                           \
  NOYAU_UPDATE(bits, T, add)                                                                  \
  NOYAU_UPDATE(bits, T, sub)                                                                  \
  NOYAU_UPDATE(bits, T, and)                                                                  \
  NOYAU_UPDATE(bits, T, or)                                                                   \
  NOYAU_UPDATE(bits, T, xor)                                                                  \
  NOYAU_UPDATE(bits, T, nand)                                                                 \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile T* p, T* old, T v, int, int) {   \
    touch(const_cast<T*>(p), sizeof(T), Touch::atomic, __builtin_return_address(0));          \
    return __atomic_compare_exchange_n(p, old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }                                                                                           \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile T* p, T* old, T v, int, int) {     \
    touch(const_cast<T*>(p), sizeof(T), Touch::atomic, __builtin_return_address(0));          \
    return __atomic_compare_exchange_n(p, old, v, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);  \
  }                                                                                           \
  T __tsan_atomic##bits##_compare_exchange_val(volatile T* p, T old, T v, int, int) {         \
    touch(const_cast<T*>(p), sizeof(T), Touch::atomic, __builtin_return_address(0));          \
    __atomic_compare_exchange_n(p, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);       \
    return old;                                                                               \
  }

extern "C" {

NOYAU_ACCESS(1)
NOYAU_ACCESS(2)
NOYAU_ACCESS(4)
NOYAU_ACCESS(8)
NOYAU_ACCESS(16)
NOYAU_ATOMIC(8, std::uint8_t)
NOYAU_ATOMIC(16, std::uint16_t)
NOYAU_ATOMIC(32, std::uint32_t)
NOYAU_ATOMIC(64, std::uint64_t)

void __tsan_read_range(const void* p, std::size_t n) {
  touch(p, n, Touch::read, __builtin_return_address(0));
}
void __tsan_write_range(const void* p, std::size_t n) {
  touch(p, n, Touch::write, __builtin_return_address(0));
}
void* __tsan_memcpy(void* to, const void* from, std::size_t n) {
  touch(from, n, Touch::read, __builtin_return_address(0));
  touch(to, n, Touch::write, __builtin_return_address(0));
  return std::memcpy(to, from, n);
}
void* __tsan_memmove(void* to, const void* from, std::size_t n) {
  touch(from, n, Touch::read, __builtin_return_address(0));
  touch(to, n, Touch::write, __builtin_return_address(0));
  return std::memmove(to, from, n);
}
void* __tsan_memset(void* to, int value, std::size_t n) {
  touch(to, n, Touch::write, __builtin_return_address(0));
  return std::memset(to, value, n);
}

void __tsan_init() { simt::found_instrumentation(); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_read(void**) {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"
