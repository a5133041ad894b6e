#pragma once
// Shapes that kernels take by value: n batch; ih iw ic input; oh ow oc output; kh kw window. Offsets are int64.
#include <cstdint>

namespace noyau::inline v0 {}  // namespace noyau::inline v0
