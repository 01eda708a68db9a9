// SPDX-License-Identifier: Apache-2.0
// What the user asked of a collective between GPUs, made sure that it can be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/collective/request.hpp"
#include "modules/cuda/driver.hpp"
#include "units/result.hpp"

namespace millrace::nccl {

struct Settings : collective::Request {
  std::vector<cuda::Device> gpus;  // of this host, a rank each
  bool registered = false;         // buffers of ncclMemAlloc, registered
  bool graph = false;
  bool blocking = false;
  bool grouped = false;             // sends and receives instead of NCCL's own call
  std::string algorithm, protocol;  // asked for: "ring"; empty: NCCL chooses
};

// Errors: Exit::kUsage: a GPU that does not exist, arrays beyond a GPU's memory, what makes no sense;
// Exit::kInconclusive (the measurement is skipped): no driver or GPU, one GPU only, what this NCCL cannot.
// In describe all hosts are taken to have as many GPUs as this one; a worker knows: host.ranks().
Result<Settings> settings_from(const sdk::Host& host, collective::Collective collective);

// Bytes through which arrays rotate where --region was not given: twice the GPU's last cache.
std::uint64_t default_region(const cuda::Device& gpu);

// Before NCCL is initialised: tells it by its environment what it takes from nowhere else, and by which
// interface and family of addresses ranks meet: those by which the hosts know each other, loopback on one
// host. What the user set in the environment stays.
void set_environment(const sdk::Host& host, const Settings& settings);

}  // namespace millrace::nccl
