#pragma once
/// \file
/// Losses: scalars to minimise.

#include "noyau/ops.h"

namespace noyau::inline v0 {

/// How a loss joins its rows.
enum class Reduction : std::uint8_t {
  mean,  ///< Mean of rows, weighted by class weights where given (PyTorch's mean).
  sum,   ///< Sum of rows.
  none,  ///< One value a row.
};

/// Options of cross_entropy().
struct CrossEntropyOptions {
  double label_smoothing = 0;             ///< Share of the target spread evenly over all classes, in [0, 1).
  Tensor class_weights = {};              ///< [classes]; all ones when undefined.
  Reduction reduction = Reduction::mean;  ///< How rows are joined.
};
/// Cross-entropy in nats of logits [n, classes] with `targets`: class ids (i32 [n]) or probabilities ([n, classes]).
/// Throws on an id out of range, naming its row.
NOYAU_API Tensor cross_entropy(const Tensor& logits, const Tensor& targets,
                               const CrossEntropyOptions& options = {});
/// Squared difference; rows are single elements.
NOYAU_API Tensor mean_squared_error(const Tensor& x, const Tensor& target,
                                    Reduction reduction = Reduction::mean);
/// d^2 / 2 where |d| <= delta, else delta * (|d| - delta / 2), d = x - target; rows are single elements.
NOYAU_API Tensor huber(const Tensor& x, const Tensor& target, double delta = 1,
                       Reduction reduction = Reduction::mean);
/// Binary cross-entropy in nats of logits with targets in [0, 1]; rows are single elements.
NOYAU_API Tensor binary_cross_entropy(const Tensor& logits, const Tensor& target,
                                      Reduction reduction = Reduction::mean);

}  // namespace noyau::inline v0
