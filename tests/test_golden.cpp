// noyau against the values of PyTorch and Keras that golden/generate.py wrote down.
#include <cmath>
#include <nlohmann/json.hpp>

#include "catch2.h"
#include "noyau/noyau.h"

namespace ny = noyau;
using Json = nlohmann::json;

namespace {

class Golden {
 public:
  explicit Golden(const char* name)
      : file_(ny::load_tensors(std::string(NOYAU_TEST_SOURCES "/golden/") + name)),
        cases(Json::parse(file_.metadata.at("cases"))) {
    for (const ny::NamedTensor& t : file_.tensors) tensors_[t.name] = t.tensor;
  }

  // The tensor `name` of a case, or of the file, converted to `dtype` unless of integers.
  ny::Tensor get(const Json& c, const std::string& name, ny::Dtype dtype = ny::Dtype::f64) const {
    const auto own = tensors_.find(c.at("case").get<std::string>() + "/" + name);
    const ny::Tensor& t = own == tensors_.end() ? tensors_.at(name) : own->second;
    return is_floating(t.dtype()) ? t.to(dtype) : t;
  }

 private:
  ny::TensorFile file_;
  std::map<std::string, ny::Tensor> tensors_;

 public:
  Json cases;
};

double tolerance(ny::Dtype dtype) { return dtype == ny::Dtype::f64 ? 1e-10 : 1e-5; }

void require_close(const ny::Tensor& actual, const ny::Tensor& expected, double factor = 1) {
  REQUIRE(actual.shape() == expected.shape());
  const double t = tolerance(actual.dtype()) * factor;
  const double largest = expected.size() == 0 ? 0 : max(abs(expected)).item<double>();
  INFO("worst error " << max(abs(actual.detach() - expected)).item<double>() << " of " << largest);
  REQUIRE(all_close(actual, expected, 0, t * std::max(1.0, largest)));
}

ny::Size2 size_of(const Json& c, const char* key, ny::Size2 standard) {
  if (!c.contains(key) || c.at(key).is_null()) return standard;
  const Json& v = c.at(key);
  return v.is_array() ? ny::Size2(v[0], v[1]) : ny::Size2(v.get<std::int64_t>());
}

ny::Padding padding_of(const Json& c) {
  if (c.contains("padding") && c.at("padding") == "same") return ny::Padding::same();
  if (c.contains("padding") && c.at("padding") == "valid") return ny::Padding::valid();
  const ny::Size2 p = size_of(c, "padding", 0);
  return {p.h, p.h, p.w, p.w};
}

ny::Reduction reduction_of(const Json& c) {
  const std::string name = c.at("reduction");
  return name == "mean" ? ny::Reduction::mean : name == "sum" ? ny::Reduction::sum : ny::Reduction::none;
}

using Inputs = std::map<std::string, ny::Tensor>;

ny::Tensor normalised(const std::string& op, const Json& c, Inputs& in) {
  const double epsilon = c.at("epsilon");
  if (op == "layer_norm") return layer_norm(in["x"], in["gamma"], in["beta"], 1, epsilon);
  if (op == "group_norm") return group_norm(in["x"], in["gamma"], in["beta"], c.at("groups"), epsilon);
  return batch_norm(in["x"], in["gamma"], in["beta"], in["mean"], in["variance"], c.at("training"),
                    {.epsilon = epsilon, .momentum = c.at("momentum")});
}

ny::Tensor loss(const std::string& op, const Json& c, Inputs& in) {
  const ny::Reduction reduction = reduction_of(c);
  if (op == "mean_squared_error") return mean_squared_error(in["x"], in["target"], reduction);
  if (op == "huber") return huber(in["x"], in["target"], c.at("delta"), reduction);
  if (op == "binary_cross_entropy") return binary_cross_entropy(in["x"], in["target"], reduction);
  return cross_entropy(in["x"], in["target"],
                       {.label_smoothing = c.at("label_smoothing"),
                        .class_weights = c.at("weighted").get<bool>() ? in["weights"] : ny::Tensor(),
                        .reduction = reduction});
}

ny::Tensor run(const std::string& op, const Json& c, Inputs& in) {
  const ny::Size2 stride = size_of(c, "stride", 1), dilation = size_of(c, "dilation", 1);
  const int groups = c.value("groups", 1);
  if (op == "conv2d") {
    return conv2d(in["x"], in["kernel"], in["bias"],
                  {.stride = stride, .padding = padding_of(c), .dilation = dilation, .groups = groups});
  }
  if (op == "conv2d_transpose") {
    return conv2d_transpose(in["x"], in["kernel"], in["bias"],
                            {.stride = stride,
                             .padding = padding_of(c),
                             .dilation = dilation,
                             .groups = groups,
                             .output_padding = size_of(c, "output_padding", 0)});
  }
  if (op == "max_pool2d" || op == "average_pool2d") {
    const ny::Size2 window = size_of(c, "window", 1);
    const ny::Pool2dOptions options{.stride = size_of(c, "stride", window),
                                    .padding = padding_of(c),
                                    .count_padding = c.value("count_padding", false)};
    return op == "max_pool2d" ? max_pool2d(in["x"], window, options)
                              : average_pool2d(in["x"], window, options);
  }
  if (op == "activate") return activate(in["x"], ny::activation_of(c.at("function").get<std::string>()));
  if (op == "softmax") return softmax(in["x"], c.at("axis"));
  if (op == "log_softmax") return log_softmax(in["x"], c.at("axis"));
  if (op == "resize") {
    const std::string mode = c.at("mode");
    return resize(in["x"], size_of(c, "size", 1),
                  mode == "nearest"    ? ny::ResizeMode::nearest
                  : mode == "bilinear" ? ny::ResizeMode::bilinear
                                       : ny::ResizeMode::bilinear_align_corners);
  }
  return c.contains("reduction") ? loss(op, c, in) : normalised(op, c, in);
}

constexpr const char* kDifferentiated[] = {"x", "kernel", "bias", "gamma", "beta"};

void check_ops(const char* name, ny::Dtype dtype) {
  const Golden golden(name);
  for (const Json& c : golden.cases) {
    INFO(c.dump());
    Inputs in;
    for (const char* input :
         {"x", "kernel", "bias", "gamma", "beta", "mean", "variance", "target", "weights"}) {
      try {
        in[input] = golden.get(c, input, dtype).clone();
      } catch (const std::out_of_range&) {
        in[input] = ny::Tensor();
      }
    }
    for (const char* input : kDifferentiated) {
      if (in[input].defined()) in[input].set_requires_grad(true);
    }
    const ny::Tensor y = run(c.at("op"), c, in);
    const bool keras = std::string(name).rfind("keras", 0) == 0;
    const bool in_f32 =
        keras && c.at("op") == "average_pool2d";  // so TensorFlow computes it, whatever it is given
    require_close(y, golden.get(c, "y", dtype), in_f32 && dtype == ny::Dtype::f64 ? 1e4 : 1);
    if (c.at("op") == "batch_norm") {
      require_close(in["mean"], golden.get(c, "new_mean", dtype));
      require_close(in["variance"], golden.get(c, "new_variance", dtype));
    }
    if (keras) continue;
    backward(y, golden.get(c, "seed", dtype));
    for (const char* input : kDifferentiated) {
      if (in[input].defined())
        require_close(in[input].grad(), golden.get(c, std::string("d") + input, dtype), 5);
    }
  }
}

std::unique_ptr<ny::Optimizer> make_optimizer(const std::string& name, const Json& c,
                                              const std::vector<ny::Tensor>& parameters) {
  const double rate = c.at("lr"), decay = c.value("weight_decay", name == "adamw" ? 0.01 : 0.0),
               momentum = c.value("momentum", 0.0);
  const bool nesterov = c.value("nesterov", false), amsgrad = c.value("amsgrad", false);
  const auto betas = c.value("betas", std::vector<double>{0.9, 0.999});
  const double epsilon = c.value("eps", 1e-8);
  if (name == "sgd") {
    return std::make_unique<ny::Sgd>(parameters, ny::SgdOptions{.rate = rate,
                                                                .momentum = momentum,
                                                                .dampening = c.value("dampening", 0.0),
                                                                .nesterov = nesterov,
                                                                .weight_decay = decay});
  }
  if (name == "adam") {
    return std::make_unique<ny::Adam>(parameters, ny::AdamOptions{.rate = rate,
                                                                  .beta1 = betas[0],
                                                                  .beta2 = betas[1],
                                                                  .epsilon = epsilon,
                                                                  .weight_decay = decay,
                                                                  .amsgrad = amsgrad});
  }
  if (name == "adamw") {
    return std::make_unique<ny::AdamW>(
        parameters, ny::AdamWOptions{.rate = rate, .weight_decay = decay, .amsgrad = amsgrad});
  }
  if (name == "muon") {
    return std::make_unique<ny::Muon>(
        parameters, ny::MuonOptions{.rate = rate, .momentum = momentum, .nesterov = nesterov});
  }
  return std::make_unique<ny::RmsProp>(parameters, ny::RmsPropOptions{.rate = rate,
                                                                      .alpha = c.value("alpha", 0.99),
                                                                      .epsilon = epsilon,
                                                                      .momentum = momentum,
                                                                      .centered = c.value("centered", false),
                                                                      .weight_decay = decay});
}

void check_optimizers(ny::Dtype dtype) {
  const Golden golden("optimizers.safetensors");
  for (const Json& c : golden.cases) {
    INFO(c.dump());
    std::vector<ny::Tensor> parameters;
    for (const char* start : {"start0", "start1"})
      parameters.push_back(golden.get(c, start, dtype).clone().set_requires_grad(true));
    const auto optimizer = make_optimizer(c.at("op"), c, parameters);
    optimizer->set_clipping({.norm = c.value("clip_norm", 0.0), .value = c.value("clip_value", 0.0)});
    const ny::Tensor gradients[] = {golden.get(c, "gradients0", dtype), golden.get(c, "gradients1", dtype)};
    const ny::Tensor paths[] = {golden.get(c, "path0", dtype), golden.get(c, "path1", dtype)};
    for (std::int64_t step = 0; step < paths[0].dim(0); ++step) {
      INFO("step " << step);
      for (std::size_t i = 0; i < 2; ++i) parameters[i].set_grad(gradients[i][step].clone());
      optimizer->step();
      for (std::size_t i = 0; i < 2; ++i) require_close(parameters[i], paths[i][step], 5);
    }
  }
}

}  // namespace

TEST_CASE("ops agree with PyTorch", "[fast]") {
  check_ops("torch_ops.safetensors", ny::Dtype::f64);
  check_ops("torch_ops.safetensors", ny::Dtype::f32);
}

TEST_CASE("padding agrees with Keras", "[fast]") {
  check_ops("keras_ops.safetensors", ny::Dtype::f64);
  check_ops("keras_ops.safetensors", ny::Dtype::f32);
}

TEST_CASE("optimizers follow PyTorch's trajectories", "[fast]") {
  check_optimizers(ny::Dtype::f64);
  check_optimizers(ny::Dtype::f32);
}

TEST_CASE("schedules follow PyTorch's", "[fast]") {
  const Golden golden("schedules.safetensors");
  for (const Json& c : golden.cases) {
    INFO(c.dump());
    const ny::ScheduleOptions standard;
    const ny::Schedule schedule = ny::schedule(
        c.at("op").get<std::string>(), {.steps = c.value("steps", std::int64_t{0}),
                                        .warmup = c.value("warmup", std::int64_t{0}),
                                        .warmup_from = c.value("warmup_from", 0.0),
                                        .last = c.value("last", 0.0),
                                        .milestones = c.value("milestones", std::vector<std::int64_t>()),
                                        .drop = c.value("drop", standard.drop),
                                        .rise = c.value("rise", standard.rise),
                                        .first_divisor = c.value("first_divisor", standard.first_divisor),
                                        .last_divisor = c.value("last_divisor", standard.last_divisor)});
    const std::vector<double> factors = golden.get(c, "y").to_vector<double>();
    for (std::size_t step = 0; step < factors.size(); ++step) {
      INFO("step " << step);
      REQUIRE(schedule(static_cast<std::int64_t>(step)) ==
              Approx(factors[step]).epsilon(1e-10).margin(1e-12));
    }
  }
}
