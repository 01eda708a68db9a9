// SPDX-License-Identifier: Apache-2.0
#include "run/temporaries.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "process/guarded_child.hpp"

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

Result<void> Temporaries::remove_all(Duration patience) {
  const std::set<fs::path> paths = std::exchange(paths_, {});
  if (paths.empty()) return {};
  const auto remove = [&paths] {
    std::error_code ignored;
    // In reverse, so that what lies inside of a folder goes before it.
    for (auto at = paths.rbegin(); at != paths.rend(); ++at) fs::remove_all(*at, ignored);
    return std::string();
  };
  auto child = GuardedChild::start([&remove](const GuardedChild::AskedToEnd&) { return remove(); });
  if (!child) {
    remove();
    return {};
  }
  const auto removed = child->finish(patience);
  if (removed) return {};
  return failure(fmt::format("{} stays: removing it {}", paths.begin()->string(), removed.error().what),
                 "look at the file system that holds it, and remove it");
}

}  // namespace millrace::run
