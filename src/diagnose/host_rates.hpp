// SPDX-License-Identifier: Apache-2.0
// What one host's document says of the hops that a model's life crosses: storage both ways, and into the
// GPUs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/capacity.hpp"
#include "record/result.hpp"
#include "workload/profile.hpp"

namespace millrace::diagnose {

// A rate, measured or else given by the profile. `low` and `high` are the ends of its 95 % interval; of a
// given rate, which promises nothing, both are the rate itself.
struct HopRate {
  double mean = 0, low = 0, high = 0;
  bool measured = false;
  std::vector<std::string> evidence;
  std::string resource;    // "drive:vda"; "storage" or "gpu" where none is named
  std::string name;        // for people: "reading from storage (m1)"
  std::string given_by{};  // instead of a measurement or the profile: "the fabric's limit"
};

// All of the host together. Given: what the profile says of one GPU, times `gpus` of them.
HopRate read_rate(const record::Document& document, const workload::Profile& profile, double given_of_gpu,
                  int gpus, std::vector<std::string>& notes);
HopRate write_rate(const record::Document& document, double given_of_gpu, int gpus);
// Of one GPU while `gpus` of them copy.
HopRate copy_rate(const record::Document& document, double given_of_gpu, int gpus);

// What `given_by` says where a fabric's limit stands in.
inline constexpr const char* kByLimit = "the fabric's limit";

int gpus_in(const record::Document& document);

// A diagnosis with its names, and figures that are unknown until somebody sets them.
record::Diagnosis blank_diagnosis(const workload::Profile& profile, int accelerators);
// Where a training state is larger than the memory of `ranks` GPUs: the diagnosis that says so, and how many
// hold it.
std::optional<record::Diagnosis> state_does_not_fit(const workload::Profile& profile, int ranks);
record::RankedHop ranked_hop(const HopRate& rate, const std::string& kind, double needed_bytes_per_s);

// An error's text without the workload's name in front, which the sentence stands below already.
std::string without_name(const std::string& what, const workload::Profile& profile);
// Whose verdict it is: "llama3-8b-serve on 1 × H100".
std::string who_words(const workload::Profile& profile, std::int64_t accelerators);
std::string gpus_words(std::int64_t count);  // "1 GPU", "8 GPUs"
std::string bytes_words(double bytes);       // "805 MB"
std::string rate_words(double rate);         // "1 GB/s"
std::string time_words(double seconds);      // "805 ms", "31.1 s", "1.4 h"

}  // namespace millrace::diagnose
