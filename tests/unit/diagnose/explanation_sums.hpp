// SPDX-License-Identifier: Apache-2.0
// Every line of an explanation that computes something does so rightly from the numbers that it prints.
#pragma once

#include <gtest/gtest.h>

#include "diagnose/explanation.hpp"

namespace millrace::diagnose {

inline int expect_sums(const record::Diagnosis& d) {
  int sums = 0;
  for (const record::ExplanationStep& step : d.explanation) {
    if (step.arithmetic.empty()) continue;
    const auto checked = check(step.arithmetic);
    EXPECT_TRUE(checked) << step.arithmetic;
    if (!checked) continue;
    EXPECT_TRUE(checked->holds()) << step.claim << ": " << step.arithmetic << ": " << checked->left << " and "
                                  << checked->right;
    ++sums;
  }
  return sums;
}

}  // namespace millrace::diagnose
