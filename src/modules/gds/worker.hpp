// SPDX-License-Identifier: Apache-2.0
// What a worker of storage.gds_* holds open: the GPU's context, cuFile's driver, files, slots and lanes.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "modules/cuda/context.hpp"
#include "modules/cufile/counters.hpp"
#include "modules/cufile/driver.hpp"
#include "modules/cufile/path_proof.hpp"
#include "modules/gds/lane.hpp"

namespace millrace::gds {

// Members in the order in which they need each other; given back the other way round.
struct Worker {
  cuda::Context context;
  cufile::Uuid gpu{};
  std::optional<cufile::Driver> driver;
  std::vector<storage::Target> targets;
  std::vector<cufile::RegisteredFile> files;
  std::optional<Slots> slots;
  std::optional<WrittenBlocks> written;
  std::vector<Lane> lanes;
  double cached_before = 0;  // the share of the files that lay in the page cache before anything was moved

  [[nodiscard]] double cached_now() const;

  // For the calling thread's rank. `settings` must outlive it.
  static Result<std::unique_ptr<Worker>> make(const sdk::Host& host, const Settings& settings);

 private:
  Result<void> open_files(const sdk::Host& host, const Settings& settings);
  Result<void> make_lanes(const Settings& settings);
};

}  // namespace millrace::gds
