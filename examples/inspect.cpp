// noyau-inspect: what each layer of a trained network has learned.
#include <cstdio>
#include <filesystem>

#include "common/command_line.h"
#include "common/device.h"
#include "common/experiment.h"
#include "common/files.h"
#include "common/interrupt.h"
#include "common/lists.h"
#include "common/progress.h"
#include "inspect/page.h"
#include "noyau/parallel.h"

namespace inspection {
namespace {

using noyau::message;
using programs::CommandLine;
using programs::Exit;
using programs::stop;

struct Request {
  programs::Settings settings;
  std::string weights;
  std::string snapshots;
  bool fast = false;
  bool data_given = false;
};

bool parse(Request& request, int argc, char** argv) {
  CommandLine line("noyau-inspect", "--weights FILE [options]",
                   "Writes a page on what each layer of a trained network has learned.");
  line.text("weights", request.weights, "FILE", "network to inspect, as noyau-train saves it");
  line.text("snapshots", request.snapshots, "FILE,FILE", "the same network earlier in training, in order");
  line.flag("fast", request.fast, "sample images and units; the page says what was left out");
  line.take(request.settings, {"data", "data-dir", "test-images", "seed", "threads", "device", "out"});
  if (!line.parse(argc, argv)) return false;
  request.data_given = line.given().contains("data");
  if (request.weights.empty())
    stop(Exit::usage, "which network? For example: noyau-inspect --weights runs/mine/best.safetensors");
  return true;
}

noyau::SavedModel load(const std::string& path) {
  noyau::SavedModel model = programs::blaming(Exit::data, [&] { return noyau::load_model(path); });
  if (model.info.height == 0 || model.info.classes.empty())
    stop(Exit::data, path,
         ": the file does not say what images the network was trained on; save it with DataInfo");
  return model;
}

/// Images that the network knows from nowhere: the test split where there is one, in its format and normalisation.
noyau::Dataset load_images(const Request& request, const noyau::DataInfo& info, std::int64_t count) {
  const std::string name = request.data_given ? request.settings.data : info.name;
  const noyau::Split split =
      programs::blaming(Exit::data, [&] { return noyau::load_dataset(name, request.settings.data_dir); });
  noyau::Dataset images = noyau::adapt(split, {info.height, info.width, info.channels}).test;
  if (images.empty()) stop(Exit::data, name, ": there are no test images");
  if (images.info().classes != info.classes)
    stop(Exit::data, name, ": its ", images.info().classes.size(), " classes are not the ",
         info.classes.size(), " that ", request.weights, " was trained on (", info.name, ")");
  noyau::DataInfo described = info;
  described.name = images.info().name;
  images = images.with_info(described);
  if (request.settings.test_images > 0) count = request.settings.test_images;
  std::int64_t per_class = count / static_cast<std::int64_t>(info.classes.size());
  for (const std::int64_t there : images.counts()) per_class = std::min(per_class, there);
  if (per_class < 1) stop(Exit::data, name, ": a class has no test images");
  images = images.subset(per_class, static_cast<std::uint64_t>(request.settings.seed));
  if (images.size() < 40)
    stop(Exit::data, name, ": ", images.size(),
         " images, evenly from all classes, are too few; 40 are needed");
  return images;
}

/// In a random order, so that the first of them are a sample.
noyau::Dataset shuffled(const noyau::Dataset& images, std::uint64_t seed) {
  noyau::Generator generator = noyau::stream(seed, 0x696d61676573);
  return images.select(noyau::permutation(images.size(), generator));
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::vector<Snapshot> measure_snapshots(const Request& request, const noyau::SavedModel& model,
                                        const noyau::Dataset& images, const Survey& survey,
                                        const Effort& effort) {
  std::vector<Snapshot> snapshots;
  for (const std::string& path : split_at_commas(request.snapshots)) {
    noyau::Sequential net = model.net;
    programs::blaming(Exit::data, [&] { noyau::load_weights(path, net); });
    effort.said("snapshot " + path);
    snapshots.push_back({path, measure_layers(net, images, survey.attributes, effort)});
  }
  return snapshots;
}

std::string sampled_text(const Effort& effort, const Survey& survey) {
  if (effort.units == 0) return {};
  return message("Sampled: ", survey.images, " images, at most ", effort.units,
                 " random units of a layer pictured and ablated (on ", effort.ablation, " images), ",
                 effort.steps,
                 " steps of maximisation. Dead, duplicate and selective units are counted over all units.");
}

std::string write(const study::Document& document, const Survey& survey, const std::string& folder) {
  programs::make_folder(folder + "/tables");
  for (const study::Block& block : document.blocks)
    if (const auto* table = std::get_if<study::Table>(&block))
      programs::write_file(message(folder, "/tables/", table->id, ".csv"), study::to_csv(*table));
  programs::write_file(folder + "/tables/units.csv", study::to_csv(unit_table(survey)));
  programs::write_file(folder + "/index.html", study::to_html(document));
  return folder + "/index.html";
}

Exit run(int argc, char** argv) {
  Request request;
  if (!parse(request, argc, argv)) return Exit::done;
  programs::Interrupts interrupts;
  const programs::Stopwatch clock;
  if (request.settings.threads > 0) noyau::set_num_threads(static_cast<int>(request.settings.threads));
  noyau::SavedModel model = load(request.weights);
  const noyau::Device device(programs::usable_device(request.settings.device));
  model.net.to(device);
  programs::Progress progress;
  Effort effort{.device = device,
                .seed = static_cast<std::uint64_t>(request.settings.seed),
                .stop = programs::asked(interrupts.token())};
  if (request.fast) {
    effort.images = 1000;
    effort.ablation = 200;
    effort.units = 16;
    effort.steps = 32;
    effort.mapped = 300;
  }
  effort.said = [&](const std::string& text) {
    progress.update(text + "  " + programs::duration(clock.seconds()));
  };
  const noyau::Dataset images = shuffled(load_images(request, model.info, effort.images), effort.seed);
  try {
    const Survey measured = survey(model, images, effort);
    const std::vector<Snapshot> snapshots = measure_snapshots(request, model, images, measured, effort);
    const std::filesystem::path file = request.weights;
    const std::string title =
        message("Inside ", file.parent_path().filename().string(), "/", file.filename().string());
    const std::string folder =
        request.settings.out.empty() ? (file.parent_path() / "inspect").string() : request.settings.out;
    const std::string page =
        write(page_of(measured, title, sampled_text(effort, measured), snapshots), measured, folder);
    progress.line("inspected in " + programs::duration(clock.seconds()));
    std::printf("page: %s\n", page.c_str());
  } catch (const noyau::Stopped&) {
    progress.line("stopped; nothing was written");
    return interrupts.code();
  }
  return Exit::done;
}

}  // namespace
}  // namespace inspection

int main(int argc, char** argv) {
  return programs::run_program("noyau-inspect", [&] { return inspection::run(argc, argv); });
}
