#pragma once
/// \file
/// Pictures of units.

#include <string>

#include "noyau/tensor.h"

namespace inspection {

/// Pictures in a row of a unit.
inline constexpr int kAcross = 5;

/// PNG bytes of a unit: what maximises it and its strongest patches in the first row, patches at equal distances of rank
/// below. All are u8 [n, h, w, c]; n is 1, kAcross - 1 and kAcross.
std::string unit_picture(const noyau::Tensor& maximising, const noyau::Tensor& strongest,
                         const noyau::Tensor& deciles);
/// PNG bytes of the filters u8 [n, h, w, c] in rows, enlarged.
std::string filter_picture(const noyau::Tensor& filters);

}  // namespace inspection
