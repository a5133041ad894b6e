#include "batch_norm.h"
#include "divide.h"

namespace noyau::inline v0 {
namespace {

// Sums of x - x[0] and its square, where the first row is near enough to the mean that nothing cancels.
template <class T>
struct Moments {
  std::int64_t c;
  const T* x;
  __device__ void operator()(std::int64_t r, std::int64_t j, double (&sums)[2]) const {
    const double distance = static_cast<double>(widen(x[r * c + j])) - static_cast<double>(widen(x[j]));
    sums[0] += distance;
    sums[1] += distance * distance;
  }
};

template <class T>
struct StoreMoments {
  using A = accumulate_t<T>;
  double rows;
  const T* x;
  A* mean;
  A* variance;
  __device__ void operator()(std::int64_t j, const double (&sums)[2]) const {
    const double shift = sums[0] / rows;
    const double spread = sums[1] / rows - shift * shift;
    mean[j] = static_cast<A>(static_cast<double>(widen(x[j])) + shift);
    variance[j] = static_cast<A>(spread > 0 || spread != spread ? spread : 0);
  }
};

// moving = momentum * moving + (1 - momentum) * factor * batch
template <class T>
struct Move {
  double momentum, factor;
  const T* batch;
  T* moving;
  __device__ void operator()(std::int64_t i) const {
    moving[i] = static_cast<T>(momentum * static_cast<double>(moving[i]) +
                               (1 - momentum) * factor * static_cast<double>(batch[i]));
  }
};

// y[r, c] = (x[r, c] - mean[c]) * gamma[c] / sqrt(variance[c] + epsilon) + beta[c], or 0 where relu cuts
template <class T>
struct Normalize {
  using A = accumulate_t<T>;
  Normalization<A> all;
  Divider by_c;
  const T* x;
  T* y;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t row = i;
    const Channel<A> channel = all.channel(by_c.split(row));
    const A value = (widen(x[i]) - channel.mean) * channel.scale + channel.shift;
    y[i] = narrow<T>(all.d.relu && value <= 0 ? A(0) : value);
  }
};

// Sums of g and g * xhat with g = dy where y was not cut.
template <class T>
struct GradientSums {
  using A = accumulate_t<T>;
  Normalization<A> all;
  const T* x;
  const T* dy;
  __device__ void operator()(std::int64_t r, std::int64_t c, double (&sums)[2]) const {
    const Channel<A> channel = all.channel(c);
    const std::int64_t at = r * all.d.c + c;
    const A distance = widen(x[at]) - channel.mean;
    const double g = static_cast<double>(all.kept(channel, distance, widen(dy[at])));
    sums[0] += g;
    sums[1] += g * static_cast<double>(distance * channel.inv);
  }
};

// dx[r, c] = scale * (g - dbeta / rows - xhat * dgamma / rows); in evaluation only its first term.
template <class T>
struct InputGradient {
  using A = accumulate_t<T>;
  Normalization<A> all;
  Divider by_c;
  const T* x;
  const T* dy;
  const A* dgamma;
  const A* dbeta;
  T* dx;
  __device__ void operator()(std::int64_t i) const {
    std::int64_t row = i;
    const std::int64_t c = by_c.split(row);
    const Channel<A> channel = all.channel(c);
    const A distance = widen(x[i]) - channel.mean;
    A g = all.kept(channel, distance, widen(dy[i]));
    if (all.d.training) g -= (dbeta[c] + distance * channel.inv * dgamma[c]) / static_cast<A>(all.d.rows);
    dx[i] = narrow<T>(channel.scale * g);
  }
};

}  // namespace

// mean[c] and biased variance[c] over the rows of x
template <class T>
void Cuda::batch_norm_statistics(Context& context, const BatchNormDims& d, const T* x, accumulate_t<T>* mean,
                                 accumulate_t<T>* variance) {
  column_sums<2>(context, d.rows, d.c, Moments<T>{d.c, x},
                 StoreMoments<T>{static_cast<double>(d.rows), x, mean, variance});
}

template <class T>
void Cuda::batch_norm_move(Context& context, const BatchNormDims& d, double momentum, const T* mean,
                           const T* variance, T* moving_mean, T* moving_variance) {
  const double unbiased = static_cast<double>(d.rows) / static_cast<double>(d.rows - 1);
  if (moving_mean != nullptr) launch_elements(context, d.c, Move<T>{momentum, 1, mean, moving_mean});
  if (moving_variance != nullptr)
    launch_elements(context, d.c, Move<T>{momentum, unbiased, variance, moving_variance});
}

template <class T>
void Cuda::batch_norm_forward(Context& context, const BatchNormDims& d, const T* x,
                              const accumulate_t<T>* mean, const accumulate_t<T>* variance,
                              const accumulate_t<T>* gamma, const accumulate_t<T>* beta, T* y) {
  launch_elements(context, d.rows * d.c, Normalize<T>{{d, mean, variance, gamma, beta}, Divider(d.c), x, y});
}

// dgamma[c] = sum over rows of dy * xhat, dbeta[c] = sum of dy
template <class T>
void Cuda::batch_norm_dparameters(Context& context, const BatchNormDims& d, const T* x, const T* dy,
                                  const accumulate_t<T>* mean, const accumulate_t<T>* variance,
                                  const accumulate_t<T>* gamma, const accumulate_t<T>* beta,
                                  accumulate_t<T>* dgamma, accumulate_t<T>* dbeta) {
  column_sums<2>(context, d.rows, d.c, GradientSums<T>{{d, mean, variance, gamma, beta}, x, dy},
                 StoreGradients<accumulate_t<T>>{dgamma, dbeta});
}

template <class T>
void Cuda::batch_norm_dinput(Context& context, const BatchNormDims& d, const T* x, const T* dy,
                             const accumulate_t<T>* mean, const accumulate_t<T>* variance,
                             const accumulate_t<T>* gamma, const accumulate_t<T>* beta,
                             const accumulate_t<T>* dgamma, const accumulate_t<T>* dbeta, T* dx) {
  launch_elements(context, d.rows * d.c,
                  InputGradient<T>{{d, mean, variance, gamma, beta}, Divider(d.c), x, dy, dgamma, dbeta, dx});
}

template decltype(Cuda::batch_norm_statistics<float>) Cuda::batch_norm_statistics<float>;
template decltype(Cuda::batch_norm_statistics<double>) Cuda::batch_norm_statistics<double>;
template decltype(Cuda::batch_norm_statistics<half>) Cuda::batch_norm_statistics<half>;
template decltype(Cuda::batch_norm_statistics<bfloat16>) Cuda::batch_norm_statistics<bfloat16>;
template decltype(Cuda::batch_norm_move<float>) Cuda::batch_norm_move<float>;
template decltype(Cuda::batch_norm_move<double>) Cuda::batch_norm_move<double>;
template decltype(Cuda::batch_norm_forward<float>) Cuda::batch_norm_forward<float>;
template decltype(Cuda::batch_norm_forward<double>) Cuda::batch_norm_forward<double>;
template decltype(Cuda::batch_norm_forward<half>) Cuda::batch_norm_forward<half>;
template decltype(Cuda::batch_norm_forward<bfloat16>) Cuda::batch_norm_forward<bfloat16>;
template decltype(Cuda::batch_norm_dparameters<float>) Cuda::batch_norm_dparameters<float>;
template decltype(Cuda::batch_norm_dparameters<double>) Cuda::batch_norm_dparameters<double>;
template decltype(Cuda::batch_norm_dparameters<half>) Cuda::batch_norm_dparameters<half>;
template decltype(Cuda::batch_norm_dparameters<bfloat16>) Cuda::batch_norm_dparameters<bfloat16>;
template decltype(Cuda::batch_norm_dinput<float>) Cuda::batch_norm_dinput<float>;
template decltype(Cuda::batch_norm_dinput<double>) Cuda::batch_norm_dinput<double>;
template decltype(Cuda::batch_norm_dinput<half>) Cuda::batch_norm_dinput<half>;
template decltype(Cuda::batch_norm_dinput<bfloat16>) Cuda::batch_norm_dinput<bfloat16>;

}  // namespace noyau::inline v0
