#include "study/parts.h"

#include <charconv>
#include <cmath>

#include "noyau/plot.h"
#include "study/facts.h"

namespace study {
namespace {

constexpr int kFormat = 1;  // of parts: another number makes all be measured anew

double in_six_digits(double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  const double scale = std::pow(10, 5 - std::floor(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

}  // namespace

double candidacy(const Plan& plan, const Run& run, const Json& row) {
  const bool stands = row.is_object() && row.value("status", "") == "done" && run.settings.ensemble == 1 &&
                      run.settings.random_labels == 0 && run.settings.data == plan.base.data;
  return stands ? value_of(row, kValidationAccuracy) : std::nan("");
}

const Row* best_row(const Plan& plan, const std::vector<Row>& rows) {
  const Row* best = nullptr;
  double highest = -1;
  for (const Row& row : rows) {
    const double accuracy = candidacy(plan, row.run, row.row);
    if (!(accuracy > highest)) continue;
    highest = accuracy;
    best = &row;
  }
  return best;
}

std::string parts_path(const std::string& folder, const std::string& what) {
  return noyau::message(folder, "/", what, ".jsonl");
}

Json to_json(const ExplainSizes& sizes) {
  return {{"images", sizes.images}, {"few", sizes.few}, {"mosaics", sizes.mosaics}, {"shown", sizes.shown}};
}

Json to_json(const LayerSizes& sizes) {
  return {{"images", sizes.images},
          {"ablation", sizes.ablation},
          {"units", sizes.units},
          {"steps", sizes.steps},
          {"mapped", sizes.mapped}};
}

std::string parts_id(const Run& run, const Json& sizes) {
  return programs::hash8(Json::array({kFormat, run.hash, sizes}).dump());
}

PartMap read_parts(const std::string& path, const std::string& id) {
  PartMap parts;
  programs::read_journal(path, [&](const Json& row) {
    if (row.value("of", "") == id) parts[row.value("part", "")] = row.value("value", Json());
  });
  return parts;
}

Parts::Parts(const std::string& folder, const std::string& what, std::string id)
    : id_(std::move(id)),
      parts_(read_parts(parts_path(folder, what), id_)),
      journal_(parts_path(folder, what)) {}

void Parts::add(const std::string& name, Json part) {
  journal_.append({{"schema", 1}, {"of", id_}, {"part", name}, {"value", part}});
  parts_[name] = std::move(part);
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(programs::number(in_six_digits(value)));
  return list;
}

Json numbers(const noyau::Tensor& values) {
  return numbers(values.to(noyau::Dtype::f64).to_vector<double>());
}

std::vector<double> numbers_of(const Json& json) {
  std::vector<double> values;
  for (const Json& value : json) values.push_back(value.is_number() ? value.get<double>() : std::nan(""));
  return values;
}

}  // namespace study
