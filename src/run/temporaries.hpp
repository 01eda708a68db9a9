// SPDX-License-Identifier: Apache-2.0
// The files and folders that a run makes: removed at its end, whichever end that is.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace::run {

class Temporaries {
 public:
  Temporaries() = default;
  Temporaries(const Temporaries&) = delete;
  Temporaries& operator=(const Temporaries&) = delete;
  ~Temporaries() { (void)remove_all(); }

  // Takes over a path that is about to be created. Refused when something is there already (it would not be
  // ours) or the folder that is to hold it is missing.
  Result<void> add(const std::filesystem::path& path);
  // Removes what was added; links are removed, never followed. By a child, since the file system may be the
  // one that a worker was left behind in: one that has not answered within `patience` is left to it, and the
  // Error says what stays. The caller must be single-threaded.
  Result<void> remove_all(Duration patience = kRemovalTime);

  static constexpr Duration kRemovalTime{120'000'000'000};

 private:
  std::set<std::filesystem::path> paths_;
};

}  // namespace millrace::run
