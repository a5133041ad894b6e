#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#if !defined(__x86_64__)
#error "the simulator's context switch is written for x86-64 only"
#endif

// System V x86-64: a call keeps rbx, rbp, r12 to r15 and the stack pointer; everything else is the caller's to save.
asm(R"(
.text
.globl noyau_simt_switch
.hidden noyau_simt_switch
.type noyau_simt_switch, @function
noyau_simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size noyau_simt_switch, . - noyau_simt_switch
)");
extern "C" void noyau_simt_switch(void** from, void* to);

namespace simt {

Stacks::~Stacks() {
  if (base_ != nullptr) munmap(base_, count_ * kBytes);
}

void Stacks::reserve(std::size_t count) {
  if (count <= count_) return;
  if (base_ != nullptr) munmap(base_, count_ * kBytes);
  void* memory = mmap(nullptr, count * kBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  base_ = static_cast<char*>(memory);
  count_ = count;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (std::size_t i = 0; i < count; ++i) mprotect(base_ + i * kBytes, page, PROT_NONE);
}

Context make_context(char* top, void (*entry)()) {
  auto** stack = reinterpret_cast<void**>(top);
  *--stack = nullptr;  // where entry would return to; the stack is aligned as after a call
  *--stack = reinterpret_cast<void*>(entry);
  for (int saved = 0; saved < 6; ++saved) *--stack = nullptr;
  return stack;
}

void switch_context(Context& from, Context to) { noyau_simt_switch(&from, to); }

}  // namespace simt
