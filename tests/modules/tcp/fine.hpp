// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "ends.hpp"

namespace millrace::testing {

// What was measured, where every rank must have ended well.
inline std::vector<Measured> fine(std::vector<Measured> all) {
  for (const Measured& m : all) EXPECT_TRUE(m.ok()) << m.what;
  return all;
}

}  // namespace millrace::testing
