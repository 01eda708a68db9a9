// SPDX-License-Identifier: Apache-2.0
// For facts about times and rates, which hold where nobody else takes the CPUs.
#pragma once

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

namespace millrace::testing {

// `facts` measures and expects. A busy machine is given two goes whose failures do not count; the third does.
template <typename Facts>
void in_a_quiet_moment(const Facts& facts) {
  constexpr int kGoesThatDoNotCount = 2;
  for (int go = 0; go < kGoesThatDoNotCount; ++go) {
    using Reporter = ::testing::ScopedFakeTestPartResultReporter;
    ::testing::TestPartResultArray seen;
    {
      const Reporter reporter(Reporter::INTERCEPT_ALL_THREADS, &seen);
      facts();
    }
    bool hold = true;
    for (int i = 0; i < seen.size(); ++i) hold = hold && !seen.GetTestPartResult(i).failed();
    if (hold) return;
  }
  facts();
}

}  // namespace millrace::testing
