#pragma once
// Text that finds a free place.
#include "plot/canvas.h"

namespace noyau::inline v0::plot {

// Positions as near to `wanted` as keeps them `gap` apart within [low, high]; in the order given.
std::vector<double> spread(const std::vector<double>& wanted, double gap, double low, double high);

// Places labels of points so that none covers a point or another label, nor, while there is room, a line.
class Labeler {
 public:
  explicit Labeler(const Box& area) : area_(area) {}
  void block_point(const Box& box) { points_.push_back(box); }
  void block_line(double x1, double y1, double x2, double y2);
  // Writes `text` near (x, y), with a hair line when it had to move away. Left out when there is no room at
  // all: the
  // point's tooltip has it.
  void place(Canvas& canvas, double x, double y, const std::string& text, std::string_view color);

 private:
  bool place_clear(Canvas& canvas, double x, double y, const std::string& text, std::string_view color,
                   bool of_lines);
  // True when a hair line from (x, y) to `box` crosses no label.
  bool reaches(double x, double y, const Box& box) const;

  Box area_;
  std::vector<Box> points_;
  std::vector<Box> lines_;
  std::vector<Box> labels_;
};

}  // namespace noyau::inline v0::plot
