// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/system_failure.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "units/quantity.hpp"

namespace millrace::storage {
namespace {

std::string usual_way_out(int error) {
  switch (error) {
    case ENOENT:
      return "check the path";
    case EACCES:
    case EPERM:
      return "run as a user who may, or give another path";
    case EROFS:
      return "the file system is mounted read-only: give a folder that can be written";
    case ENOSPC:
    case EDQUOT:
      return "free some space, give a smaller --file-size, or another folder";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files: ulimit -n";
    case EBUSY:
      return "it is in use: mounted, swap, or part of a RAID or volume group";
    case EIO:
      return "the device reported an error: see dmesg";
    default:
      return {};
  }
}

}  // namespace

std::string errno_text(int error) {
  const char* name = strerrorname_np(error);
  return fmt::format("{} ({})", name == nullptr ? "error " + std::to_string(error) : std::string(name),
                     std::system_category().message(error));
}

tl::unexpected<Error> system_failure(int error, const std::string& what, const std::string& hint) {
  return failure(fmt::format("cannot {}: {}", what, errno_text(error)),
                 hint.empty() ? usual_way_out(error) : hint);
}

std::string memlock_limit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "unlimited";
  return to_binary({limit.rlim_cur});
}

}  // namespace millrace::storage
