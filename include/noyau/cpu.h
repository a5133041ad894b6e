#pragma once
/// \file
/// The instruction set that CPU kernels use.

#include <string_view>
#include <vector>

#include "noyau/error.h"

namespace noyau::inline v0 {

/// Instruction sets this machine runs, best first: avx512, avx2, baseline.
NOYAU_API std::vector<std::string_view> cpu_isas();
/// The one in use: at first $NOYAU_ISA or the best. Throws when $NOYAU_ISA names one this machine does not run.
NOYAU_API std::string_view cpu_isa();
/// Chooses one of cpu_isas() for all further calls; throws on any other. Results may differ by rounding.
NOYAU_API void set_cpu_isa(std::string_view name);

}  // namespace noyau::inline v0
