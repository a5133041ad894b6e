#include <algorithm>
#include <cmath>

#include "plot/axes.h"

namespace noyau::inline v0::plot {
namespace {

constexpr double kSmallestText = 9.5;

void check(const HeatMap& figure) {
  const std::size_t cells = figure.rows.size() * figure.columns.size();
  const auto fits = [cells](std::size_t size) { return size == 0 || size == cells; };
  NOYAU_CHECK(
      cells > 0 && figure.values.size() == cells && fits(figure.texts.size()) && fits(figure.notes.size()),
      "plot: heat map of ", figure.rows.size(), " rows and ", figure.columns.size(), " columns has ",
      figure.values.size(), " values, ", figure.texts.size(), " texts, ", figure.notes.size(), " notes");
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

std::vector<std::string> cell_lines(const HeatMap& figure, std::size_t i) {
  if (!figure.texts.empty()) return split_lines(figure.texts[i]);
  return {std::isnan(figure.values[i]) ? "\u2013" : shown(figure.values[i], figure.value, figure.digits)};
}

// The largest text size at which every cell's text fits; below kSmallestText the cells stay without.
double cell_text_size(const HeatMap& figure, double width, double height) {
  double size = kTextSize;
  for (std::size_t i = 0; i < figure.values.size(); ++i) {
    const std::vector<std::string> lines = cell_lines(figure, i);
    const double needed = widest(lines, 1);
    if (needed > 0) size = std::min(size, (width - 4) / needed);
    size = std::min(size, (height - 4) / (static_cast<double>(lines.size()) * 1.15));
  }
  return size;
}

struct Layout {
  Box area;
  double cell_width;
  double cell_height;
  bool slanted;  // column names at 45 degrees
};

Layout lay_out(const HeatMap& figure, double top) {
  const double n = static_cast<double>(figure.columns.size());
  const double names = std::min(widest(figure.rows, kSmallSize), 0.3 * figure.width);
  const double longest = widest(figure.columns, kSmallSize);
  Layout layout{};
  layout.area = {kMargin + names + 8, top, figure.width - kMargin, 0};
  layout.slanted = longest + 6 > layout.area.width() / n;
  if (layout.slanted) {  // a slanted name reaches to the left of its cell
    const double reach = longest * 0.71 - layout.area.width() / n / 2;
    layout.area.left = std::max(layout.area.left, kMargin + reach);
  }
  layout.cell_width = layout.area.width() / n;
  std::size_t lines = 1;
  for (std::size_t i = 0; i < figure.values.size(); ++i)
    lines = std::max(lines, cell_lines(figure, i).size());
  layout.cell_height = std::clamp(layout.cell_width, 20.0, 14 + 18.0 * static_cast<double>(lines));
  layout.area.bottom = top + layout.cell_height * static_cast<double>(figure.rows.size());
  return layout;
}

void draw_cells(Canvas& canvas, const HeatMap& figure, const Layout& layout, const Scale& scale) {
  const double size = cell_text_size(figure, layout.cell_width, layout.cell_height);
  for (std::size_t i = 0; i < figure.values.size(); ++i) {
    const std::size_t row = i / figure.columns.size();
    const std::size_t column = i % figure.columns.size();
    const double left = layout.area.left + static_cast<double>(column) * layout.cell_width;
    const double top = layout.area.top + static_cast<double>(row) * layout.cell_height;
    const bool known = scale.shows(figure.values[i]);
    const CellColor color =
        known ? cell_color(figure.palette, scale(figure.values[i])) : CellColor{"#eeeeee", kSoft};
    const std::string note = figure.notes.empty() ? "" : figure.notes[i];
    canvas.rect({left, top, left + layout.cell_width, top + layout.cell_height}, color.fill, {"#ffffff"},
                note);
    if (size < kSmallestText) continue;
    const std::vector<std::string> lines = cell_lines(figure, i);
    double baseline =
        top + layout.cell_height / 2 + size * 0.35 - (static_cast<double>(lines.size()) - 1) * size * 0.575;
    for (const std::string& line : lines) {
      canvas.text(left + layout.cell_width / 2, baseline, line,
                  {.size = size, .anchor = Anchor::middle, .fill = color.text});
      baseline += size * 1.15;
    }
  }
}

void draw_row_names(Canvas& canvas, const HeatMap& figure, const Layout& layout) {
  const double width = 0.3 * figure.width + 0.5;
  for (std::size_t r = 0; r < figure.rows.size(); ++r) {
    std::vector<std::string> lines = wrap(figure.rows[r], width, kSmallSize);
    const auto most = static_cast<std::size_t>(std::max(1.0, layout.cell_height / (kSmallSize * 1.1)));
    if (lines.size() > most) {
      lines.resize(most);
      lines.back() += "\u2026";
    }
    const double middle = layout.area.top + (static_cast<double>(r) + 0.5) * layout.cell_height;
    double baseline =
        middle + kSmallSize * 0.35 - (static_cast<double>(lines.size()) - 1) * kSmallSize * 0.55;
    for (const std::string& line : lines) {
      canvas.text(layout.area.left - 6, baseline, line, {.size = kSmallSize, .anchor = Anchor::end});
      baseline += kSmallSize * 1.1;
    }
  }
}

double draw_column_names(Canvas& canvas, const HeatMap& figure, const Layout& layout) {
  double below = layout.area.bottom + kSmallSize * kLineHeight;
  for (std::size_t c = 0; c < figure.columns.size(); ++c) {
    const double middle = layout.area.left + (static_cast<double>(c) + 0.5) * layout.cell_width;
    if (!layout.slanted) {
      canvas.text(middle, layout.area.bottom + kSmallSize + 3, figure.columns[c],
                  {.size = kSmallSize, .anchor = Anchor::middle});
      continue;
    }
    canvas.text(middle + 4, layout.area.bottom + 12, figure.columns[c],
                {.size = kSmallSize, .anchor = Anchor::end, .turn = -45});
    below = std::max(below, layout.area.bottom + 16 + 0.71 * text_width(figure.columns[c], kSmallSize));
  }
  if (figure.column_label.empty()) return below + 4;
  below += kTextSize * kLineHeight + 2;
  canvas.text((layout.area.left + layout.area.right) / 2, below - 4, figure.column_label,
              {.anchor = Anchor::middle});
  return below + 4;
}

// A strip of the colours between its ends.
double draw_color_bar(Canvas& canvas, const HeatMap& figure, const Scale& scale, double top) {
  constexpr int kPieces = 40;
  constexpr double kHeight = 10;
  const std::string low = shown(scale.low, figure.value, 3);
  const std::string high = shown(scale.high, figure.value, 3);
  double baseline = top + 2;
  for (const std::string& line : wrap(axis_title(figure.value), figure.width - 2 * kMargin, kSmallSize)) {
    baseline += kSmallSize * kLineHeight;
    canvas.text(kMargin, baseline - 3, line, {.size = kSmallSize});
  }
  const double y = baseline + 3;
  const double left = kMargin + text_width(low, kSmallSize) + 6;
  const double right = std::min(figure.width - kMargin - text_width(high, kSmallSize) - 6, left + 220);
  canvas.text(kMargin, y + kHeight, low, {.size = kSmallSize});
  canvas.text(right + 6, y + kHeight, high, {.size = kSmallSize});
  const double piece = (right - left) / kPieces;
  for (int i = 0; i < kPieces; ++i) {  // pieces overlap so that no seam shows
    const Box box{left + i * piece, y, std::min(right, left + (i + 1.5) * piece), y + kHeight};
    canvas.rect(box, cell_color(figure.palette, (i + 0.5) / kPieces).fill);
  }
  canvas.rect({left, y, right, y + kHeight}, "none", {.color = kMuted, .width = 0.8});
  return y + kHeight + 4;
}

std::string summary(const HeatMap& figure) {
  std::string text = figure.subtitle;
  for (std::size_t i = 0; i < figure.values.size(); ++i) {
    if (std::isnan(figure.values[i])) continue;
    text +=
        message(" ", figure.rows[i / figure.columns.size()], ", ", figure.columns[i % figure.columns.size()],
                ": ", shown(figure.values[i], figure.value, figure.digits), ".");
  }
  return text;
}

}  // namespace

std::string to_svg(const HeatMap& figure) {
  check(figure);
  Canvas canvas;
  double top = canvas.heading(figure.title, figure.subtitle, figure.width);
  if (!figure.row_label.empty()) {
    top += kTextSize * kLineHeight;
    canvas.text(kMargin, top - 3, figure.row_label);
  }
  const Layout layout = lay_out(figure, top + 4);
  Extent extent;
  for (double value : figure.values) {
    if (!figure.value.log || value > 0) extent.add(value);
  }
  const Scale scale = make_scale(figure.value, extent, 0);
  draw_cells(canvas, figure, layout, scale);
  draw_row_names(canvas, figure, layout);
  const double below = draw_column_names(canvas, figure, layout);
  const double bottom = draw_color_bar(canvas, figure, scale, below);
  return canvas.finish(figure.width, bottom + kMargin, figure.title,
                       figure.description.empty() ? summary(figure) : figure.description);
}

HeatMap confusion_map(const ConfusionMatrix& matrix, const std::vector<std::string>& classes) {
  NOYAU_CHECK(matrix.classes() == static_cast<int>(classes.size()), "plot: confusion matrix of ",
              matrix.classes(), " classes has ", classes.size(), " names");
  HeatMap figure;
  figure.row_label = "True class (rows)";
  figure.column_label = "Predicted class (columns)";
  figure.rows = classes;
  figure.columns = classes;
  figure.value = {.label = "Share of the true class", .percent = true, .low = 0.0, .high = 1.0};
  figure.palette = Palette::blues;
  const std::vector<ClassMetrics> per_class = matrix.per_class();
  for (int r = 0; r < matrix.classes(); ++r) {
    const auto total = static_cast<double>(per_class[static_cast<std::size_t>(r)].support);
    for (int c = 0; c < matrix.classes(); ++c) {
      const double share = static_cast<double>(matrix.at(r, c)) / total;
      figure.values.push_back(share);
      figure.texts.push_back(std::isnan(share) ? "\u2013" : fixed(100 * share, 0));
      figure.notes.push_back(message(classes[static_cast<std::size_t>(r)], " predicted as ",
                                     classes[static_cast<std::size_t>(c)], ": ", matrix.at(r, c), " images"));
    }
  }
  return figure;
}

}  // namespace noyau::inline v0::plot
