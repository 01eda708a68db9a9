// SPDX-License-Identifier: Apache-2.0
#include "report/pair_matrix.hpp"

#include <gtest/gtest.h>

namespace millrace::report {
namespace {

record::Measurement with(const std::map<std::string, double>& medians) {
  record::Measurement m;
  for (const auto& [name, median] : medians)
    m.metrics[name] = {3, median, median, median, median, median, median};
  return m;
}

TEST(PairMatrix, HasARowForEachBeginningAndAColumnForEachEnd) {
  const auto m = with({{"gpu0_to_gpu1_bytes_per_s", 400e9},
                       {"gpu1_to_gpu0_bytes_per_s", 396.04e9},
                       {"gpu0_to_gpu10_bytes_per_s", 200e9},
                       {"gpu10_to_gpu0_bytes_per_s", 1e9}});
  EXPECT_EQ(pair_matrix_text(m, {false, 100}),
            "    GB/s, from  to gpu0  to gpu1  to gpu10\n"
            "    gpu0              –    400.0     200.0\n"
            "    gpu1          396.0        –         –\n"
            "    gpu10           1.0        –         –\n");
}

TEST(PairMatrix, OfHostMemoryIsOneRowAndLatenciesAreNanoseconds) {
  std::map<std::string, double> rates;
  std::map<std::string, double> latencies;
  for (int gpu = 0; gpu < 4; ++gpu) {
    rates["host_to_gpu" + std::to_string(gpu) + "_bytes_per_s"] = 150e6;
    latencies["gpu" + std::to_string(gpu) + "_to_host_access_s"] = 1.25e-6;
  }
  EXPECT_EQ(pair_matrix_text(with(rates), {false, 100}),
            "    MB/s, from  to gpu0  to gpu1  to gpu2  to gpu3\n"
            "    host          150.0    150.0    150.0    150.0\n");
  EXPECT_NE(pair_matrix_text(with(latencies), {false, 100}).find("    gpu3         1250\n"),
            std::string::npos);
}

TEST(PairMatrix, IsNoneForAFewPairsOrOtherMetrics) {
  const auto few = with({{"gpu0_to_gpu1_bytes_per_s", 1e9}, {"gpu1_to_gpu0_bytes_per_s", 1e9}});
  EXPECT_EQ(pair_matrix_text(few, {}), "");
  EXPECT_FALSE(is_in_pair_matrix(few, "gpu0_to_gpu1_bytes_per_s"));
  const auto others = with({{"gpu0_with_gpu1_bytes_per_s", 1},
                            {"gpu_to_gpu1_bytes_per_s", 1},
                            {"gpu0_to_gpu1_s", 1},
                            {"all_to_gpu1_bytes_per_s", 1},
                            {"gpu0_to_gpu1", 1}});
  EXPECT_EQ(pair_matrix_text(others, {}), "");
}

}  // namespace
}  // namespace millrace::report
