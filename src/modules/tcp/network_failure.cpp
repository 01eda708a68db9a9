// SPDX-License-Identifier: Apache-2.0
#include "modules/tcp/network_failure.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace millrace::tcp {
namespace {

std::string usual_way_out(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "a firewall or a wrong address: let TCP through between the two hosts, and see --peer-address";
    case ETIMEDOUT:
      return "is the other host up, and does a firewall drop its packets?";
    case EHOSTUNREACH:
    case ENETUNREACH:
      return "there is no way to that address: see `ip route get ADDRESS`, and give another by "
             "--peer-address";
    case ECONNRESET:
    case EPIPE:
      return "the other end is gone, or something between cut the connection: see its output";
    case EADDRNOTAVAIL:
      return "give an address of this machine: `ip address` lists them";
    case EADDRINUSE:
      return "give another --port, or none to take any that is free";
    case EACCES:
      return "give a --port above 1023, or run as root";
    case EPERM:
      return "run as root, or leave that option out";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files: ulimit -n; or give fewer --streams";
    case ENOBUFS:
    case ENOMEM:
      return "the kernel has no memory for it: give fewer --streams or smaller buffers";
    case EAFNOSUPPORT:
      return "the kernel has no such protocol: give an address of the other family";
    default:
      return {};
  }
}

bool is_lacking(int error) { return error == EAFNOSUPPORT || error == EPROTONOSUPPORT; }

}  // namespace

std::string errno_text(int error) {
  const char* name = strerrorname_np(error);
  return fmt::format("{} ({})", name == nullptr ? "error " + std::to_string(error) : std::string(name),
                     std::system_category().message(error));
}

Error network_error(int error, const std::string& what, const std::string& hint) {
  return {fmt::format("cannot {}: {}", what, errno_text(error)), hint.empty() ? usual_way_out(error) : hint,
          is_lacking(error) ? Exit::kInconclusive : Exit::kUsage};
}

sdk::Outcome report(const sdk::Host& host, const Error& error) {
  if (error.exit == Exit::kInterrupted) return sdk::Outcome::kCancelled;
  return error.exit == Exit::kInconclusive ? host.unavailable(error.what, error.hint)
                                           : host.fail(error.what, error.hint);
}

}  // namespace millrace::tcp
