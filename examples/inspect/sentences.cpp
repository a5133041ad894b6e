#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

#include "inspect/page.h"
#include "noyau/plot.h"

namespace inspection {
namespace {

namespace in = noyau::inspect;
using noyau::message;
using noyau::stats::Interval;
using study::Text;

std::string range(const Interval& interval) {
  return message(noyau::plot::fixed(100 * interval.low, 1), "\u2013", percent(interval.high));
}

bool above(const in::ProbeResult& a, const in::ProbeResult& b) { return a.interval.low > b.interval.high; }

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

using Layers = std::vector<LayerFacts>;

std::vector<std::string> layers_where(const Layers& layers, const std::function<bool(std::size_t)>& holds) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i < layers.size(); ++i)
    if (holds(i)) names.push_back(layers[i].name);
  return names;
}

void add_course(Text& text, const Layers& layers, std::size_t a) {
  const auto probe = [&](std::size_t i) -> const in::ProbeResult& { return layers[i].probes[a]; };
  std::size_t first = 0, best = 0;
  for (std::size_t i = 1; i < layers.size(); ++i) {
    if (first == 0 && above(probe(i), probe(0))) first = i;
    if (probe(i).accuracy > probe(best).accuracy) best = i;
  }
  if (first > 0) {
    text.add(" It is first read better than from the pixels at ").code(layers[first].name).add(".");
  } else {
    text.add(" No layer is shown to make it easier to read than the pixels do.");
  }
  const std::size_t last = layers.size() - 1;
  const auto lost = std::find_if(layers.begin() + static_cast<std::ptrdiff_t>(best), layers.end(),
                                 [&](const LayerFacts& l) { return above(probe(best), l.probes[a]); });
  if (best == last) {
    text.add(" It is read best at the end.");
  } else if (lost != layers.end() && above(probe(best), probe(last))) {
    text.add(" After its best layer it is lost again, measurably from ").code(lost->name).add(" on.");
  } else {
    text.add(" Whether layers after the best lose it is undecided: the intervals overlap.");
  }
}

void add_control(Text& text, const Survey& survey, std::size_t a) {
  const auto better = layers_where(survey.trained, [&](std::size_t i) {
    return above(survey.trained[i].probes[a], survey.fresh[i].probes[a]);
  });
  const auto worse = layers_where(survey.trained, [&](std::size_t i) {
    return above(survey.fresh[i].probes[a], survey.trained[i].probes[a]);
  });
  text.add(" Against fresh weights, training made it easier to read at ");
  text.add(better.empty() ? "no layer" : list_of(better)).add(" and harder at ");
  text.add(worse.empty() ? "no layer" : list_of(worse));
  const std::size_t open = survey.trained.size() - 1 - better.size() - worse.size();
  text.add(open > 0 ? message("; undecided at ", open, " of ", survey.trained.size() - 1, ".") : ".");
}

struct Share {
  double value;
  Interval interval;
};

Share share_of(const Filters& filters, const std::function<bool(const in::FilterType&)>& holds) {
  const auto n = static_cast<std::int64_t>(filters.types.size());
  const auto count =
      static_cast<std::int64_t>(std::count_if(filters.types.begin(), filters.types.end(), holds));
  return {static_cast<double>(count) / static_cast<double>(n), noyau::stats::wilson(count, n)};
}

std::string verdict(const Share& trained, const Share& fresh) {
  if (trained.interval.low > fresh.interval.high) return "more than before training";
  if (trained.interval.high < fresh.interval.low) return "fewer than before training";
  return "undecided, the intervals overlap";
}

void add_share(Text& text, const std::string& what, const Share& trained, const Share& fresh) {
  text.add(message(" ", what, ": ", percent(trained.value), " [", range(trained.interval), "], fresh ",
                   percent(fresh.value), " [", range(fresh.interval), "]: ", verdict(trained, fresh), "."));
}

// Do selective units matter? Over live units of the hidden layers.
std::string selectivity_reading(const Survey& survey) {
  std::vector<double> index, drop;
  for (std::size_t layer = 0; layer < survey.cards.size(); ++layer) {
    const in::AblationResult& ablation = survey.cards[layer].ablation;
    const std::int64_t images =
        std::accumulate(ablation.images.begin(), ablation.images.end(), std::int64_t{0});
    for (const in::UnitEffect& effect : ablation.units) {
      const in::Selectivity& unit = survey.trained[layer + 1].units[static_cast<std::size_t>(effect.unit)];
      if (std::isnan(unit.index) || unit.index == 0) continue;
      index.push_back(unit.index);
      drop.push_back(effect.drop(images));
    }
  }
  const auto varies = [](const std::vector<double>& v) {
    return std::any_of(v.begin(), v.end(), [&](double x) { return x != v[0]; });
  };
  if (index.size() < 10 || !varies(index) || !varies(drop)) return {};
  const noyau::stats::RankTest test = noyau::stats::spearman(index, drop);
  const std::string numbers =
      message(" (rank correlation of selectivity and accuracy lost ", noyau::plot::fixed(test.statistic, 2),
              ", p ", noyau::plot::number(test.p, 2), ", ", index.size(), " units).");
  if (test.p >= 0.05) return " Whether selective units matter more is undecided" + numbers;
  return (test.statistic > 0 ? " Selective units matter more" : " Selective units matter less") + numbers;
}

}  // namespace

std::string percent(double share) {
  return std::isnan(share) ? "\u2013" : noyau::plot::fixed(100 * share, 1) + "\u00a0%";
}

double median(std::vector<double> values) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  if (values.empty()) return std::nan("");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Text reading_of(const Survey& survey, std::size_t a) {
  const Attribute& attribute = survey.attributes[a];
  Text text;
  std::string name = attribute.name;
  name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  text.strong(name);
  if (!attribute.missing.empty()) return text.add(" was not probed: ").add(attribute.missing).add(".");
  const auto best = std::max_element(
      survey.trained.begin(), survey.trained.end(),
      [&](const LayerFacts& x, const LayerFacts& y) { return x.probes[a].accuracy < y.probes[a].accuracy; });
  const in::ProbeResult& probe = best->probes[a];
  const in::ProbeResult& pixels = survey.trained.front().probes[a];
  text.add(" is read best from ").code(best->name);
  text.add(message(": ", percent(probe.accuracy), " of ", probe.tested, " held-out images [",
                   range(probe.interval), "], chance ", percent(probe.chance), ", from the pixels ",
                   percent(pixels.accuracy), " [", range(pixels.interval), "]."));
  add_course(text, survey.trained, a);
  add_control(text, survey, a);
  return text;
}

Text causal_reading(const Survey& survey) {
  const std::vector<std::string>& classes = survey.info.classes;
  Text text;
  std::vector<std::string> none;
  std::int64_t pairs = 0;
  for (const LayerCard& card : survey.cards) pairs += static_cast<std::int64_t>(card.causal.size());
  if (pairs == 0)
    return text
        .add(
            "No unit is shown to be causal for a class: without any one of those ablated, no class is "
            "recognised measurably less often on these images.")
        .add(selectivity_reading(survey));
  text.add(message(pairs, pairs == 1 ? " pair of a unit and a class is" : " pairs of a unit and a class are",
                   " causal: without the unit, measurably fewer images of the class are recognised. "
                   "Strongest for each: "));
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const in::CausalUnit* strongest = nullptr;
    std::size_t layer = 0;
    for (std::size_t i = 0; i < survey.cards.size(); ++i) {
      for (const in::CausalUnit& unit : survey.cards[i].causal) {
        if (unit.label != static_cast<int>(c) || (strongest != nullptr && unit.drop <= strongest->drop))
          continue;
        strongest = &unit;
        layer = i + 1;
      }
    }
    if (strongest == nullptr) {
      none.push_back(classes[c]);
      continue;
    }
    text.add(message(classes[c], ": unit ", strongest->unit, " of "));
    text.code(survey.trained[layer].name).add(message(" (", percent(strongest->drop), " lost); "));
  }
  if (!none.empty())
    text.add(message("for ", list_of(none),
                     " no single unit is shown to be needed, which these images leave undecided."));
  return text.add(selectivity_reading(survey));
}

Text filter_reading(const Survey& survey) {
  Text text(message(survey.filters.types.size(), " filters."));
  if (survey.info.channels == 3) {
    const auto opponent = [](const in::FilterType& f) { return f.opponency > 0.5; };
    add_share(text, "Opponent colours (index above 0.5)", share_of(survey.filters, opponent),
              share_of(survey.fresh_filters, opponent));
  }
  const auto directed = [](const in::FilterType& f) { return f.directed > 0.75; };
  add_share(text, "One orientation (directedness above 0.75)", share_of(survey.filters, directed),
            share_of(survey.fresh_filters, directed));
  const auto simple = [](const in::FilterType& f) { return f.separable > 0.9; };
  if (survey.info.channels == 3)
    add_share(text, "One picture in one colour (separable above 0.9)", share_of(survey.filters, simple),
              share_of(survey.fresh_filters, simple));
  return text;
}

}  // namespace inspection
