#include "noyau/models.h"

#include <algorithm>
#include <cmath>

#include "nn/zoo_builder.h"
#include "noyau/names.h"

namespace noyau::inline v0 {
namespace {

constexpr std::int64_t kSmallestImage = 28;
using Build = void (*)(ZooBuilder& b);

void softmax_regression(ZooBuilder& b) {
  b.flatten();
  b.logits();
}

void mlp(ZooBuilder& b) {
  b.flatten();
  for (int i = 0; i < b.depth; ++i) {
    b.dense(b.width(512));
    b.norm();
    b.act();
    b.dropout();
  }
  b.logits();
}

void minimal_cnn(ZooBuilder& b) {
  for (int stage = 0; stage < b.depth; ++stage) {
    b.conv_norm_act(b.width(32 << std::min(stage, 1)), 3);
    b.max_pool();
    b.dropout();
  }
  b.flatten();
  b.dense(b.width(64));
  b.act();
  b.dropout();
  b.logits();
}

// Pairs of convolutions and a pool with dropout at `first` rate, `more` higher each time, then a hidden dense layer.
void vgg_with_dropout(ZooBuilder& b, double first, double more, double hidden) {
  for (int stage = 0; stage < b.depth; ++stage) {
    const std::int64_t channels = b.width(32 << std::min(stage, 3));
    b.conv_norm_act(channels, 3);
    b.conv_norm_act(channels, 3);
    b.max_pool();
    b.dropout(std::min(first + stage * more, hidden));
  }
  b.flatten();
  b.dense(b.width(128));
  b.act();
  b.dropout(hidden);
  b.logits();
}

void vgg(ZooBuilder& b) { vgg_with_dropout(b, 0, 0, 0); }
void vgg_dropout(ZooBuilder& b) { vgg_with_dropout(b, 0.2, 0.1, 0.5); }
void reference(ZooBuilder& b) { vgg_with_dropout(b, 0.2, 0, 0.5); }

void all_conv(ZooBuilder& b) {
  const std::int64_t narrow = b.width(48), wide = b.width(96);
  for (const std::int64_t channels : {narrow, wide}) {
    for (int i = 0; i < b.depth; ++i) b.conv_norm_act(channels, 3);
    b.conv_norm_act(channels, 3, 2);
    b.dropout();
  }
  b.conv_norm_act(wide, 3);
  b.conv_norm_act(wide, 1);
  b.global_pool();
  b.logits();
}

void residual_block(ZooBuilder& b, std::int64_t channels, std::int64_t stride) {
  const std::int64_t c = b.c, h = b.h, w = b.w;
  Sequential shortcut;
  if (stride != 1 || c != channels) {
    shortcut = b.branch([&] {
      b.conv(channels, 1, stride);
      b.norm();
    });
    b.h = h, b.w = w, b.c = c;
  }
  Sequential body = b.branch([&] {
    b.conv_norm_act(channels, 3, stride);
    b.conv(channels, 3);
    b.norm();
  });
  b.net.push_back(Residual(std::move(body), std::move(shortcut), {.activation = b.activation}));
}

void resnet(ZooBuilder& b) {
  b.conv_norm_act(b.width(16), 3);
  for (int stage = 0; stage < 3; ++stage) {
    for (int block = 0; block < b.depth; ++block) {
      residual_block(b, b.width(16 << stage), stage > 0 && block == 0 ? 2 : 1);
    }
  }
  b.global_pool();
  b.logits();
}

void separable(ZooBuilder& b) {
  const auto block = [&](std::int64_t channels, std::int64_t stride) {
    b.depthwise(3, stride);
    b.norm();
    b.act();
    b.conv_norm_act(channels, 1);
  };
  b.conv_norm_act(b.width(32), 3);
  block(b.width(64), 1);
  for (int stage = 0; stage < b.depth; ++stage) {
    const std::int64_t channels = b.width(128 << std::min(stage, 2));
    block(channels, 2);
    block(channels, 1);
  }
  b.global_pool();
  b.dropout();
  b.logits();
}

void speedrun(ZooBuilder& b) {
  const std::int64_t filters =
      2 * 2 * 2 * b.c;  // an eigenvector of 2x2 patches and its negative for each dimension
  b.net.push_back(named("whiten", Conv2d(b.c, filters, 2, {.padding = Padding::valid(), .frozen = true})));
  b.h -= 1, b.w -= 1, b.c = filters;
  b.act();
  for (const std::int64_t channels : {b.width(64), b.width(256), b.width(256)}) {
    b.conv(channels, 3);
    b.pass_through();
    b.max_pool();
    b.norm_without_scale();
    b.act();
    b.conv(channels, 3);
    b.pass_through();
    b.norm_without_scale();
    b.act();
  }
  b.net.push_back(GlobalMaxPool());
  // Unit variance at first, and small logits whatever the width.
  b.logits({Init::lecun_uniform, std::sqrt(static_cast<double>(b.c))}, false);
  b.net.push_back(Scale(1 / static_cast<double>(b.c)));
}

struct Model {
  ModelInfo info;
  ZooDefaults defaults;
  Build build;
};

const std::vector<Model>& zoo() {
  constexpr Activation relu = Activation::relu;
  static const std::vector<Model> all{
      {{"softmax-regression", "one dense layer from pixels to classes", "multinomial logistic regression"},
       {relu, Init::glorot_uniform},
       softmax_regression},
      {{"mlp", "two hidden dense layers of 512", "multilayer perceptron", "hidden layers (2)", true, true},
       {relu, Init::he_normal, 2},
       mlp},
      {{"minimal-cnn",
        "two convolutions with max-pools (32, 64), a dense layer of 64; a first notebook's network",
        "after the TensorFlow tutorial 'Convolutional Neural Network'", "convolutions with pool (2)", true,
        true},
       {relu, Init::glorot_uniform, 2},
       minimal_cnn},
      {{"vgg", "three pairs of 3x3 convolutions with max-pools (32, 64, 128), a dense layer of 128",
        "after Simonyan and Zisserman, arXiv 1409.1556", "pairs of convolutions (3)", true, true},
       {relu, Init::he_normal, 3},
       vgg},
      {{"vgg-bn", "vgg with batch normalisation", "Ioffe and Szegedy, arXiv 1502.03167",
        "pairs of convolutions (3)", true, true},
       {relu, Init::he_normal, 3, true},
       vgg},
      {{"vgg-bn-dropout",
        "vgg-bn with dropout of 0.2, 0.3, 0.4 after the pairs and 0.5 before the last layer",
        "Srivastava et al., JMLR 15 (2014)", "pairs of convolutions (3)", true, true},
       {relu, Init::he_normal, 3, true},
       vgg_dropout},
      {{"all-conv", "3x3 convolutions, every third with stride 2 (48, 96), and global average pooling",
        "Springenberg et al., arXiv 1412.6806, at half the width", "convolutions before each strided one (2)",
        true, true},
       {relu, Init::he_normal, 2},
       all_conv},
      {{"resnet20",
        "a convolution, nine residual blocks (16, 32, 64; projection shortcuts), global average pooling",
        "He et al., arXiv 1512.03385, section 4.2", "blocks a stage (3)", false, true},
       {relu, Init::he_normal, 3, true},
       resnet},
      {{"separable", "seven depthwise-separable convolutions (64 to 512) and global average pooling",
        "after Howard et al., arXiv 1704.04861", "halvings of the image (3)", true, true},
       {relu, Init::he_normal, 3, true},
       separable},
      {{"reference", "vgg-bn with dropout of 0.2 after the pairs: the network noyau's speed is measured on",
        "noyau's benchmarks", "pairs of convolutions (3)", true, true},
       {relu, Init::he_normal, 3, true},
       reference},
      {{"speedrun",
        "a whitening 2x2 convolution, three pairs of 3x3 convolutions (64, 256, 256), global max-pooling",
        "K. Jordan's airbench94, arXiv 2404.00498", "", false, true},
       {Activation::gelu, {Init::lecun_uniform, 1 / std::sqrt(3.0)}, 0, true},
       speedrun},
  };
  return all;
}

const Model& model_of(std::string_view name) {
  for (const Model& model : zoo()) {
    if (model.info.name == name) return model;
  }
  fail_unknown("make_model", "model", name, model_names());
}

void check(const ModelOptions& o, const ModelInfo& model) {
  NOYAU_CHECK(o.height >= kSmallestImage && o.width >= kSmallestImage, "make_model: images of ", o.height,
              " x ", o.width, " are too small; the zoo needs ", kSmallestImage, " x ", kSmallestImage);
  NOYAU_CHECK(o.channels > 0 && o.classes > 0, "make_model: channels (", o.channels, ") and classes (",
              o.classes, ") must be above 0");
  NOYAU_CHECK(o.width_factor > 0, "make_model: the width factor must be above 0, not ", o.width_factor);
  NOYAU_CHECK(!o.depth || (!model.depth.empty() && *o.depth > 0), "make_model: ", model.name,
              model.depth.empty() ? " has no depth to choose" : " needs a depth above 0");
  NOYAU_CHECK(o.dropout.value_or(0) == 0 || model.has_dropout, "make_model: ", model.name,
              " has no place for dropout");
  NOYAU_CHECK(!o.batch_norm.value_or(false) || model.has_batch_norm, "make_model: ", model.name,
              " has no place for batch normalisation");
}

}  // namespace

const std::vector<ModelInfo>& models() {
  static const std::vector<ModelInfo> all = [] {
    std::vector<ModelInfo> infos;
    for (const Model& model : zoo()) infos.push_back(model.info);
    return infos;
  }();
  return all;
}

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const ModelInfo& model : models()) names.push_back(model.name);
  return names;
}

Sequential make_model(std::string_view name, const ModelOptions& options) {
  const Model& model = model_of(name);
  check(options, model.info);
  ZooBuilder builder(options, model.defaults);
  model.build(builder);
  return std::move(builder.net);
}

}  // namespace noyau::inline v0
