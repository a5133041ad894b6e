#pragma once
// The steps of an Augment in one table: parsing, printing, range checks and documentation agree because they read it.
#include "noyau/augment.h"

namespace noyau::inline v0 {

struct Argument {
  const char* name;
  double low;
  double high;
  double fallback;
  bool whole = false;  // an integer
};

struct StepSpec {
  Augment::Kind kind;
  const char* name;
  std::size_t required;  // arguments without a fallback
  std::vector<Argument> arguments;
  bool border = false;  // takes a last word, zero or reflect
};

const std::vector<StepSpec>& step_specs();
const StepSpec& spec_of(Augment::Kind kind);
// A sequence of one step with checked arguments; absent ones get their fallback.
Augment make_step(Augment::Kind kind, std::vector<double> values, Border border = Border::zero);

}  // namespace noyau::inline v0
