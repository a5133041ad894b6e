#pragma once
/// \file
/// Pictures of single images and why the network says what it says of them.

#include "explain/methods.h"
#include "noyau/serialize.h"
#include "study/parts.h"

namespace study {

/// Writes sheets of `count` images of each kind (right and wrong, confident and unsure) to `folder`/explain/`id`-N.svg and
/// returns what they are: [{"file", "kind", "name", "truth", "predicted", "probability"}].
Json write_sheets(const noyau::SavedModel& model, const noyau::Dataset& test, std::int64_t count,
                  const std::vector<explain::Method>& methods, const std::string& layer,
                  const std::string& folder, const std::string& id);

}  // namespace study
