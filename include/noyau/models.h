#pragma once
/// \file
/// The zoo: networks for image classification, by name.

#include "noyau/sequential.h"

namespace noyau::inline v0 {

/// Options of make_model(); absent ones leave what the model's source says.
struct ModelOptions {
  std::int64_t height = 32;                     ///< Rows of an image, at least 28.
  std::int64_t width = 32;                      ///< Columns of an image, at least 28.
  std::int64_t channels = 3;                    ///< Channels of an image.
  std::int64_t classes = 10;                    ///< Number of outputs (logits).
  double width_factor = 1;                      ///< Factor on all channel counts and hidden sizes.
  std::optional<int> depth = {};                ///< Hidden layers, stages or blocks a stage; see models().
  std::optional<Activation> activation = {};    ///< Instead of the model's.
  std::optional<double> dropout = {};           ///< Rate of every dropout; 0 leaves them out.
  std::optional<bool> batch_norm = {};          ///< With or without batch normalisation.
  std::optional<Initializer> initializer = {};  ///< Of convolutions and dense layers, instead of the model's.
};

/// A network of the zoo.
struct ModelInfo {
  std::string name;         ///< For make_model().
  std::string description;  ///< One line: what it is made of.
  std::string source;       ///< Where it comes from.
  std::string depth =
      {};  ///< What ModelOptions::depth counts and its default; empty where it has no meaning.
  bool has_dropout = false;     ///< ModelOptions::dropout has a place to act.
  bool has_batch_norm = false;  ///< ModelOptions::batch_norm has a place to act.
};
/// All networks of the zoo, from the simplest on.
NOYAU_API const std::vector<ModelInfo>& models();
/// Names of all networks of the zoo.
NOYAU_API std::vector<std::string> model_names();
/// The network of that name with fresh weights: images [n, h, w, c] to logits [n, classes]. Throws, with the nearest, on
/// an unknown name, on images below 28 x 28, and on an option that the model has no place for.
NOYAU_API Sequential make_model(std::string_view name, const ModelOptions& options = {});

/// Sets the first layer of a "speedrun" network, a frozen convolution named "whiten", from images [n, h, w, c]: its
/// filters become the eigenvectors of the covariance of their patches, each divided by the root of its eigenvalue plus
/// `epsilon`, and their negatives (tysam-code/hlb-CIFAR10). 5000 images are enough. Throws when there is no such layer.
NOYAU_API void whiten(Sequential& net, const Tensor& images, double epsilon = 5e-4);

}  // namespace noyau::inline v0
