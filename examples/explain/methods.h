#pragma once
/// \file
/// The explanation methods by name: what noyau-explain and the report offer.

#include <functional>
#include <string>
#include <vector>

#include "noyau/explain.h"

namespace explain {

/// What a method is asked.
struct Question {
  noyau::Target target = {};                 ///< The class.
  noyau::Score score = noyau::Score::logit;  ///< Which number of it.
  std::string layer = {};                    ///< Layer of class activation maps; the deepest when empty.
  std::uint64_t seed = 0;                    ///< Of methods that draw random numbers.
};

/// A method.
struct Method {
  std::string name;        ///< On the command line.
  std::string title;       ///< Under pictures and in tables.
  std::string says;        ///< What a map means.
  std::string misleads;    ///< When not to believe it.
  bool at_layer = false;   ///< Its map has the resolution of a layer.
  bool has_signs = false;  ///< Negative values speak against the class.
  /// Maps [n, h, w].
  std::function<noyau::Tensor(const noyau::NetworkView&, const noyau::Tensor& x, const Question&)> map;
  /// The score that it explains whatever was asked; "-" when none, as asked when empty.
  std::string score = {};
};

/// All methods, the baselines random and sobel last.
const std::vector<Method>& methods();
/// The methods of a list "grad_cam,occlusion", "all" or "default"; stops with Exit::usage, naming the nearest, on an unknown one.
std::vector<Method> methods_of(const std::string& list);
/// "Grad-CAM++ (tf_keras_vis), layer last, logit": what stands under a picture besides the class.
std::string caption(const Method& method, const std::string& layer, noyau::Score score);

}  // namespace explain
