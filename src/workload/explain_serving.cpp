// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "workload/explain.hpp"
#include "workload/mix.hpp"
#include "workload/serving_time.hpp"
#include "workload/step.hpp"

namespace millrace::workload {
namespace {

std::string of_storage(double read, double written) {
  if (read <= 0 && written <= 0) return "nothing of storage";
  std::string text;
  if (read > 0) text = rate_text(read) + " read";
  if (written > 0) text += fmt::format("{}{} written", text.empty() ? "" : " and ", rate_text(written));
  return text + " of storage";
}

std::string given_text(const BudgetPart& part) {
  return part.p99_s > part.p50_s
             ? fmt::format("{} at the median, {} at p99", time_text(part.p50_s), time_text(part.p99_s))
             : time_text(part.p50_s);
}

// How a part's time comes about where nothing was measured.
std::string part_text(const BudgetPart& part, const Profile& profile, const RequestCost& cost) {
  const Serving& serving = profile.serving;
  const int gpus = serving.replica_ranks;
  if (part.p50_s > 0) return "given: " + given_text(part) + (part.source.empty() ? "" : ", " + part.source);
  switch (part.kind) {
    case PartKind::kQueue:
      return fmt::format(
          "computed: Poisson arrivals, {:g} a second, at one replica (M/G/1, Pollaczek and Khinchine)",
          serving.requests_per_s);
    case PartKind::kFetch: {
      const double rate = serving.read_bytes_per_s * gpus;
      return fmt::format("{} tokens × {} = {} ÷ {} = {}", grouped(static_cast<double>(serving.cached_tokens)),
                         bytes_text(cost.kv_bytes_per_token), bytes_text(cost.fetch_bytes), rate_text(rate),
                         time_text(cost.fetch_bytes / rate));
    }
    case PartKind::kTransfer:
      return fmt::format("{} into each GPU ÷ {} = {}", bytes_text(cost.transfer_bytes),
                         rate_text(profile.figures.host_copy_bytes_per_s), time_text(cost.transfer_s));
    case PartKind::kCompute:
      return fmt::format("2 × {} parameters × {} tokens ÷ ({} GPU{} × {} FLOP/s × {:g}) = {}",
                         figure(profile.shape.active_parameters), grouped(cost.new_tokens), gpus,
                         gpus == 1 ? "" : "s", figure(profile.figures.peak_flops_per_s), serving.mfu,
                         time_text(cost.prefill_s));
    case PartKind::kDecode:
      return fmt::format("{} parameters × {:g} B ÷ ({} × {} × {:g}) = {}",
                         figure(profile.shape.active_parameters), serving.weight_bytes_per_parameter, gpus,
                         rate_text(profile.figures.memory_bytes_per_s), serving.memory_utilization,
                         time_text(cost.decode_s));
    case PartKind::kNetwork:
    case PartKind::kFixed:
      break;
  }
  return "nothing";
}

}  // namespace

std::string explain_serving(const Profile& profile) {
  Lines lines(profile);
  const Serving& serving = profile.serving;
  const RequestCost cost = request_cost(profile);
  lines.add("budget", fmt::format("{} at p99: network, queue, computing and all that lies between",
                                  time_text(serving.budget_s)));
  lines.add("load", fmt::format("{:g} request{} a second to a replica of {} GPU{}", serving.requests_per_s,
                                serving.requests_per_s == 1 ? "" : "s", serving.replica_ranks,
                                serving.replica_ranks == 1 ? "" : "s"));
  std::string name;
  for (const BudgetPart& part : serving.parts) {
    lines.add(name.empty() ? "parts" : "", fmt::format("{}: {}", part.name, part_text(part, profile, cost)));
    name = part.name;
  }
  lines.add("sum",
            fmt::format(
                "`millrace diagnose DOCUMENT --for {}` adds them up, what was measured in the place of what "
                "is given",
                profile.name));
  if (serving.cached_tokens > 0)
    lines.add(
        "cache",
        fmt::format("{} for each token; the {} cached ones take {} to compute again, so fetching them is "
                    "faster above {} × {} FLOP/s × {:g} × {} ÷ (2 × {}) = {}",
                    bytes_text(cost.kv_bytes_per_token), grouped(static_cast<double>(serving.cached_tokens)),
                    time_text(cost.recompute_s), bytes_text(cost.kv_bytes_per_token),
                    figure(profile.figures.peak_flops_per_s), serving.mfu, serving.replica_ranks,
                    figure(profile.shape.active_parameters), rate_text(cost.break_even_bytes_per_s)));
  const double per_gpu = serving.requests_per_s / serving.replica_ranks;
  lines.add("asks", fmt::format("for each GPU {}, and {} of its link to the host",
                                of_storage(per_gpu * cost.fetch_bytes, 0),
                                rate_text(serving.requests_per_s * cost.transfer_bytes)));
  if (cost.weights_bytes > 0) {
    const double one = static_cast<double>(serving.context_tokens) * cost.kv_bytes_per_token;
    const double room = profile.figures.memory_bytes * serving.replica_ranks - cost.weights_bytes;
    lines.add("memory", fmt::format("{} of weights in {} × {}: room for {:.0f} contexts of {}",
                                    bytes_text(cost.weights_bytes), serving.replica_ranks,
                                    bytes_text(profile.figures.memory_bytes),
                                    std::max(0.0, std::floor(room / one)), bytes_text(one)));
  }
  std::vector<std::string> sources;
  lines.sources(profile, sources);
  return lines.text();
}

std::string explain_cold_start(const Profile& profile) {
  Lines lines(profile);
  const Loading& loading = profile.loading;
  const double all = weights_bytes(profile), share = all / loading.replica_ranks;
  const double copy = profile.figures.host_copy_bytes_per_s;
  const double load = loading_s(profile, loading.read_bytes_per_s, copy);
  lines.add("weights", loading.weights_bytes > 0
                           ? bytes_text(all)
                           : fmt::format("{:g} B × {} parameters = {}", loading.weight_bytes_per_parameter,
                                         figure(profile.shape.parameters), bytes_text(all)));
  lines.add("replica", fmt::format("{} GPU{}, {} each", loading.replica_ranks,
                                   loading.replica_ranks == 1 ? "" : "s", bytes_text(share)));
  lines.add("loading",
            fmt::format("{} ÷ {} = {} from storage, {} ÷ {} = {} into the GPU: {}, {}", bytes_text(share),
                        rate_text(loading.read_bytes_per_s), time_text(share / loading.read_bytes_per_s),
                        bytes_text(share), rate_text(copy), time_text(share / copy),
                        loading.streamed ? "streamed, the longer of them" : "staged, one after the other",
                        time_text(load)));
  Profile other = profile;
  other.loading.streamed = !loading.streamed;
  lines.add("", fmt::format("{}: {}", loading.streamed ? "staged, their sum" : "streamed, the longer of them",
                            time_text(loading_s(other, loading.read_bytes_per_s, copy))));
  lines.add("ready", fmt::format("after {} + {} of engine start = {}, wanted within {}", time_text(load),
                                 time_text(loading.engine_start_s), time_text(load + loading.engine_start_s),
                                 time_text(loading.wanted_s)));
  const double left = loading.wanted_s - loading.engine_start_s;
  lines.add("asks", left > 0
                        ? fmt::format("{} ÷ {} = {} of storage and of the link to the host, for each GPU",
                                      bytes_text(share), time_text(left), rate_text(share / left))
                        : std::string("more than anything can give: the engine alone takes longer"));
  lines.add("memory",
            fmt::format("{} of {} a GPU", bytes_text(share), bytes_text(profile.figures.memory_bytes)));
  lines.sources(profile, {loading.source});
  return lines.text();
}

std::string explain_mix(const Profile& profile, std::int64_t ranks) {
  Lines lines(profile);
  const Site& site = profile.mix.site;
  lines.add("site", fmt::format("{} hosts × {} = {} GPUs{}", grouped(static_cast<double>(site.hosts)),
                                site.gpus_per_host, grouped(static_cast<double>(site_ranks(profile))),
                                site.fabric.empty() ? "" : "; " + site.fabric));
  if (site.storage_read_bytes_per_s > 0)
    lines.add("storage",
              fmt::format("{} read, {} written, by the site", rate_text(site.storage_read_bytes_per_s),
                          rate_text(site.storage_write_bytes_per_s)));
  const auto jobs = jobs_of(profile, ranks);
  if (!jobs) {
    lines.add("not so", fmt::format("{}; {}", jobs.error().what, jobs.error().hint));
    return lines.text();
  }
  std::int64_t used = 0;
  double read = 0, written = 0;
  for (std::size_t i = 0; i < jobs->size(); ++i) {
    const SiteJob& job = (*jobs)[i];
    used += job.ranks;
    const auto step = step_of(job.profile, job.ranks);
    double asks_read = 0, asks_written = 0;
    for (const Traffic& traffic : step->traffic) {
      const double rate = traffic.bytes_per_rank * static_cast<double>(job.ranks) / step->compute_s;
      if (traffic.pattern == Pattern::kRead) asks_read += rate;
      if (traffic.pattern == Pattern::kWrite) asks_written += rate;
    }
    read += asks_read;
    written += asks_written;
    lines.add(
        i == 0 ? "jobs" : "",
        fmt::format("{}: {:.0f} % = {} GPUs; asks {}", job.profile.name, profile.mix.parts[i].share * 100,
                    grouped(static_cast<double>(job.ranks)), of_storage(asks_read, asks_written)));
  }
  lines.add("asks", fmt::format("{} in all; {} GPU{} idle (whole replicas)", of_storage(read, written),
                                ranks - used, ranks - used == 1 ? "" : "s"));
  lines.sources(profile, {site.source});
  lines.add("", "`millrace workloads NAME` explains each job");
  return lines.text();
}

}  // namespace millrace::workload
