#pragma once
// One matrix product on the CPU, for ops that are made of them.
#include "backend.h"
#include "cpu/isa.h"

namespace noyau::inline v0 {

// end.y [m, n] = a b, without batch axes.
template <class T>
void multiply(const MatmulDims& d, const T* a, const T* b, const ConvolutionEnd<T>& end);

}  // namespace noyau::inline v0
