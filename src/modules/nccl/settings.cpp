// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

#include "modules/collective/interface_of.hpp"
#include "modules/collective/rotation.hpp"
#include "modules/nccl/newer_calls.hpp"
#include "units/quantity.hpp"

namespace millrace::nccl {
namespace {

using collective::Collective;

constexpr int kMostRanks = 1024;                     // an exchange is answered for each
constexpr std::uint64_t kLeastRegion = 64ULL << 20;  // where the driver does not tell the cache's size

tl::unexpected<Error> cannot(std::string what, std::string hint) {
  return failure(std::move(what), std::move(hint), Exit::kInconclusive);
}

Result<std::vector<cuda::Device>> chosen_gpus(std::string_view text) {
  if (const auto started = cuda::start(); !started) return tl::unexpected(started.error());
  auto all = cuda::devices();
  if (!all || text == "all") return all;
  std::vector<cuda::Device> chosen;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    auto one = cuda::find_device(*all, text.substr(0, end));
    if (!one) return tl::unexpected(one.error());
    const bool again = std::any_of(chosen.begin(), chosen.end(),
                                   [&](const cuda::Device& gpu) { return gpu.index == one->index; });
    if (again)
      return failure(fmt::format("--gpus names {} twice", one->id()), "NCCL takes one rank on each GPU");
    chosen.push_back(std::move(*one));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return chosen;
}

Result<void> within_what_nccl_can(const Settings& s) {
  const bool straight = s.collective == Collective::kAllToAll || s.collective == Collective::kSendReceive;
  if (straight && s.in_place)
    return cannot(fmt::format("NCCL's {} does not work in place", collective::name_of(s.collective)),
                  "leave --in-place off");
  if (s.registered && !newer_calls().can_register())
    return cannot(fmt::format("NCCL {} registers no buffers: that came with 2.19", library_version()),
                  "leave --buffers at plain, or update NCCL");
  return {};
}

Result<void> within_memory(const Settings& s) {
  for (std::size_t i = 0; i < s.gpus.size(); ++i) {
    const auto rotation =
        collective::rotation_of(s, static_cast<int>(i) % s.ranks, default_region(s.gpus[i]));
    const std::uint64_t needed = rotation.turns * rotation.turn_bytes;
    if (needed > s.gpus[i].bytes)
      return failure(fmt::format("arrays of {} do not fit into {}, which has {}", to_binary({needed}),
                                 s.gpus[i].id(), to_binary({s.gpus[i].bytes})),
                     "give a smaller --size or --region");
  }
  return {};
}

std::string unless_default(std::string_view text) { return text == "default" ? "" : std::string(text); }

}  // namespace

std::uint64_t default_region(const cuda::Device& gpu) {
  int cache = 0;
  if (cuDeviceGetAttribute(&cache, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, gpu.handle) != CUDA_SUCCESS ||
      cache <= 0)
    return kLeastRegion;
  return 2 * static_cast<std::uint64_t>(cache);
}

Result<Settings> settings_from(const sdk::Host& host, Collective collective) {
  auto gpus = chosen_gpus(host.text("gpus"));
  if (!gpus) return tl::unexpected(gpus.error());
  const int here = static_cast<int>(gpus->size());
  const int expected = here * std::max(host.hosts(), 1);
  if (expected < 2 && host.text("gpus") == "all")
    return cannot("a collective needs two GPUs or more, and this host shows one",
                  "see CUDA_VISIBLE_DEVICES and `nvidia-smi`, or add a host with --peer");
  auto request =
      collective::request_from(host, collective, expected, kMostRanks, "name two GPUs or more: --gpus 0,1");
  if (!request) return tl::unexpected(request.error());
  Settings s;
  static_cast<collective::Request&>(s) = *request;
  s.gpus = std::move(*gpus);
  s.registered = host.text("buffers") == "registered";
  s.graph = host.flag("graph");
  s.blocking = host.flag("blocking");
  s.grouped = host.text("form") == "grouped";
  s.algorithm = unless_default(host.text("algorithm"));
  s.protocol = unless_default(host.text("protocol"));
  if (const auto can = within_what_nccl_can(s); !can) return tl::unexpected(can.error());
  if (const auto fits = within_memory(s); !fits) return tl::unexpected(fits.error());
  return s;
}

void set_environment(const sdk::Host& host, const Settings& s) {
  const auto set = [](const char* name, std::string value) {
    std::transform(value.begin(), value.end(), value.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (!value.empty()) setenv(name, value.c_str(), 1);
  };
  set("NCCL_ALGO", s.algorithm);
  set("NCCL_PROTO", s.protocol);
  const std::string address = host.hosts() > 1 ? host.address(host.host_index()) : "";
  const std::string interface = host.hosts() > 1 ? collective::interface_of(address) : "lo";
  // "=": this one, and none that only begins so (NCCL User Guide, "Environment Variables").
  if (!interface.empty()) setenv("NCCL_SOCKET_IFNAME", ("=" + interface).c_str(), 0);
  // Of an interface with addresses of both families NCCL would take the first.
  if (!address.empty())
    setenv("NCCL_SOCKET_FAMILY", address.find(':') == std::string::npos ? "AF_INET" : "AF_INET6", 0);
}

}  // namespace millrace::nccl
