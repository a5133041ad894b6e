#pragma once
// The 3x3 convolutions of the reference network.
#include <cstdint>

namespace bench {

/// On images size x size, from `ic` to `oc` channels.
struct Layer {
  std::int64_t size, ic, oc;
};
inline constexpr Layer kLayers[] = {{32, 3, 32},  {32, 32, 32}, {16, 32, 64},
                                    {16, 64, 64}, {8, 64, 128}, {8, 128, 128}};

}  // namespace bench
