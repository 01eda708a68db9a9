// SPDX-License-Identifier: Apache-2.0
#include "stats/student_t.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

namespace millrace::stats {
namespace {

constexpr double kPi = 3.141592653589793238462643383279502884;

// The continued fraction of DLMF 8.17.22, by Lentz's method. Converges within O(sqrt(max(a, b))) terms for
// x < (a + 1) / (a + b + 2).
double beta_fraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300;
  const auto away_from_zero = [](double value) { return std::fabs(value) < kTiny ? kTiny : value; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int m = 1; m < 100'000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    const double step = d * c;
    fraction *= step;
    if (std::fabs(step - 1) < 1e-15) break;
  }
  return fraction;
}

// ln gamma without the global that std::lgamma writes (signgam): workers may compute intervals in threads.
double log_gamma(double x) {
  int sign = 0;
  return lgamma_r(x, &sign);
}

// ln(gamma(a + 1/2) / gamma(a)). The difference of two large logarithms loses digits: from 20 on by its
// asymptotic series (DLMF 5.11.13), whose error there is below 1e-14.
double log_gamma_half_step(double a) {
  if (a < 20) return log_gamma(a + 0.5) - log_gamma(a);
  const double u = 1 / (a * a);
  return 0.5 * std::log(a) + (-1.0 / 8 + u * (1.0 / 192 + u * (-1.0 / 640 + u * (17.0 / 14336)))) / a;
}

// P(T > t) for t >= 0: half of I_x(freedom/2, 1/2) at x = freedom / (freedom + t^2).
double upper_tail(double t, double freedom) {
  const double a = 0.5 * freedom;
  const double b = 0.5;
  const double x = freedom / (freedom + t * t);
  const double y = t * t / (freedom + t * t);
  if (y == 0) return 0.5;
  if (x == 0) return 0;
  const double log_front =
      log_gamma_half_step(a) - 0.5 * std::log(kPi) - a * std::log1p(t * t / freedom) + b * std::log(y);
  const double front = std::exp(log_front);
  const double beta =
      x < (a + 1) / (a + b + 2) ? front * beta_fraction(x, a, b) / a : 1 - front * beta_fraction(y, b, a) / b;
  return 0.5 * beta;
}

double density(double t, double freedom) {
  return std::exp(log_gamma_half_step(0.5 * freedom) - 0.5 * (freedom + 1) * std::log1p(t * t / freedom)) /
         std::sqrt(freedom * kPi);
}

// The normal quantile's rational approximation of Abramowitz & Stegun 26.2.23 (error below 4.5e-4), then
// their 26.7.5.
double starting_point(double tail, double freedom) {
  const double u = std::sqrt(-2 * std::log(tail));
  const double z =
      u - (2.515517 + u * (0.802853 + u * 0.010328)) / (1 + u * (1.432788 + u * (0.189269 + u * 0.001308)));
  const double z2 = z * z;
  const double g1 = z * (z2 + 1) / 4;
  const double g2 = z * (3 + z2 * (16 + 5 * z2)) / 96;
  return std::fmax(0, z + g1 / freedom + g2 / (freedom * freedom));
}

}  // namespace

double student_t_cdf(double t, double freedom) {
  if (!(freedom > 0)) throw std::domain_error("student_t_cdf: degrees of freedom must be positive");
  const double tail = upper_tail(std::fabs(t), freedom);
  return t > 0 ? 1 - tail : tail;
}

double student_t_quantile(double p, double freedom) {
  if (!(freedom > 0) || !(p > 0) || !(p < 1)) throw std::domain_error("student_t_quantile: out of range");
  const double tail = p < 0.5 ? p : 1 - p;
  if (tail == 0.5) return 0;
  double low = 0;
  double high = std::numeric_limits<double>::infinity();
  double t = starting_point(tail, freedom);
  for (int i = 0; i < 200; ++i) {
    const double excess = upper_tail(t, freedom) - tail;
    (excess > 0 ? low : high) = t;
    double next = t + excess / density(t, freedom);
    // Newton's step overshoots far out in the heavy tail of few degrees of freedom: then halve the bracket.
    if (!(next > low && next < high)) next = std::isinf(high) ? 2 * t + 1 : 0.5 * (low + high);
    const bool settled = std::fabs(next - t) <= 1e-14 * std::fabs(next);
    t = next;
    if (settled) break;
  }
  return p < 0.5 ? -t : t;
}

}  // namespace millrace::stats
