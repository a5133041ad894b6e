#pragma once
// cp.async: a copy happens only when its group is waited for, and its destination is NaN until then.
#include "language.h"

namespace simt {

// Copies from global memory, or zeros where `from` is null; both ends are aligned to `bytes`.
void copy_async(void* to, const void* from, unsigned bytes, Site site);
void commit_copies();
void wait_copies(int pending);

}  // namespace simt
