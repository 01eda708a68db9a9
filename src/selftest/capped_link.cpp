// SPDX-License-Identifier: Apache-2.0
#include "selftest/capped_link.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace millrace::selftest {
namespace {

constexpr const char *kNear = "10.213.79.1", *kFar = "10.213.79.2", *kCable = "cable0";
constexpr Duration kPatience{10'000'000'000};

Result<void> command(const std::vector<std::string>& words, const std::filesystem::path& work) {
  auto child = Child::start(words, work, {});
  if (!child) return tl::unexpected(child.error());
  const auto code = child->wait(kPatience);
  if (!code) return tl::unexpected(code.error());
  if (*code == 0) return {};
  std::string said = child->output();
  while (!said.empty() && said.back() == '\n') said.pop_back();
  if (*code == 127) said = "not installed (apt install iproute2)";
  return failure(fmt::format("{} {}: {}", words[0], words[1], said), {}, Exit::kInconclusive);
}

std::vector<std::string> inside(const std::string& name, const std::vector<std::string>& command) {
  std::vector<std::string> words{"ip", "netns", "exec", name};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

}  // namespace

Result<CappedLink> CappedLink::create(const std::filesystem::path& work, BytesPerSecond cap) {
  if (geteuid() != 0) return failure("network namespaces need root", {}, Exit::kInconclusive);
  CappedLink link(work, fmt::format("millrace-selftest-{}", getpid()));
  const std::string near = link.name_ + "-a", far = link.name_ + "-b";
  const std::string bits = fmt::format("{:.0f}bit", 8 * cap.value);
  const std::vector<std::vector<std::string>> commands{
      {"ip", "netns", "add", near},
      {"ip", "netns", "add", far},
      {"ip", "-n", near, "link", "add", kCable, "type", "veth", "peer", "name", kCable, "netns", far},
      {"ip", "-n", near, "addr", "add", fmt::format("{}/24", kNear), "dev", kCable},
      {"ip", "-n", far, "addr", "add", fmt::format("{}/24", kFar), "dev", kCable},
      {"ip", "-n", near, "link", "set", "lo", "up"},
      {"ip", "-n", far, "link", "set", "lo", "up"},
      {"ip", "-n", near, "link", "set", kCable, "up"},
      {"ip", "-n", far, "link", "set", kCable, "up"},
      // Both ways; what waits there bridges a sender that got no CPU for a while.
      inside(near, {"tc", "qdisc", "add", "dev", kCable, "root", "tbf", "rate", bits, "burst", "32000",
                    "latency", "200ms"}),
      inside(far, {"tc", "qdisc", "add", "dev", kCable, "root", "tbf", "rate", bits, "burst", "32000",
                   "latency", "200ms"})};
  for (const std::vector<std::string>& words : commands)
    if (const auto done = command(words, work); !done)
      return failure(done.error().what, done.error().hint, Exit::kInconclusive);
  return link;
}

CappedLink::CappedLink(CappedLink&& other) noexcept
    : work_(std::move(other.work_)), name_(std::exchange(other.name_, {})) {}

CappedLink::~CappedLink() {
  if (name_.empty()) return;
  for (const char* end : {"-a", "-b"}) (void)command({"ip", "netns", "del", name_ + end}, work_);
}

std::vector<std::string> CappedLink::near(const std::vector<std::string>& command) const {
  return inside(name_ + "-a", command);
}
std::vector<std::string> CappedLink::far(const std::vector<std::string>& command) const {
  return inside(name_ + "-b", command);
}
std::string CappedLink::far_address() { return kFar; }

}  // namespace millrace::selftest
