// SPDX-License-Identifier: Apache-2.0
// Student's t distribution: what the confidence intervals need of it.
#pragma once

namespace millrace::stats {

// P(T <= t) for T of Student's t distribution with `freedom` degrees of freedom (> 0), by the regularised
// incomplete beta function (NIST DLMF 8.17.22: its continued fraction, evaluated by Lentz's method). Relative
// error of the smaller tail below 1e-11.
double student_t_cdf(double t, double freedom);

// The t with student_t_cdf(t, freedom) = p, 0 < p < 1: by Newton's method on the function above, started from
// the expansion of Cornish and Fisher (Abramowitz & Stegun 26.7.5) and kept inside a bracket. Relative error
// below 1e-10. Throws std::domain_error outside of that range.
double student_t_quantile(double p, double freedom);

}  // namespace millrace::stats
