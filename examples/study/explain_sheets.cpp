#include "study/explain_sheets.h"

#include <algorithm>

#include "explain/pages.h"

namespace study {
namespace {

using explain::Item;

constexpr std::int64_t kClassified = 2000;  // images that those shown are chosen from

double confidence(const Item& item) { return *std::ranges::max_element(item.probabilities); }

// `count` of `items`, the first of each true class before any second.
std::vector<Item> of_several_classes(const std::vector<Item>& items, std::int64_t count) {
  std::vector<Item> chosen, rest;
  for (const Item& item : items) {
    const bool there = std::ranges::any_of(chosen, [&](const Item& c) { return c.truth == item.truth; });
    (there ? rest : chosen).push_back(item);
  }
  chosen.insert(chosen.end(), rest.begin(), rest.end());
  chosen.resize(std::min(chosen.size(), static_cast<std::size_t>(count)));
  return chosen;
}

std::vector<Item> of_kind(const std::vector<Item>& all, bool wrong, bool confident, std::int64_t count) {
  std::vector<Item> items;
  std::ranges::copy_if(all, std::back_inserter(items), [&](const Item& i) { return i.wrong() == wrong; });
  std::ranges::stable_sort(items, [&](const Item& a, const Item& b) {
    return confident ? confidence(a) > confidence(b) : confidence(a) < confidence(b);
  });
  items = of_several_classes(items, count);
  for (Item& item : items)
    item.why = noyau::message(wrong ? "wrong" : "right", confident ? " and confident" : " and unsure");
  return items;
}

std::vector<Item> items_to_show(const noyau::SavedModel& model, const noyau::Dataset& test,
                                std::int64_t count) {
  std::vector<Item> all = explain::first_items(kClassified, test, model.info);
  explain::classify(all, model.net, model.info);
  std::vector<Item> shown;
  for (const bool wrong : {false, true})
    for (const bool confident : {true, false}) {
      const std::vector<Item> items = of_kind(all, wrong, confident, count);
      for (const Item& item : items) {
        const bool there = std::ranges::any_of(shown, [&](const Item& s) { return s.id == item.id; });
        if (!there) shown.push_back(item);
      }
    }
  return shown;
}

}  // namespace

Json write_sheets(const noyau::SavedModel& model, const noyau::Dataset& test, std::int64_t count,
                  const std::vector<explain::Method>& methods, const std::string& layer,
                  const std::string& folder, const std::string& id) {
  programs::make_folder(folder + "/explain");
  Json sheets = Json::array();
  for (const Item& item : items_to_show(model, test, count)) {
    const explain::Sheet sheet = explain::make_sheet(model.net, item, model.info, methods, {}, layer);
    const std::string file = noyau::message("explain/", id, "-", sheets.size() + 1, ".svg");
    programs::write_file(folder + "/" + file, sheet.svg);
    sheets.push_back({{"file", file},
                      {"kind", item.why},
                      {"name", item.name},
                      {"truth", explain::class_name(model.info, item.truth)},
                      {"predicted", explain::class_name(model.info, item.predicted)},
                      {"probability", confidence(item)}});
  }
  return sheets;
}

}  // namespace study
