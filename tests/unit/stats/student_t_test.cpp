// SPDX-License-Identifier: Apache-2.0
#include "stats/student_t.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace millrace::stats {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Published to three decimals in every statistics book.
TEST(StudentT, AgreesWithTheTables) {
  struct Entry {
    double p, freedom, t;
  };
  for (const Entry& entry : {Entry{0.975, 1, 12.706},
                             {0.975, 2, 4.303},
                             {0.975, 4, 2.776},
                             {0.975, 9, 2.262},
                             {0.975, 19, 2.093},
                             {0.975, 29, 2.045},
                             {0.975, 120, 1.980},
                             {0.95, 10, 1.812},
                             {0.995, 5, 4.032},
                             {0.9995, 10, 4.587},
                             {0.9995, 1, 636.619},
                             {0.90, 30, 1.310}})
    EXPECT_NEAR(student_t_quantile(entry.p, entry.freedom), entry.t, 0.00051)
        << entry.p << " " << entry.freedom;
}

// One and two degrees of freedom have closed forms; many are the normal distribution.
TEST(StudentT, AgreesWithTheClosedFormsToTenDigits) {
  for (const double p : {0.5001, 0.6, 0.9, 0.975, 0.999, 0.999999}) {
    const double cauchy = std::tan(kPi * (p - 0.5));
    EXPECT_NEAR(student_t_quantile(p, 1) / cauchy, 1, 1e-10) << p;
    const double two = (2 * p - 1) * std::sqrt(2 / (4 * p * (1 - p)));
    EXPECT_NEAR(student_t_quantile(p, 2) / two, 1, 1e-10) << p;
  }
  EXPECT_NEAR(student_t_quantile(0.975, 1e9), 1.959963984540054, 1e-8);
}

// For an even number of degrees of freedom the distribution is a finite sum (Abramowitz & Stegun 26.7.4).
double cdf_by_finite_sum(double t, int freedom) {
  const double angle = std::atan(t / std::sqrt(freedom));
  const double cosine2 = std::cos(angle) * std::cos(angle);
  double term = 1;
  double sum = 1;
  for (int i = 2; i <= freedom - 2; i += 2) {
    term *= cosine2 * (i - 1) / i;
    sum += term;
  }
  return 0.5 * (1 + std::sin(angle) * sum);
}

TEST(StudentT, AgreesWithTheFiniteSumForEvenDegreesOfFreedom) {
  for (const int freedom : {4, 18, 38, 40, 42, 100, 1000, 100'000})
    for (const double t : {0.01, 0.5, 1.96, 3.5})
      EXPECT_NEAR(student_t_cdf(-t, freedom) / (1 - cdf_by_finite_sum(t, freedom)), 1, 1e-9)
          << t << " " << freedom;
}

TEST(StudentT, IsItsOwnInverseAndSymmetric) {
  for (const double freedom : {1.0, 2.5, 7.0, 19.0, 200.0, 1e5}) {
    for (const double p : {1e-8, 1e-4, 0.025, 0.3, 0.5, 0.7}) {
      const double t = student_t_quantile(p, freedom);
      EXPECT_NEAR(student_t_cdf(t, freedom) / p, 1, 1e-10) << p << " " << freedom;
      if (p > 1e-3) {
        EXPECT_NEAR(student_t_quantile(1 - p, freedom), -t, 1e-8 * (1 + std::fabs(t)));
      }
    }
  }
}

TEST(StudentT, RefusesWhatHasNoQuantile) {
  EXPECT_THROW(student_t_quantile(0, 5), std::domain_error);
  EXPECT_THROW(student_t_quantile(1, 5), std::domain_error);
  EXPECT_THROW(student_t_quantile(NAN, 5), std::domain_error);
  EXPECT_THROW(student_t_quantile(0.5, 0), std::domain_error);
  EXPECT_THROW(student_t_cdf(1, -1), std::domain_error);
}

}  // namespace
}  // namespace millrace::stats
