// SPDX-License-Identifier: Apache-2.0
// What a cold start or a restore has to mend to be soon enough, and what takes most then.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "diagnose/host_rates.hpp"
#include "record/result.hpp"

namespace millrace::diagnose {

struct LoadingTask {
  std::string what;         // "weights", "training state"
  std::string done;         // "ready", "going on again"
  double bytes_of_gpu = 0;  // into each
  bool streamed = true;     // storage and copy overlap
  double fixed_s = 0;       // besides
  std::string fixed_name;
  double wanted_s = 0;
  int gpus = 1;  // of this host that load at once
};

// What a loading takes: the reading, the copying, and what is fixed, each divided by its factor.
struct LoadingTimes {
  double read_s = 0, copy_s = 0, fixed_s = 0;
  [[nodiscard]] double whole_s(bool streamed) const {
    return fixed_s + (streamed ? std::max(read_s, copy_s) : read_s + copy_s);
  }
};

using LoadingPart = double LoadingTimes::*;

struct LoadingRelief {
  LoadingPart what = nullptr;
  double factor = 1;           // rounded up
  double least = 1;            // the same before that
  double whole_s = 0;          // with this and all before it
  LoadingPart next = nullptr;  // takes most where this one takes nothing
};

// The longest of them first, which are mended together by one factor where one alone does not suffice; where
// they overlap, each by what it needs itself. What is fixed only where the rest is not to blame.
std::vector<LoadingRelief> relieve_loading(const LoadingTask& task, const LoadingTimes& times);

// " Mend storage: it takes 357 MB/s where there is 200 MB/s; then engine start takes most."
std::string loading_relief_words(const LoadingTask& task, const HopRate& read, const HopRate& copy,
                                 const std::vector<LoadingRelief>& relief);
// As entries of `relief` and as lines of the explanation.
void add_loading_relief(const LoadingTask& task, const HopRate& read, const HopRate& copy,
                        const std::vector<LoadingRelief>& relief, record::Diagnosis& diagnosis);

}  // namespace millrace::diagnose
