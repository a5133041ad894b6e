#pragma once
// The simulator's device side and runtime, as one include: what <cuda_runtime.h> is to nvcc.
#include "atomics.h"
#include "collectives.h"
#include "device_math.h"
#include "language.h"
#include "launch.h"
#include "memory.h"
#include "orders.h"
#include "races.h"
#include "report.h"
#include "runtime.h"
