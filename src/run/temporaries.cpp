// SPDX-License-Identifier: Apache-2.0
#include "run/temporaries.hpp"

#include <fmt/format.h>

#include <system_error>

namespace millrace::run {
namespace fs = std::filesystem;

Result<void> Temporaries::add(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error);
  if (paths_.contains(whole)) return {};
  if (fs::symlink_status(whole, error).type() != fs::file_type::not_found)
    return failure(fmt::format("{} exists already, so it is not ours to write", whole.string()),
                   "give another folder");
  if (!fs::is_directory(whole.parent_path(), error))
    return failure(fmt::format("{} is no folder", whole.parent_path().string()), "create it first");
  paths_.insert(whole);
  return {};
}

void Temporaries::remove_all() {
  std::error_code ignored;
  // In reverse, so that what lies inside of a folder goes before it.
  for (auto at = paths_.rbegin(); at != paths_.rend(); ++at) fs::remove_all(*at, ignored);
  paths_.clear();
}

}  // namespace millrace::run
