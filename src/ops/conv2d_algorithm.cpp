// Which algorithm a convolution runs.
#include <cstdlib>

#include "conv_algorithms.h"
#include "cpu/isa.h"
#include "ops/conv2d_winograd.h"

namespace noyau::inline v0 {
namespace {

ConvAlgorithm algorithm_of_environment() {
  const char* name = std::getenv("NOYAU_CONV");
  if (name == nullptr || *name == '\0') return ConvAlgorithm::automatic;
  return value_of(kConvAlgorithms, "cpu", "NOYAU_CONV", name);
}

}  // namespace

void append(std::string& text, ConvAlgorithm algorithm) { append(text, name_of(kConvAlgorithms, algorithm)); }

template <class T>
int winograd_outputs(const Conv2dDims& d, ConvPass) {
  const bool applies = d.kh == 3 && d.kw == 3 && d.stride_h == 1 && d.stride_w == 1 && d.dilation_h == 1 &&
                       d.dilation_w == 1 && d.groups == 1 && d.n > 0;
  if (!applies) return 0;
  static const ConvAlgorithm environment = algorithm_of_environment();
  const ConvAlgorithm algorithm = d.algorithm == ConvAlgorithm::automatic ? environment : d.algorithm;
  switch (algorithm) {
    case ConvAlgorithm::exact:
      return 0;
    case ConvAlgorithm::winograd2:
      return 2;
    case ConvAlgorithm::winograd4:
      return 4;
    case ConvAlgorithm::automatic:
      break;
  }
  return sizeof(T) == 4 && d.ic >= 16 && d.oc >= 16 ? 4 : 0;
}

template int winograd_outputs<float>(const Conv2dDims&, ConvPass);
template int winograd_outputs<double>(const Conv2dDims&, ConvPass);

}  // namespace noyau::inline v0
