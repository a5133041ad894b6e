#include "study/labels.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "noyau/plot.h"

namespace study {
namespace {

using noyau::message;
using programs::Json;
using programs::Settings;

using Names = std::map<std::string, std::string, std::less<>>;

const Names& names_of(std::string_view option) {
  static const std::map<std::string, Names, std::less<>> kNames = {
      {"model",
       {{"softmax-regression", "softmax regression"},
        {"mlp", "multilayer perceptron"},
        {"minimal-cnn", "minimal CNN"},
        {"vgg", "VGG"},
        {"vgg-bn", "VGG + batch norm"},
        {"vgg-bn-dropout", "VGG + batch norm + dropout"},
        {"all-conv", "all-convolutional"},
        {"resnet20", "ResNet-20"},
        {"separable", "depthwise-separable"},
        {"reference", "reference network"},
        {"speedrun", "speed-run network"}}},
      {"optimizer",
       {{"sgd", "SGD"}, {"adam", "Adam"}, {"adamw", "AdamW"}, {"rmsprop", "RMSprop"}, {"muon", "Muon"}}},
      {"activation",
       {{"relu", "ReLU"},
        {"leaky_relu", "leaky ReLU"},
        {"elu", "ELU"},
        {"gelu", "GELU"},
        {"gelu_tanh", "GELU (tanh)"},
        {"silu", "SiLU"}}},
      {"initializer",
       {{"glorot_uniform", "Glorot uniform"},
        {"glorot_normal", "Glorot normal"},
        {"he_uniform", "He uniform"},
        {"he_normal", "He normal"},
        {"lecun_uniform", "LeCun uniform"},
        {"lecun_normal", "LeCun normal"}}},
      {"schedule", {{"one-cycle", "one cycle"}}}};
  static const Names kNone;
  const auto found = kNames.find(option);
  return found == kNames.end() ? kNone : found->second;
}

// "flip|pad_crop(4)" as "flip, pad and crop 4".
std::string augmentation_label(const std::string& recipe) {
  static const Names kSteps = {{"pad_crop", "pad and crop"},
                               {"alternating_flip", "alternating flip"},
                               {"color_jitter", "colour jitter"}};
  std::string label;
  for (std::size_t begin = 0; begin <= recipe.size();) {
    const std::size_t end = std::min(recipe.find('|', begin), recipe.size());
    std::string step = recipe.substr(begin, end - begin);
    std::string argument;
    if (const std::size_t open = step.find('('); open != std::string::npos && step.ends_with(')')) {
      argument = message(" ", step.substr(open + 1, step.size() - open - 2));
      step.resize(open);
    }
    const auto known = kSteps.find(step);
    label += message(label.empty() ? "" : ", ", known == kSteps.end() ? step : known->second, argument);
    begin = end + 1;
  }
  return label;
}

void add(std::string& text, const std::string& part) {
  if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
}

}  // namespace

std::string value_label(std::string_view option, const Json& value) {
  if (!value.is_string()) return value.dump();
  const std::string text = value.get<std::string>();
  if (option == "augment") return augmentation_label(text);
  const Names& names = names_of(option);
  const auto found = names.find(text);
  return found == names.end() ? text : found->second;
}

std::string value_phrase(std::string_view option, const std::string& label) {
  const programs::Option& known = programs::option(option, "report");
  const std::string name(known.label);
  // A count reads before its noun, everything else behind the name of its option.
  const bool counts = option == "epochs" || option.ends_with("-images");
  return counts ? label + " " + name : name + " " + label;
}

std::string set_up(const Settings& settings, const std::vector<std::string>& varied) {
  const auto is_varied = [&](std::string_view option) {
    return std::find(varied.begin(), varied.end(), option) != varied.end();
  };
  const Settings standard;
  std::string text;
  const auto value = [&](std::string_view name) {
    const programs::Option& option = programs::option(name, "report");
    return value_label(name, value_of(option, settings));
  };
  const auto always = [&](std::string_view name, const std::string& part) {
    if (!is_varied(name)) add(text, part);
  };
  const auto unless_default = [&](std::string_view name) {
    const programs::Option& option = programs::option(name, "report");
    if (!is_varied(name) && value_of(option, settings) != value_of(option, standard))
      add(text, message(option.label, " ", value(name)));
  };
  always("model", value("model"));
  always("train-images", settings.train_images == 0 ? "all training images"
                                                    : message(settings.train_images, " training images"));
  always("epochs", message(settings.epochs, settings.epochs == 1 ? " epoch" : " epochs"));
  always("batch", message("batch size ", settings.batch));
  always("optimizer", value("optimizer"));
  always("momentum", message("momentum ", noyau::plot::number(settings.momentum)));
  always("rate", message("learning rate ", noyau::plot::number(settings.rate, 4)));
  always("schedule", message(value("schedule"), " schedule"));
  always("augment", settings.augment == "none" ? "no augmentation" : value("augment"));
  for (const char* name :
       {"width", "depth", "activation", "initializer", "dropout", "batch-norm", "weight-decay", "nesterov",
        "warmup", "loss", "label-smoothing", "clip", "ema", "random-labels", "tta", "ensemble"})
    unless_default(name);
  return text;
}

}  // namespace study
