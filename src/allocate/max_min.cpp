// SPDX-License-Identifier: Apache-2.0
#include "allocate/max_min.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace millrace::allocate {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// A sum that terms are taken out of again: what rounding lost is kept beside it (Neumaier 1974), so that a
// small job's part survives a large one's coming and going.
class ExactSum {
 public:
  void add(double term) {
    const double sum = sum_ + term;
    lost_ += std::abs(sum_) >= std::abs(term) ? (sum_ - sum) + term : (term - sum) + sum_;
    sum_ = sum;
  }
  [[nodiscard]] double value() const { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

struct Filling {
  ExactSum slope;             // what the jobs that still grow take per unit of level
  ExactSum frozen;            // what the others take
  std::uint32_t growing = 0;  // uses of jobs that still grow
};

// The jobs that use each resource: the transpose of Job::uses, in one block.
struct Users {
  std::vector<std::uint32_t> begin, job;

  explicit Users(const Problem& problem) : begin(problem.capacity.size() + 1, 0) {
    for (const Job& one : problem.jobs)
      for (const Use& use : one.uses)
        if (use.per_step > 0) ++begin[use.resource + 1];
    for (std::size_t r = 1; r < begin.size(); ++r) begin[r] += begin[r - 1];
    job.resize(begin.back());
    std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
    for (std::uint32_t j = 0; j < problem.jobs.size(); ++j)
      for (const Use& use : problem.jobs[j].uses)
        if (use.per_step > 0) job[next[use.resource]++] = j;
  }
};

// When something stops growth: at this level, a resource (or, from `resources` on, a job's own pace).
struct Event {
  double level;
  std::uint32_t what;
  bool operator<(const Event& other) const {  // std's heaps have the largest on top
    return level != other.level ? level > other.level : what > other.what;
  }
};

class ProgressiveFilling {
 public:
  ProgressiveFilling(const Problem& problem, Allocation& into)
      : problem_(problem),
        into_(into),
        users_(problem),
        resources_(problem.capacity.size()),
        growing_(problem.jobs.size(), true) {
    for (const Job& job : problem.jobs)
      for (const Use& use : job.uses)
        if (use.per_step > 0) {
          Filling& filling = resources_[use.resource];
          filling.slope.add(job.weight * use.per_step);
          ++filling.growing;
        }
  }

  void run() {
    const auto count = static_cast<std::uint32_t>(resources_.size());
    std::vector<Event> heap;
    heap.reserve(resources_.size() + problem_.jobs.size());
    for (std::uint32_t r = 0; r < count; ++r)
      if (const double level = full_at(r); level < kNever) heap.push_back({level, r});
    for (std::uint32_t j = 0; j < problem_.jobs.size(); ++j)
      heap.push_back({problem_.jobs[j].most_steps_per_s / problem_.jobs[j].weight, count + j});
    std::make_heap(heap.begin(), heap.end());
    for (std::size_t left = problem_.jobs.size(); left > 0;) {
      std::pop_heap(heap.begin(), heap.end());
      const Event event = heap.back();
      heap.pop_back();
      if (event.what >= count) {
        left -= freeze(event.what - count, event.level, kOwnPace);
        continue;
      }
      // Others froze meanwhile, so that this one fills later than was foreseen: never sooner.
      const double level = full_at(event.what);
      if (level > event.level) {
        if (level == kNever) continue;
        heap.push_back({level, event.what});
        std::push_heap(heap.begin(), heap.end());
        continue;
      }
      for (std::uint32_t u = users_.begin[event.what]; u < users_.begin[event.what + 1]; ++u)
        left -= freeze(users_.job[u], event.level, event.what);
    }
  }

 private:
  double full_at(std::uint32_t resource) const {
    const Filling& filling = resources_[resource];
    if (filling.growing == 0) return kNever;
    return std::max(0.0, problem_.capacity[resource] - filling.frozen.value()) / filling.slope.value();
  }

  // How many jobs stop growing by it: one, or none where it had stopped before.
  std::size_t freeze(std::uint32_t index, double level, std::uint32_t by) {
    if (!growing_[index]) return 0;
    growing_[index] = false;
    const Job& job = problem_.jobs[index];
    // Its own figure, not weight × (figure ÷ weight), which may be a rounding beside it.
    const double rate = by == kOwnPace ? job.most_steps_per_s : level * job.weight;
    into_.steps_per_s[index] = rate;
    into_.bound_by[index] = by;
    for (const Use& use : job.uses)
      if (use.per_step > 0) {
        Filling& filling = resources_[use.resource];
        filling.slope.add(-job.weight * use.per_step);
        filling.frozen.add(rate * use.per_step);
        --filling.growing;
      }
    return 1;
  }

  const Problem& problem_;
  Allocation& into_;
  Users users_;
  std::vector<Filling> resources_;
  std::vector<bool> growing_;
};

// A job that is alone: the first of its bounds, one look at each.
void alone(const Problem& problem, Allocation& into) {
  const Job& job = problem.jobs.front();
  std::vector<double>& cost = into.utilization;  // borrowed: zero until the end
  for (const Use& use : job.uses) cost[use.resource] += use.per_step;
  double rate = job.most_steps_per_s;
  std::uint32_t by = kOwnPace;
  for (const Use& use : job.uses) {
    const double total = cost[use.resource];
    if (total <= 0 || problem.capacity[use.resource] >= rate * total) continue;
    rate = problem.capacity[use.resource] / total;
    by = use.resource;
  }
  into.steps_per_s[0] = rate;
  into.bound_by[0] = by;
  for (const Use& use : job.uses) cost[use.resource] = 0;
}

void check(const Problem& problem) {
  for (const Job& job : problem.jobs) {
    if (!(job.weight > 0) || !std::isfinite(job.weight) || !(job.most_steps_per_s >= 0))
      throw std::invalid_argument("max_min: a job's weight must be above 0 and its pace at least 0");
    for (const Use& use : job.uses)
      if (use.resource >= problem.capacity.size() || !(use.per_step >= 0) || !std::isfinite(use.per_step))
        throw std::invalid_argument("max_min: a job's use must be of a resource and at least 0");
  }
}

}  // namespace

Allocation max_min(const Problem& problem) {
  check(problem);
  Allocation out;
  out.steps_per_s.assign(problem.jobs.size(), 0.0);
  out.bound_by.assign(problem.jobs.size(), kOwnPace);
  out.utilization.assign(problem.capacity.size(), 0.0);
  if (problem.jobs.size() == 1)
    alone(problem, out);
  else if (!problem.jobs.empty())
    ProgressiveFilling(problem, out).run();
  for (std::size_t j = 0; j < problem.jobs.size(); ++j)
    for (const Use& use : problem.jobs[j].uses)
      if (use.per_step > 0) out.utilization[use.resource] += out.steps_per_s[j] * use.per_step;
  for (std::size_t r = 0; r < out.utilization.size(); ++r) {
    double& used = out.utilization[r];
    const double capacity = problem.capacity[r];
    used = capacity == kNever ? 0 : (capacity > 0 ? used / capacity : (used > 0 ? kNever : 0));
  }
  return out;
}

}  // namespace millrace::allocate
