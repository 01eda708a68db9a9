// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <fstream>

#include "topology/cpus.hpp"
#include "topology/discovery.hpp"

namespace millrace::topology {
namespace fs = std::filesystem;

Result<void> snapshot(const fs::path& to, const fs::path& from) {
  std::error_code error;
  if (fs::exists(to / "sys", error) || fs::exists(to / "proc", error))
    return failure(fmt::format("{} holds a recorded machine already", to.string()), "give a new folder");
  fs::create_directories(to / "sys", error);
  if (error)
    return failure(fmt::format("{} cannot be made: {}", to.string(), error.message()),
                   "give a folder that you may write to");
  const FileRoot root(from, to);
  touch_what_hwloc_reads(root);
  const auto machine = discover(root);
  if (!machine) return tl::unexpected(machine.error());
  (void)examine(*machine, root, false);  // for what it reads
  // Recording ignores what it cannot write, as reading ignores what it cannot read: ask once whether there is
  // room.
  std::ofstream probe(to / "recorded-by-millrace");
  probe << "A machine's /sys and /proc as `millrace topo --snapshot` read them.\n" << std::flush;
  if (!probe)
    return failure(fmt::format("{} is full or cannot be written", to.string()), "give another folder");
  return {};
}

}  // namespace millrace::topology
