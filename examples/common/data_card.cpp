#include "common/data_card.h"

#include <algorithm>
#include <cstdio>

#include "common/data_sources.h"
#include "noyau/image.h"

namespace programs {
namespace {

std::string decimals(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

std::string list_of(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) text += noyau::message(text.empty() ? "" : ", ", decimals(value));
  return text;
}

void add_row(std::string& text, const std::string& what, const std::string& value) {
  if (!value.empty()) noyau::append(text, noyau::message("| ", what, " | ", value, " |\n"));
}

std::string count_of(const std::vector<std::int64_t>& counts, std::size_t id) {
  return counts.empty() ? "0" : noyau::message(counts[id]);
}

std::string class_table(const noyau::Split& split) {
  const bool validated = !split.validation.empty();
  std::string text = noyau::message("| id | class | train |", validated ? " validation |" : "",
                                    " test |\n|---:|---|---:|", validated ? "---:|" : "", "---:|\n");
  const auto train = split.train.counts(), validation = split.validation.counts(), test = split.test.counts();
  for (std::size_t id = 0; id < train.size(); ++id) {
    text += noyau::message("| ", id, " | ", split.train.info().classes[id], " | ", count_of(train, id), " |");
    if (validated) text += noyau::message(" ", count_of(validation, id), " |");
    text += noyau::message(" ", count_of(test, id), " |\n");
  }
  return text;
}

}  // namespace

std::string data_card(const noyau::Split& split, const std::string& grid) {
  const noyau::DataInfo& info = split.train.info();
  const DataSource* const source = find_source(info.name);
  const std::int64_t total = split.train.size() + split.validation.size() + split.test.size();
  std::string text = noyau::message("# Data card: ", info.name, "\n\n");
  if (source != nullptr) text += noyau::message(source->about, "\n\n");
  text += "| what | value |\n|---|---|\n";
  add_row(text, "images",
          noyau::message(total, " (", split.train.size(), " train, ", split.validation.size(),
                         " validation, ", split.test.size(), " test)"));
  add_row(text, "classes", noyau::message(info.classes.size()));
  add_row(text, "image",
          noyau::message(info.height, " x ", info.width, " pixels, ", info.channels,
                         info.channels == 1 ? " channel (grey)" : " channels (red, green, blue)",
                         ", 8 bits each"));
  add_row(text, "mean of each channel", list_of(info.mean) + " (training images, pixel / 255)");
  add_row(text, "standard deviation of each channel",
          list_of(info.deviation) + " (training images, pixel / 255)");
  add_row(text, "this copy", info.note);
  if (source != nullptr) {
    add_row(text, "published at", source->base_url);
    add_row(text, "citation", source->citation);
    add_row(text, "licence", source->licence);
    add_row(text, "known defects", source->caveat);
  }
  return noyau::message(
      text, "\n## Images of each class\n\n", class_table(split),
      "\n## Samples\n\n![Training images, one class a row](", grid,
      ")\n\nOne row for each class, in the order of the table; drawn at random with seed 0.\n");
}

noyau::Tensor sample_grid(const noyau::Dataset& dataset) {
  constexpr std::int64_t kMost = 10;
  const auto counts = dataset.counts();
  const std::int64_t columns = std::min(kMost, *std::min_element(counts.begin(), counts.end()));
  const noyau::Dataset chosen = dataset.subset(std::max<std::int64_t>(columns, 1), 0);
  std::vector<std::int64_t> order;
  for (std::size_t id = 0; id < counts.size(); ++id) {
    for (std::int64_t i = 0; i < chosen.size(); ++i) {
      if (chosen.label(i) == static_cast<std::int32_t>(id)) order.push_back(i);
    }
  }
  return noyau::image_grid(chosen.select(order).images(),
                           {.columns = std::max<std::int64_t>(columns, 1), .gap = 2, .scale = 2});
}

}  // namespace programs
