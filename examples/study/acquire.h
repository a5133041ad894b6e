#pragma once
/// \file
/// Gets the images of a study.

#include "common/data_sources.h"
#include "common/interrupt.h"
#include "common/progress.h"
#include "common/settings.h"

namespace study {

/// The data set that `auto` stands for: CIFAR-10 from the data directory, or else downloaded there; Fashion-MNIST, with a
/// banner that says why, where neither can be had. Any other name is returned as it is. `source` says where CIFAR-10 is.
std::string acquire_data(const programs::Settings& settings, programs::Progress& progress,
                         const programs::Interrupts& interrupts, const programs::DataSource& source);

}  // namespace study
