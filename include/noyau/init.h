#pragma once
/// \file
/// Initial values of weights.

#include "noyau/random.h"

namespace noyau::inline v0 {

/// Rules for initial values. With fans (in, out): glorot uses 2 / (in + out), he 2 / in, lecun 1 / in as variance.
enum class Init : std::uint8_t {
  zeros,           ///< All 0.
  ones,            ///< All 1.
  constant,        ///< All equal to the scale.
  glorot_uniform,  ///< Uniform in +- sqrt(6 / (in + out)) (Glorot and Bengio, AISTATS 2010); Keras' default.
  glorot_normal,   ///< Normal of that variance.
  he_uniform,      ///< Uniform in +- sqrt(6 / in) (arXiv 1502.01852); for ReLU networks.
  he_normal,       ///< Normal of that variance.
  lecun_uniform,   ///< Uniform in +- sqrt(3 / in) (LeCun et al., Efficient BackProp, 1998).
  lecun_normal,    ///< Normal of that variance.
  orthogonal,  ///< [all but the last axis, last axis] has orthonormal columns, or rows when wide (arXiv 1312.6120).
  dirac,  ///< A convolution kernel that passes its first channels through, 0 elsewhere (PyTorch's dirac_).
};

/// A rule with a factor on the values it makes. Normal rules are not truncated (as PyTorch, unlike Keras).
struct NOYAU_API Initializer {
  /// The rule, its values multiplied by `factor`.
  Initializer(Init rule = Init::glorot_uniform, double factor = 1) : init(rule), scale(factor) {}
  /// The rule of that name; throws, with the nearest, on an unknown one.
  Initializer(std::string_view name);
  /// \copydoc Initializer(std::string_view)
  Initializer(const char* name) : Initializer(std::string_view(name)) {}

  Init init;     ///< The rule.
  double scale;  ///< Factor on all values; for `constant`, the value.

  /// Same rule and factor.
  friend bool operator==(const Initializer&, const Initializer&) = default;
};

/// Names of all rules.
NOYAU_API std::vector<std::string> initializer_names();
/// Appends the name of the rule.
NOYAU_API void append(std::string& text, Init init);

/// How many inputs an output sums over, and how many outputs an input feeds.
struct Fans {
  double in = 1;   ///< Inputs of an output.
  double out = 1;  ///< Outputs of an input.
};
/// Fans of a dense kernel [in, out] or a convolution kernel [kh, kw, ic / groups, oc]: kh kw ic / groups inputs, and
/// kh kw oc / groups outputs. Other shapes: the number of elements for both.
NOYAU_API Fans fans(const Shape& kernel, std::int64_t groups = 1);

/// Overwrites the elements of `kernel`. Throws where the rule does not fit the shape.
NOYAU_API void initialize(const Tensor& kernel, const Initializer& rule, const Fans& fans,
                          Generator& generator = default_generator());
/// initialize() with fans(kernel.shape()).
NOYAU_API void initialize(const Tensor& kernel, const Initializer& rule,
                          Generator& generator = default_generator());

}  // namespace noyau::inline v0
