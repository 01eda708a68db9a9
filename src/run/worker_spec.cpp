// SPDX-License-Identifier: Apache-2.0
#include "run/worker_spec.hpp"

#include <millrace/module_abi.h>

#include <nlohmann/json.hpp>

namespace millrace::run {

using nlohmann::json;

std::string to_json(const WorkerSpec& spec) {
  json memories = json::array();
  for (const MemoryModule& memory : spec.memories) memories.push_back({memory.name, memory.file.string()});
  const WorkerPlan& plan = spec.plan;
  return json{
      {"module", spec.module.string()},
      {"probe", spec.probe},
      {"parameters", spec.parameters},
      {"memories", memories},
      {"plan",
       {plan.role, plan.from, plan.to, plan.numa_node, plan.threads, plan.memory_bytes, plan.locked_bytes}},
      {"rank", spec.rank},
      {"ranks", spec.ranks},
      {"block", spec.block},
      {"host", spec.hosts.self},
      {"addresses", spec.hosts.addresses},
      {"agreed", spec.hosts.agreed ? json(*spec.hosts.agreed) : json()},
      {"ports", {spec.hosts.ports.first, spec.hosts.ports.last}},
      {"cpus", spec.cpus}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

WorkerSpec worker_spec_from_json(const std::string& text) {
  const json from = json::parse(text);
  WorkerSpec spec;
  spec.module = from.at("module").get<std::string>();
  spec.probe = from.at("probe");
  spec.parameters = from.at("parameters").get<Parameters>();
  for (const json& memory : from.at("memories"))
    spec.memories.push_back({memory.at(0), memory.at(1).get<std::string>()});
  const json& plan = from.at("plan");
  spec.plan = {plan.at(0), plan.at(1), plan.at(2), plan.at(3), plan.at(4), plan.at(5), plan.at(6)};
  spec.rank = from.at("rank");
  spec.ranks = from.at("ranks");
  spec.block = from.at("block");
  spec.hosts = {from.at("host"), from.at("addresses").get<std::vector<std::string>>()};
  if (const json& agreed = from.at("agreed"); !agreed.is_null())
    spec.hosts.agreed = agreed.get<std::vector<std::string>>();
  spec.hosts.ports = {from.at("ports").at(0), from.at("ports").at(1)};
  spec.cpus = from.at("cpus").get<std::vector<int>>();
  return spec;
}

std::string to_json(const WorkerReport& report) {
  json stages = json::array();
  for (const record::Stage& s : report.stages)
    stages.push_back({s.name, s.threads, s.busy_share, s.blocked_on_input_share, s.blocked_on_output_share,
                      s.cpu_s, s.bytes, s.output_queue_fill.value_or(-1), s.resource});
  return json{{"outcome", report.outcome},
              {"phase", report.phase},
              {"what", report.what},
              {"hint", report.hint},
              {"samples", report.samples},
              {"counters", report.counters},
              {"stages", stages},
              {"flags", report.flags},
              {"verified", report.verified},
              {"stand_in", report.stand_in},
              {"resolved", report.resolved},
              {"on_gpu", report.on_gpu}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

WorkerReport worker_report_from_json(const std::string& text) {
  WorkerReport report;
  try {
    const json from = json::parse(text);
    report.outcome = from.at("outcome");
    report.phase = from.at("phase");
    report.what = from.at("what");
    report.hint = from.at("hint");
    for (const auto& [name, values] : from.at("samples").items())
      for (const json& value : values)
        if (value.is_number()) report.samples[name].push_back(value);
    for (const auto& [name, value] : from.at("counters").items())
      if (value.is_number()) report.counters[name] = value;
    for (const json& s : from.at("stages")) {
      record::Stage stage{s.at(0), s.at(1), s.at(2),      s.at(3), s.at(4),
                          s.at(5), s.at(6), std::nullopt, s.at(8)};
      if (s.at(7).get<double>() >= 0) stage.output_queue_fill = s.at(7).get<double>();
      report.stages.push_back(std::move(stage));
    }
    report.flags = from.at("flags").get<std::vector<std::string>>();
    report.verified = from.at("verified");
    report.stand_in = from.at("stand_in");
    report.resolved = from.at("resolved").get<std::map<std::string, std::string>>();
    report.on_gpu = from.at("on_gpu");
  } catch (const json::exception& error) {
    report = {};
    report.outcome = MILLRACE_FAILED;
    report.what = std::string("the worker's report cannot be read: ") + error.what();
  }
  return report;
}

}  // namespace millrace::run
