#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "catch2.h"
#include "common/files.h"
#include "noyau/noyau.h"
#include "programs/process.h"
#include "programs/scratch.h"
#include "programs/tiny_data.h"

namespace ny = noyau;
using Json = nlohmann::ordered_json;
using Arguments = std::vector<std::string>;

namespace {

/// A working directory with a tiny data set, a small network's weights and a photograph.
struct Desk {
  Scratch scratch;

  Desk() {
    write_tiny_data(scratch / "data");
    const ny::Dataset train = ny::fashion_mnist(scratch / "data").train;
    ny::seed(1);
    ny::Sequential net(ny::Conv2d(1, 6, 3), ny::BatchNorm(6), ny::named("last", ny::Relu()), ny::MaxPool(4),
                       ny::Flatten(), ny::Dense(6 * 7 * 7, 10));
    ny::Sgd sgd(net.parameters(), {.rate = 0.05});
    ny::fit(net, train, {}, sgd, {.epochs = 3, .batch = 20});
    ny::save(scratch / "net.safetensors", net, train.info());
    ny::save_png(scratch / "photo one.png", ny::uniform({90, 61, 3}, 0, 255).to(ny::Dtype::u8));
  }

  ProcessResult run(Arguments arguments) const {
    Arguments all{"--weights", "net.safetensors", "--data-dir", "data"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    ProcessOptions options;
    options.directory = scratch.path();
    return run_program("noyau-explain", all, options);
  }
  void fails(const Arguments& arguments, int code, const std::string& text) const {
    const ProcessResult result = run(arguments);
    CHECK(result.code == code);
    CHECK_THAT(result.err, ContainsSubstring(text));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
  }
};

}  // namespace

TEST_CASE("noyau-explain shows images of the test set, files and folders", "[programs]") {
  const Desk desk;
  const ProcessResult result =
      desk.run({"--images", "3,photo one.png", "--methods", "grad_cam_pp,hires_cam,occlusion,lrp", "--json"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const Json json = Json::parse(result.out);
  CHECK(json["schema"] == "noyau-explain-1");
  CHECK(json["layer"] == "last");
  REQUIRE(json["images"].size() == 2);
  CHECK(json["images"][0]["name"] == "test image 3");
  CHECK(json["images"][1]["true"].is_null());
  const std::string page =
      programs::read_file(desk.scratch / "explanations/index.html", programs::Exit::data);
  CHECK_THAT(page, ContainsSubstring("Grad-CAM++ (tf_keras_vis)"));
  CHECK_THAT(page, ContainsSubstring("do not believe it when"));
  const ny::Tensor picture = ny::load_image(desk.scratch / "explanations/figures/photo_one.png");
  CHECK(picture.dim(2) == 3);
  CHECK(std::filesystem::exists(desk.scratch / "explanations/figures/test-3.svg"));
}

TEST_CASE("noyau-explain chooses images, compares methods and ranks layers", "[programs]") {
  const Desk desk;
  const ProcessResult result = desk.run({"--methods", "grad_cam,sobel", "--compare", "--which-layer",
                                         "--count", "6", "--out", "why", "--json"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const Json json = Json::parse(result.out);
  CHECK(json["images"].size() >= 10);
  REQUIRE(json["methods"].size() == 3);  // random is always there
  CHECK(json["methods"][2]["name"] == "random");
  CHECK(json["methods"][1]["randomized"] > 0.999);  // edges do not know the network
  CHECK(json["layers"].size() == 4);
  CHECK_THAT(programs::read_file(desk.scratch / "why/tables/methods.csv", programs::Exit::data),
             ContainsSubstring("Grad-CAM,"));
}

TEST_CASE("noyau-explain shows agreement, mosaics and training images", "[programs]") {
  const Desk desk;
  const ProcessResult result =
      desk.run({"--images", "3,photo one.png", "--methods", "grad_cam,hires_cam", "--compare", "--count",
                "60", "--neighbours", "3", "--tracin", "2", "--out", "why", "--json"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const Json json = Json::parse(result.out);
  REQUIRE(json["pointing"].size() == 4);  // and both baselines
  CHECK(json["pointing"][2]["peak"] ==
        Approx(0.25));  // of a random map, whose peak is in one of four quadrants
  CHECK(json["pointing"][0]["energy"].get<double>() > 0);
  const double share = json["nearest_share"];
  CHECK((share >= 0 && share <= 1));
  for (const char* file : {"tables/agreement.csv", "tables/pointing.csv", "figures/test-3-nearest.svg",
                           "figures/photo_one-tracin.svg"}) {
    INFO(file);
    CHECK(std::filesystem::exists(desk.scratch / (std::string("why/") + file)));
  }
  const std::string page = programs::read_file(desk.scratch / "why/index.html", programs::Exit::data);
  CHECK_THAT(page, ContainsSubstring("drawn at random"));
  CHECK_THAT(page, ContainsSubstring("Do the methods agree?"));
}

TEST_CASE("noyau-explain tells in one line what is wrong", "[programs]") {
  const Desk desk;
  desk.fails({"--images", "100000"}, 2, "100000 is out of range; the test set has 100 images");
  desk.fails({"--images", "nothing.png"}, 3, "nothing.png");
  desk.fails({"--layer", "lost", "--images", "1"}, 2, "did you mean 'last'?");
  desk.fails({"--methods", "grad_kam"}, 2, "did you mean 'grad_cam'?");
  desk.fails({"--target", "99", "--images", "1"}, 2, "unknown class '99'");
  desk.fails({"--score", "loss"}, 2, "neither logit nor probability");
  desk.fails({"--count", "x", "--compare", "--images", "1"}, 2, "no number from 2 on");
  desk.fails({"--neighbours", "-1", "--images", "1"}, 2, "no number from 0 on");
  desk.fails({"--tracin", "few", "--images", "1"}, 2, "no number from 0 on");
  desk.fails({"--data", "cifar10", "--images", "1"}, 3, "cifar10");
  desk.fails({"--list", "x"}, 2, "methods");
  CHECK(desk.run({"--list", "methods"}).out.find("integrated_gradients") != std::string::npos);
  const ProcessResult none = run_program("noyau-explain", {});
  CHECK(none.code == 2);
}
