#pragma once
/// \file
/// Everything a program needs.

#include "noyau/augment.h"
#include "noyau/autograd.h"
#include "noyau/cpu.h"
#include "noyau/data.h"
#include "noyau/error.h"
#include "noyau/init.h"
#include "noyau/layers.h"
#include "noyau/loss.h"
#include "noyau/metrics.h"
#include "noyau/module.h"
#include "noyau/names.h"
#include "noyau/ops.h"
#include "noyau/optim.h"
#include "noyau/parallel.h"
#include "noyau/plot.h"
#include "noyau/random.h"
#include "noyau/sequential.h"
#include "noyau/shape.h"
#include "noyau/stats.h"
#include "noyau/tensor.h"
