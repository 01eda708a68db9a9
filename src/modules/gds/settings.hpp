// SPDX-License-Identifier: Apache-2.0
// What the user asked of storage.gds_read or storage.gds_write, and what it comes to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/probe.hpp"
#include "modules/cuda/driver.hpp"
#include "modules/cufile/driver.hpp"
#include "modules/storage/options.hpp"
#include "units/result.hpp"

namespace millrace::gds {

enum class Calls { kSync, kBatch, kStream };

struct Settings {
  // threads: lanes, each a thread of its own; queue_depth: slots of each lane.
  storage::Options storage;
  Calls calls = Calls::kSync;
  cufile::Mode mode = cufile::Mode::kAuto;
  std::string gpus;  // as given
  std::int64_t timeout_ns = 0;
};

// Reads and checks the parameters; touches neither file nor GPU. `seed` is used where the user gave none.
Result<Settings> settings_from(const sdk::Host& host, storage::Direction direction, std::uint64_t seed);

// The GPUs that --gpu names, each once. Errors: of CUDA, and of cuda::find_device.
Result<std::vector<cuda::Device>> gpus_of(const Settings& settings);

}  // namespace millrace::gds
