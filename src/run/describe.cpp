// SPDX-License-Identifier: Apache-2.0
#include "run/describe.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>

#include "process/guarded_call.hpp"
#include "run/address_range.hpp"
#include "run/c_text.hpp"
#include "run/module_loader.hpp"

namespace millrace::run {
namespace {

using nlohmann::json;

// The services of the describe phase.
class DescribeHost {
 public:
  DescribeHost(const Parameters& parameters, const topology::Machine& machine, const HostGroup& hosts)
      : parameters_(parameters), machine_(machine), hosts_(hosts) {
    for (const topology::Endpoint& e : machine.graph.endpoints)
      endpoints_.push_back({sizeof(millrace_endpoint), e.numa.value_or(-1), e.id.c_str(), e.kind.c_str(),
                            e.name.c_str(), e.device.c_str(), e.pci.c_str()});
    host_.struct_size = sizeof(host_);
    host_.ranks = 1;
    host_.context = this;
    host_.log = [](void*, std::int32_t, const char*) {};
    host_.fail = [](void* self, const char* what, const char* hint) {
      static_cast<DescribeHost*>(self)->fail(c_text(what), c_text(hint));
    };
    host_.parameter = [](void* self, const char* name) -> const char* {
      const auto& all = static_cast<DescribeHost*>(self)->parameters_;
      const auto found = all.find(name);
      return found == all.end() ? nullptr : found->second.c_str();
    };
    host_.now_ns = [](void*) -> std::int64_t {
      timespec now{};
      clock_gettime(CLOCK_MONOTONIC, &now);
      return now.tv_sec * 1'000'000'000 + now.tv_nsec;
    };
    host_.endpoint = [](void* self, std::uint32_t index) -> const millrace_endpoint* {
      const auto& all = static_cast<DescribeHost*>(self)->endpoints_;
      return index < all.size() ? &all[index] : nullptr;
    };
    host_.locate = [](void* self, const char* path) {
      return static_cast<DescribeHost*>(self)->locate(c_text(path));
    };
    host_.host_index = hosts.self;
    host_.hosts = static_cast<std::int32_t>(hosts.addresses.size());
    host_.host_address = [](void* self, std::int32_t host) -> const char* {
      const auto& all = static_cast<DescribeHost*>(self)->hosts_.addresses;
      return host >= 0 && static_cast<std::size_t>(host) < all.size()
                 ? all[static_cast<std::size_t>(host)].c_str()
                 : "";
    };
    host_.may_use_address = [](void* self, const char* address) -> std::int32_t {
      return may_use(static_cast<DescribeHost*>(self)->hosts_, c_text(address)) ? 1 : 0;
    };
    host_.first_port = hosts.ports.first;
    host_.last_port = hosts.ports.last;
    host_.add_worker = [](void* self, const millrace_worker* worker) -> std::int32_t {
      return static_cast<DescribeHost*>(self)->add(*worker);
    };
  }

  [[nodiscard]] const millrace_host* raw() const { return &host_; }

  [[nodiscard]] std::string answer(std::int32_t outcome) const {
    json workers = json::array();
    for (const WorkerPlan& w : workers_)
      workers.push_back({{"role", w.role},
                         {"from", w.from},
                         {"to", w.to},
                         {"numa", w.numa_node},
                         {"threads", w.threads},
                         {"memory", w.memory_bytes},
                         {"locked", w.locked_bytes}});
    // A module's text may be anything; what is not UTF-8 is replaced.
    return json{{"outcome", outcome}, {"what", what_}, {"hint", hint_}, {"workers", workers}}.dump(
        -1, ' ', false, json::error_handler_t::replace);
  }

 private:
  void fail(const std::string& what, const std::string& hint) {
    if (!what_.empty()) return;
    what_ = what;
    hint_ = hint;
  }

  const millrace_endpoint* locate(const std::string& path) {
    const auto location = topology::locate(machine_, path);
    if (!location) {
      fail(location.error().what, location.error().hint);
      return nullptr;
    }
    const auto found = std::find_if(endpoints_.begin(), endpoints_.end(),
                                    [&](const millrace_endpoint& e) { return location->endpoint == e.id; });
    if (found != endpoints_.end()) return &*found;
    // A mount that discovery did not enumerate: it is still a place, with nothing known of its path.
    kept_.push_back(location->endpoint);
    kept_.push_back(location->mount_point);
    endpoints_.push_back({sizeof(millrace_endpoint), -1, kept_[kept_.size() - 2].c_str(), "file_system",
                          kept_.back().c_str(), kept_.back().c_str(), ""});
    return &endpoints_.back();
  }

  std::int32_t add(const millrace_worker& w) {
    if (workers_.size() >= 1024) {
      fail("it asks for more than 1,024 workers", "");
      return MILLRACE_FAILED;
    }
    workers_.push_back({c_text(w.role), c_text(w.from), c_text(w.to), w.numa_node, std::max(w.threads, 1U),
                        w.memory_bytes, w.locked_bytes});
    return MILLRACE_OK;
  }

  const Parameters& parameters_;
  const topology::Machine& machine_;
  const HostGroup& hosts_;
  std::deque<millrace_endpoint> endpoints_;
  std::deque<std::string> kept_;
  std::vector<WorkerPlan> workers_;
  std::string what_, hint_;
  millrace_host host_{};
};

std::string describe_here(const ProbeEntry& entry, const Parameters& parameters,
                          const topology::Machine& machine, const HostGroup& hosts) {
  DescribeHost host(parameters, machine, hosts);
  const auto module = open_module(entry.module->file);
  if (!module || module->probes == nullptr)
    return json{
        {"outcome", MILLRACE_UNAVAILABLE}, {"what", module ? "no probes" : module.error().what}, {"hint", ""}}
        .dump();
  for (std::uint32_t i = 0; i < module->probes->probe_count; ++i)
    if (entry.probe->name == module->probes->probes[i]->name)
      return host.answer(module->probes->probes[i]->describe(host.raw()));
  return json{{"outcome", MILLRACE_FAILED}, {"what", "the probe is gone from its module"}, {"hint", ""}}
      .dump();
}

}  // namespace

bool may_use(const HostGroup& hosts, const std::string& address) {
  return !hosts.agreed || is_within(address, *hosts.agreed);
}

Result<Description> describe(const ProbeEntry& entry, const Parameters& parameters,
                             const topology::Machine& machine, Duration answer_time, const HostGroup& hosts) {
  const std::string bug = fmt::format("this is a bug of the module {}", entry.module->file.string());
  const auto answer =
      guarded_call([&] { return describe_here(entry, parameters, machine, hosts); }, answer_time);
  if (!answer)
    return Description{
        "failed", fmt::format("{}: planning it {}", entry.probe->name, answer.error().what), bug, {}};
  const json parsed = json::parse(*answer, nullptr, false);
  if (const int outcome = parsed.at("outcome"); outcome != MILLRACE_OK) {
    std::string what = parsed.value("what", "");
    if (what.empty()) what = "it failed and does not say why";
    what = fmt::format("{}: {}", entry.probe->name, what);
    std::string hint = parsed.value("hint", "");
    if (outcome == MILLRACE_UNAVAILABLE) return Description{"skipped", std::move(what), std::move(hint), {}};
    return failure(std::move(what), std::move(hint));
  }
  Description description;
  for (const json& w : parsed.at("workers"))
    description.workers.push_back({w.at("role"), w.at("from"), w.at("to"), w.at("numa"), w.at("threads"),
                                   w.at("memory"), w.at("locked")});
  if (description.workers.empty())
    return Description{"failed", fmt::format("{}: it asks for no worker", entry.probe->name), bug, {}};
  return description;
}

}  // namespace millrace::run
