# NOYAU_CUDA: ON compiles the kernels with nvcc, SIM as C++ against the simulator in cuda/simt, OFF leaves them out. AUTO is
# ON where a C++20 CUDA file compiles and OFF elsewhere. Sets NOYAU_CUDA_MODE to what became of it.
if(NOT NOYAU_CUDA MATCHES "^(AUTO|ON|OFF|SIM)$")
  message(FATAL_ERROR "NOYAU_CUDA is '${NOYAU_CUDA}'; expected AUTO, ON, OFF or SIM")
endif()
set(NOYAU_CUDA_MODE ${NOYAU_CUDA})
if(NOYAU_CUDA MATCHES "^(OFF|SIM)$")
  return()
endif()

if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(NOYAU_NVCC nvcc HINTS /usr/local/cuda/bin DOC "The CUDA compiler, where NOYAU_CUDA wants one")
  if(NOYAU_NVCC)
    set(ENV{CUDACXX} ${NOYAU_NVCC})
  endif()
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 75 80 90 CACHE STRING "Compute capabilities that the kernels are compiled for")
endif()
set(why "no nvcc works with this host compiler")
include(CheckLanguage)
check_language(CUDA)
if(CMAKE_CUDA_COMPILER)
  enable_language(CUDA)
  file(WRITE ${PROJECT_BINARY_DIR}/cxx20.cu "#include <concepts>
template <std::integral T> __global__ void f(T* x) { *x = 1; }
template __global__ void f(int*);
int main() {}\n")
  # CMake 3.25 does not know that nvcc takes this flag.
  try_compile(NOYAU_CUDA_WORKS ${PROJECT_BINARY_DIR}/cxx20 ${PROJECT_BINARY_DIR}/cxx20.cu
    COMPILE_DEFINITIONS -std=c++20)
  set(why "${CMAKE_CUDA_COMPILER} does not compile C++20 with this host compiler")
endif()
if(NOYAU_CUDA_WORKS)
  set(NOYAU_CUDA_MODE ON)
  list(JOIN CMAKE_CUDA_ARCHITECTURES " " architectures)
  message(STATUS "noyau: CUDA kernels for compute capabilities ${architectures}, by ${CMAKE_CUDA_COMPILER}")
elseif(NOYAU_CUDA STREQUAL "AUTO")
  set(NOYAU_CUDA_MODE OFF)
  message(STATUS "noyau: no CUDA, because ${why}")
else()
  message(FATAL_ERROR "NOYAU_CUDA=ON, but ${why}")
endif()
