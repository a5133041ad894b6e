// What class activation maps must satisfy whatever the network.
#include "catch2.h"
#include "explain/nets.h"
#include "noyau/parallel.h"

namespace ny = noyau;

namespace {

const std::vector<ny::CamMethod> kMethods{
    ny::CamMethod::grad_cam,  ny::CamMethod::grad_cam_plus, ny::CamMethod::grad_cam_pp,
    ny::CamMethod::hires_cam, ny::CamMethod::layer_cam,     ny::CamMethod::element_wise_cam,
    ny::CamMethod::xgrad_cam, ny::CamMethod::eigen_cam,     ny::CamMethod::eigen_grad_cam};

double worst(const ny::Tensor& a, const ny::Tensor& b) {
  return max(abs(a - b)).item<double>() / std::max(1e-30, max(abs(b)).item<double>());
}

ny::CamOptions with_signs(ny::CamOptions options) {
  options.positive = false;
  return options;
}

}  // namespace

TEST_CASE("with global average pooling, the CAM family is one method", "[fast][explain]") {
  const ny::Sequential net = gap_net();
  const ny::Tensor x = random_images({3, 8, 8, 3}, 2);
  const ny::CamOptions options = with_signs({.layer = "last", .target = 2});
  const ny::Tensor grad_cam = ny::grad_cam(net, x, options);
  CHECK(worst(hires_cam(net, x, options), grad_cam) < 1e-5);
  CHECK(worst(cam(ny::CamMethod::cam, net, x, options), grad_cam * 16.0) < 1e-5);
  const auto& head = dynamic_cast<const ny::Dense&>(net[net.size() - 1].layer.module());
  CHECK(worst(mean(cam(ny::CamMethod::cam, net, x, options), {1, 2}),
              class_scores(net, x, 2) - head.bias.tensor().detach()[2]) < 1e-5);
  // Second and third derivatives cancel: Grad-CAM++ of tf-keras-vis is LayerCAM, and Grad-CAM of positive gradients.
  const ny::Tensor layer_cam = ny::layer_cam(net, x, options);
  CHECK(worst(grad_cam_pp(net, x, options), layer_cam) < 1e-4);
  CHECK(worst(cam(ny::CamMethod::grad_cam_plus, net, x, options), layer_cam) < 1e-5);
}

TEST_CASE("CAM refuses heads it is not defined for", "[fast][explain]") {
  const ny::Tensor x = random_images({1, 8, 8, 3}, 2);
  REQUIRE_THROWS_WITH(
      cam(ny::CamMethod::cam, flatten_net(), x, {.layer = "last"}),
      ContainsSubstring("cam: behind layer 'last' there is more than global average pooling"));
  REQUIRE_THROWS_WITH(
      cam(ny::CamMethod::cam, gap_net(), x, {.layer = "last", .score = ny::Score::probability}),
      ContainsSubstring("or the score is no logit"));
}

TEST_CASE("HiResCAM is complete for one dense layer on top", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = random_images({3, 8, 8, 3}, 3);
  const ny::Tensor map = hires_cam(net, x, with_signs({.layer = "last", .target = 1}));
  const auto& head = dynamic_cast<const ny::Dense&>(net[net.size() - 1].layer.module());
  const ny::Tensor expected = class_scores(net, x, 1) - head.bias.tensor().detach()[1];
  CHECK(worst(sum(map, {1, 2}), expected) < 1e-5);
}

TEST_CASE("the gradient at a layer is that of finite differences", "[fast][explain]") {
  ny::Sequential net = flatten_net();
  net.to(ny::Dtype::f64);
  const ny::Tensor x = random_images({1, 8, 8, 3}, 3, ny::Dtype::f64);
  net.train(false);
  const ny::Tensor a = tap(net, x, {"last"}).taps[0].detach();
  // With A = 1, HiResCAM summed over channels is the gradient summed over channels.
  const ny::Tensor g = hires_cam(net, x, with_signs({.layer = "last", .target = 1}));
  const ny::NoGrad off;
  double total = 0;
  for (std::int64_t channel = 0; channel < 8; ++channel) {
    ny::Tensor step = ny::zeros(a.shape(), {ny::Dtype::f64});
    step.mutable_data<double>()[channel] = 1e-6;
    const auto score = [&](const ny::Tensor& t) { return replace(net, x, "last", t)[0][1].item<double>(); };
    total += (score(a + step) - score(a - step)) / 2e-6 * a.data<double>()[channel];
  }
  CHECK(total == Approx(g.data<double>()[0]).epsilon(1e-6));
}

TEST_CASE("maps keep their shape when activations are scaled and logits shifted", "[fast][explain]") {
  const ny::Tensor x = random_images({2, 8, 8, 3}, 4);
  const ny::Sequential net = flatten_net();
  ny::Sequential scaled = net;  // A becomes 4 A, the head's weights a quarter
  for (const char* name : {"conv2d_1.kernel", "conv2d_1.bias", "head.kernel"}) {
    for (const ny::NamedTensor& t : scaled.state()) {
      if (t.name == name)
        t.tensor.copy_from(t.tensor.detach() * (std::string(name) == "head.kernel" ? 0.25 : 4.0));
    }
  }
  ny::Sequential shifted = net;
  for (const ny::NamedTensor& t : shifted.state()) {
    if (t.name == "head.bias") t.tensor.copy_from(t.tensor.detach() + 100.0);
  }
  for (const ny::CamMethod method : kMethods) {
    INFO("method " << static_cast<int>(method));
    const ny::CamOptions options{.layer = "last", .target = 3};
    const auto map = [&](const ny::Sequential& of) {
      return normalize_map(cam(method, of, x, options), ny::MapRange::maximum);
    };
    CHECK(worst(map(scaled), map(net)) < 1e-4);
    CHECK(equal(cam(method, shifted, x, options), cam(method, net, x, options)));
  }
}

TEST_CASE("the mirror image of a mirror-symmetric network has the mirrored map", "[fast][explain]") {
  ny::Sequential net = gap_net();
  for (const ny::NamedTensor& t : net.state()) {
    if (t.name.ends_with("conv2d.kernel") || t.name.ends_with("conv2d_1.kernel"))
      t.tensor.copy_from((t.tensor + flip(t.tensor, {1})).detach() * 0.5);
  }
  const ny::Tensor x = random_images({1, 8, 8, 3}, 5);
  for (const ny::CamMethod method : kMethods) {
    INFO("method " << static_cast<int>(method));
    const ny::CamOptions options{.layer = "last", .target = 1};
    CHECK(worst(flip(cam(method, net, flip(x, {2}), options), {2}), cam(method, net, x, options)) < 1e-4);
  }
}

TEST_CASE("every map of a planted square has its peak there", "[fast][explain]") {
  const ny::Sequential net = planted_net();
  const ny::Tensor x = planted_image(8, 3, 2, 7);
  const auto inside = [](const ny::Tensor& map, std::int64_t row, std::int64_t column) {
    const auto [r, c] = peak(map, 12);
    return r >= row && r <= row + 1 && c >= column && c <= column + 1;
  };
  for (const ny::CamMethod method : kMethods) {
    if (method == ny::CamMethod::eigen_cam) continue;  // does not know the class
    INFO("method " << static_cast<int>(method));
    CHECK(inside(cam(method, net, x, {.layer = "last", .target = 0}), 8, 3));
    CHECK(inside(cam(method, net, x, {.layer = "last", .target = 1}), 2, 7));
  }
  CHECK(inside(ablation_cam(net, x, {.layer = "last", .target = 0}), 8, 3));
  CHECK(inside(fused_layer_cam(net, x, {"last"}, {.target = 1}), 2, 7));
}

TEST_CASE("a map does not depend on its batch or on the number of threads", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = random_images({35, 8, 8, 3}, 6);  // one full batch of 32 and part of the next
  for (const ny::CamMethod method : kMethods) {
    INFO("method " << static_cast<int>(method));
    const ny::Tensor maps = cam(method, net, x, {.layer = "last"});
    const ny::Tensor one = cam(method, net, slice(x, 0, 33, 34), {.layer = "last"});
    CHECK(worst(slice(maps, 0, 33, 34), one) < 1e-5);
    const int before = ny::num_threads();
    ny::set_num_threads(before == 1 ? 2 : 1);
    CHECK(equal(cam(method, net, x, {.layer = "last"}), maps));
    ny::set_num_threads(before);
  }
}

TEST_CASE("explaining leaves the network as it was", "[fast][explain]") {
  ny::Sequential net = gap_net();
  net.at("batch_norm").train(false);  // a frozen layer in a network that trains
  const std::vector<ny::NamedTensor> state = net.state();
  std::vector<ny::Tensor> before;
  for (const ny::NamedTensor& t : state) before.push_back(t.tensor.clone());
  state[0].tensor.set_grad(ny::ones(state[0].tensor.shape()));
  const ny::Tensor x = random_images({2, 8, 8, 3}, 7);
  (void)grad_cam_pp(net, x);
  (void)ablation_cam(net, x);
  (void)score_cam(net, x);
  REQUIRE_THROWS(grad_cam_pp(net, x, {.target = 9}));
  for (std::size_t i = 0; i < state.size(); ++i) CHECK(equal(state[i].tensor, before[i]));
  CHECK(equal(state[0].tensor.grad(), ny::ones(state[0].tensor.shape())));
  CHECK_FALSE(state[1].tensor.grad().defined());
  CHECK(net.training());
  CHECK_FALSE(net.at("batch_norm").training());
  CHECK(net.at("relu").training());
  CHECK_FALSE(x.requires_grad());
}

TEST_CASE("an empty map is zeros and is said to be so", "[fast][explain]") {
  ny::Sequential net = gap_net();
  for (const ny::NamedTensor& t : net.state()) {
    if (t.name == "head.kernel") t.tensor.copy_from(ny::full(t.tensor.shape(), -1));
  }
  const ny::Tensor x = random_images({1, 8, 8, 3}, 8);
  for (const ny::CamMethod method :
       {ny::CamMethod::grad_cam, ny::CamMethod::grad_cam_pp, ny::CamMethod::layer_cam}) {
    const ny::Tensor map = cam(method, net, x, {.layer = "last", .target = 0});
    CHECK(equal(map, ny::zeros(map.shape())));
    CHECK(equal(normalize_map(map, ny::MapRange::maximum), map));
    CHECK(equal(normalize_map(map, ny::MapRange::min_max), map));
    CHECK_THAT(diagnose_map(map), ContainsSubstring("empty"));
  }
  CHECK_THAT(diagnose_map(ny::ones({2, 2})), ContainsSubstring("constant"));
  CHECK_THAT(diagnose_map(ny::full({2, 2}, std::numeric_limits<double>::quiet_NaN())),
             ContainsSubstring("4 of 4 values are not finite"));
  CHECK_THAT(diagnose_map(reshape(ny::tensor({0, 1e-9, 0, 0}), {2, 2})), ContainsSubstring("almost empty"));
  CHECK(diagnose_map(reshape(ny::tensor({0, 1, 0, 0}), {2, 2})).empty());
}

TEST_CASE("Grad-CAM++ does not overflow where e^S does", "[fast][explain]") {
  ny::Sequential net = gap_net();
  for (const ny::NamedTensor& t : net.state()) {
    if (t.name == "head.bias") t.tensor.copy_from(ny::full(t.tensor.shape(), 500));
  }
  const ny::Tensor x = random_images({1, 8, 8, 3}, 8);
  ny::CamOptions options{.layer = "last", .target = 1};
  const ny::Tensor plain = grad_cam_pp(net, x, options);
  options.times_exp_score = true;
  const ny::Tensor scaled = grad_cam_pp(net, x, options);
  CHECK(diagnose_map(scaled) == diagnose_map(plain));
  CHECK(worst(normalize_map(scaled, ny::MapRange::maximum), normalize_map(plain, ny::MapRange::maximum)) <
        1e-5);
}

TEST_CASE("the layer that is taken by default is the deepest with a map", "[fast][explain]") {
  const ny::Tensor x = random_images({1, 8, 8, 3}, 9);
  const ny::Sequential net = gap_net();
  CHECK(default_map_layer(net, x) == "last");
  const std::vector<ny::MapLayer> layers = map_layers(net, x);
  REQUIRE(layers.size() == 6);
  CHECK((layers[3].name == "max_pool" && layers[3].height == 4 && layers[3].channels == 6));
  CHECK(equal(grad_cam(net, x), grad_cam(net, x, {.layer = "last"})));
}

TEST_CASE("wrong input is told in one line with the valid choices", "[fast][explain]") {
  const ny::Sequential net = gap_net();
  const ny::Tensor x = random_images({2, 8, 8, 3}, 9);
  CHECK_THROWS_WITH(
      grad_cam(net, x, {.layer = "lasst"}),
      ContainsSubstring("explain: unknown layer 'lasst'; did you mean 'last'? (known: conv2d, "));
  CHECK_THROWS_WITH(
      grad_cam(net, x, {.layer = "pool"}),
      ContainsSubstring("explain: layer 'pool' gives no map of at least 2 x 2 positions; those that do: "
                        "conv2d, batch_norm, relu, max_pool, conv2d_1, last"));
  CHECK_THROWS_WITH(grad_cam(net, x, {.target = 5}),
                    "explain: target 5 is no class; the network has 5 (0 to 4)");
  CHECK_THROWS_WITH(grad_cam(net, x, {.target = std::vector<std::int32_t>{1, 2, 3}}),
                    "explain: 3 targets for 2 images");
  CHECK_THROWS_WITH(grad_cam(net, x[0]), ContainsSubstring("cam: expected images [n, h, w, c]"));
  CHECK_THROWS_WITH(grad_cam(net, random_images({1, 8, 8, 1}, 1)), ContainsSubstring("1 channels"));
  CHECK_THROWS_WITH(grad_cam(flatten_net(), random_images({1, 10, 8, 3}, 1)), ContainsSubstring("dense"));
  const ny::Sequential dense(ny::Flatten(), ny::Dense(192, 3));
  CHECK_THROWS_WITH(grad_cam(dense, x), ContainsSubstring("use a method that explains pixels"));
  CHECK_THROWS_WITH(ny::Target::difference(ny::Target::difference(1, 2), 3),
                    ContainsSubstring("difference of differences"));
  CHECK_THROWS_WITH(fused_layer_cam(net, x, {}), ContainsSubstring("no layers"));
  const ny::NoGrad off;
  CHECK_THROWS_WITH(grad_cam(net, x), ContainsSubstring("explain: gradients are switched off"));
  CHECK_THROWS_WITH(saliency(net, x), ContainsSubstring("explain: gradients are switched off"));
}

TEST_CASE("a difference of classes is explained by the difference of their maps", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = random_images({2, 8, 8, 3}, 10);
  const auto map = [&](const ny::Target& target) {
    return hires_cam(net, x, with_signs({.layer = "last", .target = target}));
  };
  CHECK(worst(map(ny::Target::difference(1, std::vector<std::int32_t>{0, 4})),
              map(1) - map(std::vector<std::int32_t>{0, 4})) < 1e-5);
  CHECK(worst(class_scores(net, x, ny::Target::difference(1, 2)),
              class_scores(net, x, 1) - class_scores(net, x, 2)) < 1e-5);
}

TEST_CASE("the diagnosis of Grad-CAM++ counts what leaves its range", "[fast][explain]") {
  const ny::Tensor x = random_images({2, 8, 8, 3}, 10);
  const ny::PlusPlusDiagnosis pooled = diagnose_plus_plus(gap_net(), x, {.layer = "last"});
  CHECK(pooled.constant_share == 1);
  const ny::PlusPlusDiagnosis flat = diagnose_plus_plus(flatten_net(), x, {.layer = "last"});
  CHECK(flat.constant_share < 0.2);
  CHECK(flat.largest_gradient > 0);
  CHECK((flat.negative_share >= 0 && flat.negative_share <= 1));
}
