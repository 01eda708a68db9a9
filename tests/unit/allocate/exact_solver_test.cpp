// SPDX-License-Identifier: Apache-2.0
// Progressive filling held against the exact solution by linear programs, on random topologies.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "allocate/max_min.hpp"
#include "linear_program.hpp"

namespace millrace::allocate {
namespace {

using Random = std::mt19937_64;

int between(Random& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}
double spread(Random& random, double low, double high) {  // evenly over orders of magnitude
  return low * std::pow(high / low, std::uniform_real_distribution<double>(0, 1)(random));
}

// Nodes joined by links, each direction a resource of its own: a tree, and with `loops` some links more.
struct Network {
  std::vector<std::vector<std::pair<int, std::uint32_t>>> links;  // of each node: neighbour, resource there
  Problem problem;

  Network(Random& random, int nodes, int loops) : links(static_cast<std::size_t>(nodes)) {
    for (int node = 1; node < nodes; ++node) join(random, node, between(random, 0, node - 1));
    for (int i = 0; i < loops; ++i)
      join(random, between(random, 0, nodes - 1), between(random, 0, nodes - 1));
  }

  void join(Random& random, int a, int b) {
    for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
      links[static_cast<std::size_t>(from)].emplace_back(to, problem.capacity.size());
      problem.capacity.push_back(spread(random, 1e9, 1e11));
    }
  }

  // The way with the fewest links, breadth first.
  std::vector<std::uint32_t> way(int from, int to) const {
    std::vector<std::pair<int, std::uint32_t>> came(links.size(), {-1, 0});
    std::vector<int> queue{from};
    came[static_cast<std::size_t>(from)].first = from;
    for (std::size_t i = 0; i < queue.size(); ++i)
      for (const auto& [next, resource] : links[static_cast<std::size_t>(queue[i])])
        if (came[static_cast<std::size_t>(next)].first < 0) {
          came[static_cast<std::size_t>(next)] = {queue[i], resource};
          queue.push_back(next);
        }
    std::vector<std::uint32_t> resources;
    for (int node = to; node != from; node = came[static_cast<std::size_t>(node)].first)
      resources.push_back(came[static_cast<std::size_t>(node)].second);
    return resources;
  }
};

Problem random_problem(std::uint64_t seed) {
  Random random(seed);
  const int nodes = between(random, 3, 12);
  Network network(random, nodes, between(random, 0, 1) * between(random, 1, 5));
  const int jobs = between(random, 2, 8);
  for (int j = 0; j < jobs; ++j) {
    Job job;
    if (between(random, 0, 1)) job.weight = spread(random, 0.1, 10);
    for (int flow = between(random, 1, 4); flow > 0; --flow) {
      const int from = between(random, 0, nodes - 1), to = between(random, 0, nodes - 1);
      const double bytes = spread(random, 1e7, 1e10);
      for (const std::uint32_t resource : network.way(from, to)) job.uses.push_back({resource, bytes});
    }
    if (job.uses.empty() || between(random, 0, 2) == 0) job.most_steps_per_s = spread(random, 0.05, 50);
    network.problem.jobs.push_back(std::move(job));
  }
  return std::move(network.problem);
}

TEST(ExactSolver, OnFiveHundredRandomTopologiesEveryJobHasTheRateOfTheLinearPrograms) {
  int by_resource = 0, by_own_pace = 0;
  double worst = 0;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const Problem problem = random_problem(seed);
    const Allocation ours = max_min(problem);
    const std::vector<double> exact = max_min_by_linear_programs(problem);
    ASSERT_EQ(exact.size(), problem.jobs.size()) << "the linear programs failed at seed " << seed;
    for (std::size_t j = 0; j < exact.size(); ++j) {
      EXPECT_NEAR(ours.steps_per_s[j] / exact[j], 1, 1e-3) << "job " << j << " of seed " << seed;
      worst = std::max(worst, std::abs(ours.steps_per_s[j] / exact[j] - 1));
      ++(ours.bound_by[j] == kOwnPace ? by_own_pace : by_resource);
    }
  }
  // The cases are worth something only if both kinds of bound occur often.
  EXPECT_GT(by_resource, 500);
  EXPECT_GT(by_own_pace, 200);
  RecordProperty("worst_relative_difference", std::to_string(worst));
}

}  // namespace
}  // namespace millrace::allocate
