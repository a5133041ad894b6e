// What attributions of pixels must satisfy whatever the network.
#include <cmath>

#include "catch2.h"
#include "explain/nets.h"

namespace ny = noyau;

namespace {

double worst(const ny::Tensor& a, const ny::Tensor& b) {
  return max(abs(a - b)).item<double>() / std::max(1e-30, max(abs(b)).item<double>());
}

// A network without biases: what arrives at the image is what left the score.
ny::Sequential unbiased_net(ny::Conv2dLayerOptions first) {
  ny::seed(
      2);  // with it every unit has positive and negative parts, without which alpha-beta keeps no totals
  first.bias = false;
  return ny::Sequential(ny::Conv2d(3, 6, 3, first), ny::Relu(), ny::Conv2d(6, 8, 3, {.bias = false}),
                        ny::Relu(), ny::GlobalAveragePool(), ny::Dense(8, 5, {.bias = false}));
}

// R_x = x (w+ or w-) R / z for one dense layer, written out.
ny::Tensor alpha_beta_dense(const ny::Tensor& x, const ny::Tensor& w, double alpha) {
  double raising = 0;
  double lowering = 0;
  const std::vector<float> xs = x.to_vector<float>();
  const std::vector<float> ws = w.to_vector<float>();
  double z = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const double part = static_cast<double>(xs[i]) * ws[i];
    z += part;
    (part > 0 ? raising : lowering) += part;
  }
  std::vector<float> relevance;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const double part = static_cast<double>(xs[i]) * ws[i];
    relevance.push_back(
        static_cast<float>(z * (part > 0 ? alpha * part / raising : -(alpha - 1) * part / lowering)));
  }
  return ny::from_vector(relevance, x.shape());
}

}  // namespace

TEST_CASE("integrated gradients are complete and exact for a quadratic score", "[fast][explain]") {
  const ny::Sequential net(ny::Flatten(), [](const ny::Tensor& x) { return sum(x * x, {1}, true); });
  const ny::Tensor x = random_images({2, 3, 5, 2}, 1);  // 2 images of odd extents
  for (const int steps : {1, 2, 7}) {
    for (const ny::IntegralRule rule : {ny::IntegralRule::gauss_legendre, ny::IntegralRule::midpoint}) {
      const ny::Attribution a = integrated_gradients(net, x, {.target = 0, .steps = steps, .rule = rule});
      CHECK(worst(a.values, x * x) < 1e-5);  // a linear gradient needs a single node
      CHECK(worst(a.total, a.difference) < 1e-5);
    }
  }
}

TEST_CASE("more steps close the completeness gap", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = random_images({3, 8, 8, 3}, 2);
  const auto gap = [&](int steps) {
    const ny::Attribution a = integrated_gradients(net, x, {.target = 1, .steps = steps});
    return max(abs(a.total - a.difference)).item<double>() / max(abs(a.difference)).item<double>();
  };
  CHECK(gap(200) < 0.02);
  CHECK(gap(200) < gap(4));
}

TEST_CASE("integrated gradients depend on the function, not on how it is computed", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  ny::Sequential twice = net;  // f = relu(f + big) - big where f + big > 0
  twice.push_back([](const ny::Tensor& y) { return relu(y + 1000.0) - 1000.0; });
  const ny::Tensor x = random_images({2, 8, 8, 3}, 2);
  CHECK(worst(integrated_gradients(twice, x, {.target = 1}).values,
              integrated_gradients(net, x, {.target = 1}).values) < 1e-3);
}

TEST_CASE("DeepLIFT is complete", "[fast][explain]") {
  const ny::Tensor x = random_images({3, 8, 8, 3}, 4);
  for (const ny::Sequential& net : {gap_net(), flatten_net()}) {
    const ny::Attribution a = deep_lift(net, x, {.target = 2, .baseline = ny::full({1, 1, 1, 3}, 0.3)});
    CHECK(worst(a.total, a.difference) < 1e-3);
  }
}

TEST_CASE("relevance is conserved without biases", "[fast][explain]") {
  const ny::Tensor x = random_images({2, 9, 8, 3}, 4);  // odd height: a stride of 2 leaves a row of padding
  for (const ny::Conv2dLayerOptions& first :
       {ny::Conv2dLayerOptions{}, ny::Conv2dLayerOptions{.stride = 2},
        ny::Conv2dLayerOptions{.stride = {2, 3}, .padding = ny::Padding::valid()},
        ny::Conv2dLayerOptions{.padding = ny::Padding(1, 0, 2, 1), .dilation = 2}}) {
    const ny::Sequential net = unbiased_net(first);
    const ny::Tensor scores = class_scores(net, x, 2);
    for (const ny::LrpRule rule : {ny::LrpRule::epsilon, ny::LrpRule::gamma, ny::LrpRule::alpha_beta}) {
      INFO("rule " << static_cast<int>(rule));
      const ny::Tensor relevance = lrp(net, x, {.target = 2, .rule = rule, .epsilon = 1e-9, .alpha = 2});
      CHECK(worst(sum(relevance, {1, 2, 3}), scores) < 1e-2);
    }
  }
}

TEST_CASE("LRP of linear networks is input times gradient", "[fast][explain]") {
  ny::seed(5);
  const ny::Sequential net(ny::Conv2d(3, 4, 3), ny::Flatten(), ny::Dense(4 * 5 * 4, 2));
  const ny::Tensor x = random_images({2, 5, 4, 3}, 6);
  CHECK(worst(lrp(net, x, {.target = 1, .epsilon = 1e-9}), input_times_gradient(net, x, {.target = 1})) <
        1e-4);
}

TEST_CASE("LRP alpha-beta of one dense layer is its definition", "[fast][explain]") {
  ny::seed(5);
  const ny::Sequential net(ny::Flatten(), ny::Dense(12, 1, {.bias = false}));
  const ny::Tensor x = random_images({1, 2, 2, 3}, 6);
  const ny::Tensor w = net.parameters()[0].detach();
  for (const double alpha : {1.0, 2.0}) {
    const ny::Tensor expected = alpha_beta_dense(x, w, alpha);
    const ny::Tensor actual =
        lrp(net, x, {.target = 0, .rule = ny::LrpRule::alpha_beta, .epsilon = 1e-9, .alpha = alpha});
    CHECK(worst(actual, expected) < 1e-4);
  }
}

TEST_CASE("folding batch norm changes no score, and no relevance of a tiny epsilon", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = random_images({2, 8, 8, 3}, 4);
  CHECK(worst(lrp(net, x, {.target = 2, .epsilon = 1e-9}), input_times_gradient(net, x, {.target = 2})) <
        1e-3);
}

TEST_CASE("smoothed gradients without noise are the gradient", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = random_images({2, 8, 8, 3}, 4);
  const ny::Tensor g = saliency(net, x);
  const auto smooth = [&](ny::SmoothKind kind, double noise = 0) {
    return smooth_grad(net, x, {.kind = kind, .samples = 3, .noise = noise});
  };
  CHECK(worst(smooth(ny::SmoothKind::mean), g) < 1e-5);
  CHECK(worst(smooth(ny::SmoothKind::magnitude), abs(g)) < 1e-5);
  CHECK(worst(smooth(ny::SmoothKind::square), g * g) < 1e-5);
  CHECK(max(smooth(ny::SmoothKind::variance)).item<double>() < 1e-5);
  CHECK(max(smooth(ny::SmoothKind::variance, 0.3)).item<double>() > 0);
  CHECK(equal(smooth(ny::SmoothKind::mean, 0.3), smooth(ny::SmoothKind::mean, 0.3)));
}

TEST_CASE("occlusion and RISE find a planted square", "[fast][explain]") {
  const ny::Sequential net = planted_net();
  const ny::Tensor x = planted_image(8, 3, 2, 7);
  const ny::Tensor grey = ny::full({1, 1, 1, 3}, 0.5);
  const auto inside = [](const ny::Tensor& map, std::int64_t row, std::int64_t column) {
    const auto [r, c] = peak(map, 12);
    return r >= row && r <= row + 1 && c >= column && c <= column + 1;
  };
  CHECK(inside(occlusion(net, x, {.target = 0, .window = 2, .stride = 1, .baseline = grey}), 8, 3));
  CHECK(inside(occlusion(net, x, {.target = 1, .window = 2, .stride = 1, .baseline = grey}), 2, 7));
  CHECK(inside(
      rise(net, x, {.target = 0, .score = ny::Score::logit, .masks = 400, .cells = 6, .baseline = grey}), 8,
      3));
  CHECK(inside(pixel_map(input_times_gradient(net, x, {.target = 0}), ny::PixelSum::largest), 8, 3));
  CHECK(inside(pixel_map(integrated_gradients(net, x, {.target = 1, .baseline = grey}).values), 2, 7));
  CHECK(inside(pixel_map(lrp(net, x, {.target = 0})), 8, 3));
  CHECK(inside(pixel_map(deep_lift(net, x, {.target = 1, .baseline = grey}).values), 2, 7));
}

TEST_CASE("occlusion of a sum is what is hidden", "[fast][explain]") {
  const ny::Sequential net(ny::Flatten(), [](const ny::Tensor& x) { return sum(x, {1}, true); });
  const ny::Tensor x =
      random_images({2, 7, 5, 1}, 9);  // windows of 3 by 2 with steps of 2 and 2 are cut off at the border
  const ny::Tensor whole = occlusion(net, x, {.target = 0, .window = {7, 5}, .stride = 1});
  CHECK(worst(whole, broadcast_to(sum(x, {1, 2, 3}, true)[0], {2, 7, 5}) * 0.0 +
                         reshape(sum(x, {1, 2, 3}), {2, 1, 1})) < 1e-4);
  const ny::Tensor map = occlusion(net, x, {.target = 0, .window = {1, 1}, .stride = 1});
  CHECK(worst(map, reshape(x, {2, 7, 5})) < 1e-4);
  CHECK(occlusion(net, x, {.target = 0, .window = {3, 2}, .stride = 2}).shape() == ny::Shape{2, 7, 5});
}

TEST_CASE("baselines know nothing of the network", "[fast][explain]") {
  const ny::Tensor x = ny::zeros({1, 6, 6, 3});
  for (int i = 0; i < 36; ++i) {
    for (int c = 0; c < 3; ++c) x.mutable_data<float>()[i * 3 + c] = i % 6 < 3 ? 0.F : 1.F;
  }
  const ny::Tensor edges = edge_map(x);
  CHECK(edges.data<float>()[2] == Approx(4));  // beside the edge, 1 + 2 + 1
  CHECK(edges.data<float>()[0] == 0);
  CHECK(equal(random_map(x, 3), random_map(x, 3)));
  CHECK_FALSE(equal(random_map(x, 3), random_map(x, 4)));
}

TEST_CASE("training examples: an image is its own nearest and its own best proponent", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = random_images({6, 8, 8, 3}, 11);
  const ny::Tensor similarity = cosine_similarity(layer_features(net, x), layer_features(net, x));
  CHECK(argmax(similarity).to_vector<std::int32_t>() == std::vector<std::int32_t>{0, 1, 2, 3, 4, 5});
  const ny::Tensor labels = ny::from_vector(std::vector<std::int32_t>{0, 1, 2, 3, 4, 0}, {6});
  const ny::LastLayer last = last_layer(net, x, labels);
  CHECK(equal(last.features, layer_features(net, x)));
  const ny::Tensor influence = last_layer_influence(last, last);
  // The definition: the product of the gradients of both losses with respect to the last layer.
  ny::Sequential copy = net;
  copy.train(false);
  const auto gradient = [&](std::int64_t i) {
    const ny::Tensor logits = copy(slice(x, 0, i, i + 1));
    const ny::Tensor loss =
        -slice(log_softmax(logits), 1, labels.data<std::int32_t>()[i], labels.data<std::int32_t>()[i] + 1);
    const auto named = copy.named_parameters();
    const std::vector<ny::Tensor> g =
        grad(reshape(loss, ny::Shape()), {named[named.size() - 2].tensor, named.back().tensor});
    return ny::concat({reshape(g[0], {-1}), reshape(g[1], {-1})}, 0);
  };
  for (const auto& [i, j] : {std::pair{0, 0}, std::pair{1, 4}, std::pair{5, 2}}) {
    CHECK(influence[i][j].item<double>() ==
          Approx(sum(gradient(i) * gradient(j)).item<double>()).epsilon(1e-3));
  }
  for (std::int64_t i = 0; i < 6; ++i) CHECK(influence[i][i].item<double>() > 0);
}

TEST_CASE("the guided gradient and the baselines ignore the class; methods that pass do not",
          "[fast][explain]") {
  const ny::Sequential net = planted_net();
  const ny::Tensor x = planted_image(8, 3, 2, 7);
  CHECK(worst(saliency(net, x, {.target = 0}), saliency(net, x, {.target = 1})) > 0.5);
}

TEST_CASE("options of attributions are checked", "[fast][explain]") {
  const ny::Sequential net = flatten_net();
  const ny::Tensor x = random_images({1, 8, 8, 3}, 11);
  CHECK_THROWS_WITH(integrated_gradients(net, x, {.steps = 0}),
                    ContainsSubstring("integrated_gradients: 0 steps"));
  CHECK_THROWS_WITH(smooth_grad(net, x, {.samples = 0}), ContainsSubstring("smooth_grad: 0 samples"));
  CHECK_THROWS_WITH(lrp(net, x, {.epsilon = 0}), ContainsSubstring("lrp: epsilon 0"));
  CHECK_THROWS_WITH(occlusion(net, x, {.window = 2, .stride = 3}),
                    ContainsSubstring("occlusion: stride 3 must be from 1 to the window 2"));
  CHECK_THROWS_WITH(rise(net, x, {.masks = 0}), ContainsSubstring("rise: 0 masks"));
  CHECK_THROWS_WITH(occlusion(net, x, {.baseline = ny::zeros({1, 1, 1, 4})}), ContainsSubstring("baseline"));
  CHECK_THROWS_WITH(saliency(net, x, {.target = -1}), ContainsSubstring("target -1 is no class"));
  CHECK_THROWS_WITH(cosine_similarity(ny::zeros({2, 3}), ny::zeros({2, 4})),
                    ContainsSubstring("cosine_similarity"));
  CHECK_THROWS_WITH(last_layer(net, x, ny::zeros({2}, {ny::Dtype::i32})),
                    ContainsSubstring("last_layer: 2 labels for 1 images"));
  const ny::LastLayer last = last_layer(net, x, ny::zeros({1}, {ny::Dtype::i32}));
  CHECK_THROWS_WITH(last_layer_influence(last, {ny::zeros({1, 2}), last.residuals}),
                    ContainsSubstring("last_layer_influence: features"));
}
