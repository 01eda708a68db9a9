// SPDX-License-Identifier: Apache-2.0
// How long operations of an open loop took from their submission on. Their latency counts from when they
// should have started; what lies between the two is the wait for a place in the queue, and for this host to
// get to it. The drive's own part is what tools tell that count from the submission, such as fio. Of the
// whole run, warm-up included, which the latency leaves out.
#pragma once

#include <millrace/latency_buckets.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace millrace::storage {

class ServiceTimes {
 public:
  ServiceTimes() : counts_(MILLRACE_LATENCY_BUCKETS) {}

  void add(std::int64_t ns) { ++counts_[millrace_latency_bucket(static_cast<std::uint64_t>(ns))]; }
  void merge(const ServiceTimes& other);
  // In seconds, within 0.8 %: the floor of the bucket in which the ceil(q × count)-th shortest lies. Nothing
  // where fewer than ten lie beyond it.
  [[nodiscard]] std::optional<double> quantile_s(double q) const;

 private:
  std::vector<std::uint64_t> counts_;
};

}  // namespace millrace::storage
