// SPDX-License-Identifier: Apache-2.0
#include "diagnose/fabric/load.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace millrace::diagnose {
namespace {

constexpr double kAlike = 1e-6;  // relative: sums in another order differ less

struct Busiest {
  double bytes = 0;
  std::int64_t number = 0, alike = 0;
};

// Of each class of these kinds the link that carries most.
std::vector<Busiest> busiest_of(const fabric::Resources& resources, const std::vector<double>& loads,
                                const fabric::Kinds& kinds) {
  std::vector<Busiest> all(resources.classes().size());
  for (std::size_t k = 0; k < fabric::kKinds; ++k) {
    if (!kinds[k]) continue;
    const auto kind = static_cast<fabric::Kind>(k);
    const std::int64_t links = resources.links(kind);
    const double* bundle = loads.data() + resources.first(kind);
    for (const auto& run : resources.runs(kind)) {
      Busiest& most = all[run.of];
      for (std::int64_t number = run.first; number <= run.last;) {
        const std::int64_t next = std::min((number / links + 1) * links, run.last + 1);
        const double bytes = bundle[number / links] / static_cast<double>(links);
        if (bytes > most.bytes * (1 + kAlike))
          most = {bytes, number, next - number};
        else if (bytes >= most.bytes * (1 - kAlike))
          most.alike += next - number;
        number = next;
      }
    }
  }
  return all;
}

std::vector<std::vector<std::size_t>> phases_of(const workload::Step& step) {
  std::vector<std::vector<std::size_t>> phases(1);
  for (std::size_t t = 0; t < step.traffic.size(); ++t) {
    if (step.traffic[t].overlaps)
      phases.front().push_back(t);
    else
      phases.push_back({t});
  }
  return phases;
}

double carried(const fabric::Resources& resources, const std::vector<double>& loads, const ClassLoad& load) {
  const fabric::Kind kind = resources.classes()[load.of].kind;
  const std::int64_t links = resources.links(kind);
  return loads[resources.first(kind) + static_cast<std::size_t>(load.busiest / links)] /
         static_cast<double>(links);
}

// The loads of some of a step's traffic. What one look leaves behind the next one clears, and no more: at a
// hundred thousand GPUs it is memory that takes the time.
class Loads {
 public:
  explicit Loads(const fabric::Resources& resources) : resources_(resources), bytes_(resources.size(), 0.0) {}

  void route(const workload::Step& step, const std::vector<std::size_t>& which,
             const fabric::Placement& placement) {
    clear();
    for (const std::size_t t : which) {
      fabric::add_loads(resources_, step.traffic[t], placement, bytes_);
      kinds_ |= fabric::kinds_of(resources_.fabric(), step.traffic[t].pattern);
    }
  }
  void add_to(Loads& sum) const {
    each_kind([&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) sum.bytes_[i] += bytes_[i];
    });
    sum.kinds_ |= kinds_;
  }
  [[nodiscard]] std::vector<Busiest> busiest() const { return busiest_of(resources_, bytes_, kinds_); }
  [[nodiscard]] double on(const ClassLoad& load) const { return carried(resources_, bytes_, load); }
  std::vector<double> take() { return std::move(bytes_); }

 private:
  void clear() {
    each_kind([&](std::size_t begin, std::size_t end) {
      std::fill(bytes_.begin() + static_cast<std::ptrdiff_t>(begin),
                bytes_.begin() + static_cast<std::ptrdiff_t>(end), 0.0);
    });
    kinds_.reset();
  }
  template <typename Function>
  void each_kind(const Function& function) const {
    for (std::size_t k = 0; k < fabric::kKinds; ++k) {
      const auto kind = static_cast<fabric::Kind>(k);
      if (kinds_[k]) function(resources_.first(kind), resources_.first(kind) + resources_.bundles(kind));
    }
  }

  const fabric::Resources& resources_;
  std::vector<double> bytes_;
  fabric::Kinds kinds_;
};

}  // namespace

JobLoad load_of(const fabric::Resources& resources, const workload::Step& step,
                const fabric::Placement& placement) {
  JobLoad job{step, placement, phases_of(step), {}, {}};
  Loads all(resources);
  std::optional<Loads> one;  // where there is more than one phase or kind of traffic
  std::vector<std::vector<Busiest>> of_phase;
  if (job.phases.size() == 1) {
    all.route(step, job.phases.front(), placement);
    of_phase.push_back(all.busiest());
  } else {
    one.emplace(resources);
    for (const auto& phase : job.phases) {
      one->route(step, phase, placement);
      of_phase.push_back(one->busiest());
      one->add_to(all);
    }
  }
  const std::vector<Busiest> total = job.phases.size() == 1 ? of_phase.front() : all.busiest();
  for (std::uint32_t c = 0; c < total.size(); ++c) {
    if (total[c].bytes <= 0) continue;
    ClassLoad& load = job.classes.emplace_back();
    load.of = c;
    load.busiest = total[c].number;
    load.alike = total[c].alike;
    load.bytes = total[c].bytes;
    for (const auto& phase : of_phase) load.phases.push_back(phase[c].bytes);
  }
  // Who brings how much there is asked of the busiest alone, which are known only now.
  if (step.traffic.size() == 1) {
    for (ClassLoad& load : job.classes) load.of_traffic = {load.bytes};
  } else {
    if (!one) one.emplace(resources);
    for (std::size_t t = 0; t < step.traffic.size(); ++t) {
      one->route(step, {t}, placement);
      for (ClassLoad& load : job.classes) load.of_traffic.push_back(one->on(load));
    }
  }
  job.bundles = all.take();
  return job;
}

}  // namespace millrace::diagnose
