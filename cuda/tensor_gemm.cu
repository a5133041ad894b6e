#include "tensor_gemm.h"

namespace noyau::inline v0 {

void check_tensor_cores(const Context& context, const char* dtype) {
  int major = 0;
  int minor = 0;
  const int device = context.device.index;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
  cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
  NOYAU_CHECK(major >= 8, context.device, ": this GPU (compute capability ", major, '.', minor,
              ") has no tensor cores for ", dtype, "; use precision f16 or f32");
}

}  // namespace noyau::inline v0
