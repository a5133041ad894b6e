#pragma once
// d-input of convolutions with few in channels, such as those of images.
#include "backend.h"

namespace noyau::inline v0 {

// Whether the taps of all in channels fill vectors better than the in channels of one tap do.
template <class T>
bool has_few_channels(const Conv2dDims& d);

// dx[n, ih, iw, c] = bias[c] + sum of dy[n, oh, ow, o] * kernel[kh, kw, c, o], for has_few_channels().
template <class T>
void few_channels_dinput(const Conv2dDims& d, const T* dy, const T* kernel, const T* bias, T* dx);

}  // namespace noyau::inline v0
