#include <algorithm>
#include <cmath>
#include <numeric>

#include "noyau/inspect.h"

namespace noyau::inline v0::inspect {
namespace {

constexpr std::uint8_t kOutside = 128;

ReceptiveField whole(const Shape& input) {
  const auto h = static_cast<double>(input[0]), w = static_cast<double>(input[1]);
  return {{h, w}, {1, 1}, {(h - 1) / 2, (w - 1) / 2}};
}

// First of the cells around `centre`, or of the whole extent where the field covers it.
std::int64_t first_cell(double centre, double field, std::int64_t extent) {
  if (field >= static_cast<double>(extent)) return 0;
  return static_cast<std::int64_t>(std::ceil(centre - field / 2));
}

std::int64_t cells(double field, std::int64_t extent) {
  return std::min(extent, static_cast<std::int64_t>(std::ceil(field)));
}

}  // namespace

ReceptiveField receptive_field(const Sequential& net, const Shape& input, std::string_view layer) {
  const Summary described = summary(net, input);
  const LayerSummary* found = nullptr;
  const std::string inside = std::string(layer) + ".";
  for (const LayerSummary& row : described.layers) {
    if (row.name != layer && row.name.compare(0, inside.size(), inside) != 0) continue;
    const bool larger = found == nullptr || row.receptive_field.h >= found->receptive_field.h;
    if (larger) found = &row;
  }
  if (layer == "input" && found == nullptr) return {};
  if (layer == "output" && found == nullptr) return whole(input);
  NOYAU_CHECK(found != nullptr, "receptive_field: there is no layer '", layer, "'");
  if (found->output.rank() != 3) return whole(input);
  return {{static_cast<double>(found->receptive_field.h), static_cast<double>(found->receptive_field.w)},
          found->step,
          found->centre};
}

std::vector<Patch> patches(const LayerOutputs& outputs, std::int64_t unit, const ReceptiveField& field,
                           Size2 image, int count, Pick pick) {
  const std::int64_t n = outputs.peak.dim(0), units = outputs.units();
  NOYAU_CHECK(unit >= 0 && unit < units, "patches: unit ", unit, " of layer '", outputs.name,
              "' is out of range for ", units, " units");
  NOYAU_CHECK(count >= 1, "patches: ", count, " patches");
  const float* const peak = outputs.peak.data<float>();
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return peak[a * units + unit] > peak[b * units + unit];
  });
  const std::int64_t taken = std::min<std::int64_t>(count, n);
  const std::int64_t columns = outputs.shape.rank() == 3 ? outputs.shape[1] : 1;
  std::vector<Patch> result;
  for (std::int64_t i = 0; i < taken; ++i) {
    const std::int64_t rank = pick == Pick::top || taken == 1 ? i : i * (n - 1) / (taken - 1);
    const std::int64_t which = order[static_cast<std::size_t>(rank)];
    const std::int64_t place = outputs.place.data<std::int32_t>()[which * units + unit];
    const std::int64_t y = place / columns;
    const std::int64_t x = place % columns;
    const double row = field.centre[0] + static_cast<double>(y) * field.step[0];
    const double column = field.centre[1] + static_cast<double>(x) * field.step[1];
    result.push_back({.image = which,
                      .value = peak[which * units + unit],
                      .top = first_cell(row, field.size[0], image.h),
                      .left = first_cell(column, field.size[1], image.w),
                      .height = cells(field.size[0], image.h),
                      .width = cells(field.size[1], image.w)});
  }
  return result;
}

Tensor cut(const Tensor& images, std::span<const Patch> patches) {
  NOYAU_CHECK(!patches.empty(), "cut: no patches");
  const std::int64_t h = images.dim(1), w = images.dim(2), c = images.dim(3);
  const std::int64_t height = patches[0].height, width = patches[0].width;
  const Tensor result =
      full({static_cast<std::int64_t>(patches.size()), height, width, c}, kOutside, {Dtype::u8});
  const std::uint8_t* const from = images.data<std::uint8_t>();
  std::uint8_t* to = result.mutable_data<std::uint8_t>();
  for (const Patch& patch : patches) {
    NOYAU_CHECK(patch.height == height && patch.width == width, "cut: patches differ in size");
    NOYAU_CHECK(patch.image >= 0 && patch.image < images.dim(0), "cut: there is no image ", patch.image);
    for (std::int64_t y = patch.top; y < patch.top + height; ++y) {
      for (std::int64_t x = patch.left; x < patch.left + width; ++x, to += c) {
        if (y < 0 || y >= h || x < 0 || x >= w) continue;
        std::copy_n(from + ((patch.image * h + y) * w + x) * c, c, to);
      }
    }
  }
  return result;
}

}  // namespace noyau::inline v0::inspect
