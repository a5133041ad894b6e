#pragma once
/// \file
/// What the measurements of explanations say: means with intervals, comparisons, the method to recommend.

#include "noyau/stats.h"
#include "study/parts.h"

namespace study {

/// A method and its measures.
struct MethodFacts {
  std::string name;                                        ///< "grad_cam_pp".
  std::string title;                                       ///< "Grad-CAM++ (tf_keras_vis)".
  std::string error = {};                                  ///< Why it could not be used; empty when it could.
  double seconds = 0;                                      ///< An image.
  std::map<std::string, std::vector<double>> values = {};  ///< "road", ...: one number an image.
  std::vector<std::pair<std::string, std::vector<double>>> cascade =
      {};  ///< Layer, similarity of each image.

  /// True of maps that know nothing of the network.
  bool baseline() const { return name == "random" || name == "sobel"; }
  /// The numbers of a measure; empty where there are none.
  const std::vector<double>& of(const std::string& measure) const;
  /// Similarity to the map of a network whose layers are all drawn anew; empty where there are none.
  const std::vector<double>& randomised() const;
};

/// All measurements of one network.
struct ExplainFacts {
  Json network = {};                      ///< Part "network".
  std::vector<MethodFacts> methods = {};  ///< In the order they were measured.
  Json sheets = Json::array();            ///< Part "sheets".
  std::map<std::pair<std::string, std::string>, std::vector<double>> agreement =
      {};  ///< Rank correlation of two methods' maps, one number an image; both orders.

  ExplainFacts() = default;
  /// Reads what is there.
  explicit ExplainFacts(const PartMap& parts);
  /// The method; null when it was not measured or could not be used.
  const MethodFacts* find(const std::string& name) const;
  /// Numbers of part "network", "plus_plus"; empty where there are none.
  std::vector<double> plus_plus(const std::string& key) const;
};

/// Mean of what is finite and its interval; NaN where there is too little.
struct MeanOf {
  double mean = 0;                       ///< NaN of nothing.
  noyau::stats::Interval interval = {};  ///< 95 %, over images; NaN of fewer than two.
};
/// Of numbers of images.
MeanOf mean_of(const std::vector<double>& values);
/// The number with so many decimals and a true minus sign.
std::string signed_number(double value, int decimals);
/// Pairs of which both are finite, compared by Student's paired test; nothing of fewer than two.
std::optional<noyau::stats::Comparison> compare_pairs(const std::vector<double>& a,
                                                      const std::vector<double>& b);

/// Which method to use, by ROAD, and what that rests on.
struct Recommendation {
  const MethodFacts* method = nullptr;             ///< Null when none qualifies.
  std::vector<const MethodFacts*> worse = {};      ///< Methods whose ROAD is lower, decided (Holm, 5 %).
  std::vector<const MethodFacts*> undecided = {};  ///< Qualified ones not shown to be lower.
  std::vector<const MethodFacts*> no_better_than_random =
      {};                                            ///< Disqualified: ROAD not above the random map's.
  std::vector<const MethodFacts*> insensitive = {};  ///< Disqualified: kept after randomisation.
};
/// The highest mean ROAD among methods that beat the random map (paired test, Holm, 5 %) and whose maps are lost when all
/// layers are drawn anew (mean rank correlation below 0.5).
Recommendation recommend(const ExplainFacts& facts);

}  // namespace study
