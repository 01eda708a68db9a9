// SPDX-License-Identifier: Apache-2.0
#include "run/catalog.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "process/guarded_call.hpp"
#include "run/c_text.hpp"
#include "run/module_loader.hpp"
#include "units/nearest_name.hpp"

namespace millrace::run {
namespace {

using nlohmann::json;

constexpr Duration kAnswerTime{5'000'000'000};  // a driver's first touch (cuInit) takes up to some seconds

json describe_parameter(const millrace_parameter& parameter) {
  return {{"name", c_text(parameter.name)},
          {"kind", parameter.kind},
          {"required", parameter.default_value == nullptr},
          {"default", c_text(parameter.default_value)},
          {"choices", c_text(parameter.choices)},
          {"help", c_text(parameter.help)},
          {"minimum", parameter.minimum},
          {"maximum", parameter.maximum},
          {"repeatable", MILLRACE_HAS(&parameter, repeatable) && parameter.repeatable != 0}};
}

json describe_probe(const millrace_probe& probe) {
  json parameters = json::array();
  const auto* at = reinterpret_cast<const char*>(probe.parameters);
  for (std::uint32_t i = 0; i < probe.parameter_count; ++i, at += probe.parameters->struct_size)
    parameters.push_back(describe_parameter(*reinterpret_cast<const millrace_parameter*>(at)));
  return {{"name", c_text(probe.name)}, {"summary", c_text(probe.summary)}, {"parameters", parameters}};
}

// The services that detect may use: log goes nowhere, fail keeps the reason.
struct Detection {
  std::string reason, hint;
  millrace_host host{};
  Detection() {
    host.struct_size = sizeof(host);
    host.ranks = 1;
    host.context = this;
    host.log = [](void*, std::int32_t, const char*) {};
    host.fail = [](void* self, const char* what, const char* way_out) {
      auto& kept = *static_cast<Detection*>(self);
      if (!kept.reason.empty()) return;
      kept.reason = c_text(what);
      kept.hint = c_text(way_out);
    };
    host.parameter = [](void*, const char*) -> const char* { return nullptr; };
    host.now_ns = [](void*) -> std::int64_t {
      timespec now{};
      clock_gettime(CLOCK_MONOTONIC, &now);
      return now.tv_sec * 1'000'000'000 + now.tv_nsec;
    };
  }
};

std::string examine(const std::filesystem::path& file) {
  json answer{{"state", "ready"}, {"reason", ""}, {"probes", json::array()}};
  const auto module = open_module(file);
  if (!module) {
    answer["state"] = module.error().exit == Exit::kInconclusive ? "unavailable" : "broken";
    answer["reason"] = module.error().what;
    answer["hint"] = module.error().hint;
    return answer.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  Detection detection;
  const auto detect = [&](std::int32_t (*function)(const millrace_host*)) {
    if (function == nullptr || function(&detection.host) == MILLRACE_OK) return;
    answer["state"] = "unavailable";
    answer["reason"] = detection.reason.empty() ? "it does not say why" : detection.reason;
    answer["hint"] = detection.hint;
  };
  if (const auto* probes = module->probes) {
    answer["name"] = c_text(probes->name);
    answer["version"] = c_text(probes->version);
    for (std::uint32_t i = 0; i < probes->probe_count; ++i)
      answer["probes"].push_back(describe_probe(*probes->probes[i]));
    detect(probes->detect);
  }
  if (const auto* memory = module->memory) {
    answer["name"] = c_text(memory->name);
    answer["version"] = c_text(memory->version);
    answer["memory"] = c_text(memory->name);
    detect(memory->detect);
  }
  return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<std::string> split(const std::string& joined, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < joined.size();) {
    const std::size_t end = std::min(joined.find(separator, begin), joined.size());
    parts.push_back(joined.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

ProbeInfo to_probe(const json& from) {
  ProbeInfo probe{from.at("name"), from.at("summary"), {}};
  for (const json& p : from.at("parameters"))
    probe.parameters.push_back({p.at("name"), p.at("kind"), p.at("required"), p.at("default"),
                                split(p.at("choices"), '|'), p.at("help"), p.at("minimum"), p.at("maximum"),
                                p.at("repeatable")});
  return probe;
}

ModuleInfo inspect(const std::filesystem::path& file) {
  ModuleInfo info;
  info.file = file;
  info.name = file.stem().string();
  const auto answer = guarded_call([&file] { return examine(file); }, kAnswerTime);
  if (!answer) {
    info.state = "broken";
    info.reason = answer.error().what;
    return info;
  }
  const json parsed = json::parse(*answer, nullptr, false);
  info.name = parsed.value("name", info.name);
  info.version = parsed.value("version", "");
  info.state = parsed.value("state", "broken");
  info.reason = parsed.value("reason", "");
  info.hint = parsed.value("hint", "");
  info.memory_name = parsed.value("memory", "");
  info.has_memory = !info.memory_name.empty();
  for (const json& probe : parsed.at("probes")) info.probes.push_back(to_probe(probe));
  return info;
}

// Our own modules: one that a build left out is shown, not passed over in silence.
constexpr std::string_view kOwn[] = {"gds",  "gloo", "gpu",     "host", "ingest",
                                     "nccl", "rdma", "storage", "tcp"};

std::string way_out(const ModuleInfo& module) {
  return module.hint.empty() ? "`millrace probes` shows every module's state" : module.hint;
}

}  // namespace

Catalog read_catalog() {
  Catalog catalog;
  for (const auto& file : find_modules(module_path())) catalog.modules.push_back(inspect(file));
  for (const std::string_view own : kOwn) {
    const bool there = std::any_of(catalog.modules.begin(), catalog.modules.end(),
                                   [own](const ModuleInfo& module) { return module.name == own; });
    if (there) continue;
    ModuleInfo missing;
    missing.name = own;
    missing.state = "not built";
    missing.reason = fmt::format("no {}.so on the module path", own);
    catalog.modules.push_back(std::move(missing));
  }
  return catalog;
}

Result<ProbeEntry> find_probe(const Catalog& catalog, const std::string& name) {
  std::vector<std::string> names;
  for (const ModuleInfo& module : catalog.modules)
    for (const ProbeInfo& probe : module.probes) {
      if (probe.name == name) {
        if (module.state == "ready") return ProbeEntry{&module, &probe};
        return failure(fmt::format("probe {} is {}: {}", name, module.state, module.reason), way_out(module),
                       Exit::kInconclusive);
      }
      names.push_back(probe.name);
    }
  for (const ModuleInfo& module : catalog.modules)
    if (module.state != "ready" && name.starts_with(module.name + "."))
      return failure(
          fmt::format("probe {}: its module {} is {}: {}", name, module.name, module.state, module.reason),
          way_out(module), Exit::kInconclusive);
  const auto nearest = nearest_name(name, names);
  return failure(fmt::format("there is no probe '{}'", name),
                 nearest ? fmt::format("did you mean '{}'? `millrace probes` lists them", *nearest)
                         : "`millrace probes` lists them");
}

}  // namespace millrace::run
