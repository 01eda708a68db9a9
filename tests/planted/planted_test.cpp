// SPDX-License-Identifier: Apache-2.0
// planted_test [MACHINES]: of that many random machines (see machine.hpp), how often the resources that the
// inference names hold the planted one, and how many it names.
//
// How the size is counted: resources that no measurement between endpoints could tell apart (a drive and the
// link that it alone uses: every way of the machine crosses both) count as one, since nobody can name one of
// them without opening the machine. Everything else that is named counts, also where the plan's measurements
// happened not to tell it apart.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "diagnose/binding_set.hpp"
#include "diagnose/infer.hpp"
#include "machine.hpp"

namespace {

using namespace millrace;

constexpr double kLeastHits = 0.98, kMostMeanSize = 1.3;

struct Score {
  int machines = 0, hits = 0;
  double size = 0;
  void add(bool hit, double named) {
    ++machines;
    hits += hit ? 1 : 0;
    size += named;
  }
  [[nodiscard]] std::string text(const std::string& of) const {
    return fmt::format("{:<22} {:>8} {:>8} {:>7.1f} % {:>10.3f}\n", of, machines, hits,
                       100.0 * hits / machines, size / machines);
  }
};

struct Named {
  std::vector<std::string> resources;
  std::size_t size = 0;  // as counted
  bool hit = false;
};

Named name_bottleneck(const planted::Machine& machine, const record::Document& document) {
  std::vector<diagnose::ResourceDemand> demands;
  for (const planted::Part& part : machine.parts) demands.push_back({part.id, part.bytes_per_step, {}});
  const auto binding = diagnose::binding_set(diagnose::infer(document), demands);
  const std::vector<std::size_t> apart = planted::told_apart(machine);
  Named named;
  std::set<std::size_t> counted;
  for (const auto& of_class : binding)
    for (const std::string& resource : of_class.resources) {
      named.resources.push_back(resource);
      for (std::size_t p = 0; p < machine.parts.size(); ++p)
        if (machine.parts[p].id == resource) counted.insert(apart[p]), named.hit |= p == machine.planted;
    }
  named.size = counted.size();
  return named;
}

}  // namespace

int main(int count, char** arguments) {
  const int machines = count > 1 ? std::atoi(arguments[1]) : 1000;
  Score all;
  std::map<std::string, Score> by_kind;
  std::map<int, Score> by_rivals;
  std::string misses;
  for (int i = 1; i <= machines; ++i) {
    const planted::Machine machine = planted::random_machine(static_cast<std::uint64_t>(i));
    const record::Document document = planted::measure(machine, static_cast<std::uint64_t>(i) + 1'000'000);
    const Named named = name_bottleneck(machine, document);
    const planted::Part& planted = machine.parts[machine.planted];
    all.add(named.hit, static_cast<double>(named.size));
    by_kind[planted.kind].add(named.hit, static_cast<double>(named.size));
    by_rivals[machine.rivals / 4].add(named.hit, static_cast<double>(named.size));
    if (!named.hit)
      misses += fmt::format("  {:>4}  {:<28} {:>6}  {}\n", i, planted.id, machine.rivals,
                            fmt::join(named.resources, ", "));
  }
  fmt::print("{:<22} {:>8} {:>8} {:>9} {:>10}\n", "planted", "machines", "named", "", "mean size");
  for (const auto& [kind, score] : by_kind) fmt::print("{}", score.text(kind));
  for (const auto& [rivals, score] : by_rivals)
    fmt::print("{}", score.text(fmt::format("{} to {} rivals", 4 * rivals, 4 * rivals + 3)));
  fmt::print("{}", all.text("all"));
  fmt::print("resources that no measurement between endpoints tells apart count as one\n");
  if (misses.empty())
    fmt::print("no misses\n");
  else
    fmt::print("misses\n  {:>4}  {:<28} {:>6}  {}\n{}", "seed", "planted", "rivals", "named instead", misses);
  const bool good =
      all.machines > 0 && all.hits >= kLeastHits * all.machines && all.size <= kMostMeanSize * all.machines;
  if (!good)
    fmt::print("wanted: named in {:.0f} % of the machines at least, {} at most on average\n",
               100 * kLeastHits, kMostMeanSize);
  return good ? 0 : 1;
}
