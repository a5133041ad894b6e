#pragma once
// Judges every access of a simulated thread: is it inside what the thread may touch, was it written before it is read
// (shared memory), and does anything order it against the accesses of other threads, one of them a write?
#include <cstddef>

#include "language.h"
#include "timeline.h"

namespace simt {

enum class Touch { read, write, atomic, begin_copy, end_copy };

// An access by the running thread, from the machine code before `code`; nothing outside kernels.
void touch(const void* p, std::size_t bytes, Touch kind, const void* code);
// The same on behalf of an emulated instruction.
void touch(const void* p, std::size_t bytes, Touch kind, Site site);

// An access by a host call such as cudaMemcpyAsync; throws Failure when another stream may be at the same bytes.
void touch_by_call(const char* call, const void* p, std::size_t bytes, Touch kind,
                   const Operation& operation);

// True when kernels are compiled with memory-access calls and $NOYAU_SIMT_CHECKS is not 0.
bool checking();
void set_checking(bool on);
// Called by instrumented files when the program starts.
void found_instrumentation();

}  // namespace simt
