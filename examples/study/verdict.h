#pragma once
/// \file
/// Is Grad-CAM++ a good choice? Arguments for and against it, each held against numbers of the study.

#include "study/explain_facts.h"

namespace study {

/// How an argument stands once it was measured.
enum class Standing {
  borne_out,     ///< The number lies on the argument's side, and that is more than chance.
  refuted,       ///< It lies on the other side, and that is more than chance.
  undecided,     ///< These images cannot tell.
  not_measured,  ///< There is no number.
};
/// "Borne out", "Refuted", ...
std::string standing_name(Standing standing);

/// One argument.
struct Argument {
  bool in_favour = false;                             ///< Of Grad-CAM++; else against it.
  std::string claim;                                  ///< What is said.
  std::string measured;                               ///< What was measured, with the numbers.
  Standing standing = Standing::not_measured;         ///< What follows.
  std::optional<noyau::stats::Comparison> test = {};  ///< Towards the claim; absent of mere facts.
  double p = 1;                                       ///< Of the test, adjusted by Holm over all arguments.
};
/// All arguments, those in favour first. Tests are Student's, over images, at 5 % after Holm's adjustment.
std::vector<Argument> verdict_on_plus_plus(const ExplainFacts& facts);
/// How many were borne out, refuted and left open, and what follows.
std::string summary_of(const std::vector<Argument>& arguments);

}  // namespace study
