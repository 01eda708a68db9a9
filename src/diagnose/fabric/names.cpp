// SPDX-License-Identifier: Apache-2.0
#include "diagnose/fabric/names.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "fabric/describe.hpp"

namespace millrace::diagnose {
namespace {

constexpr std::size_t kMostRuns = 8;

std::string numbers(std::int64_t first, std::int64_t last) {
  return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

// What stands in brackets behind the noun; `direction` is that of one class or of two together.
std::string bracket(const fabric::Class& one, const ClassLoad& load, const std::string& direction) {
  std::vector<std::string> parts;
  if (!direction.empty()) parts.push_back(direction);
  if (one.members > 1)
    parts.push_back(load.alike == one.members ? fmt::format("{} alike", one.members)
                                              : fmt::format("the busiest {} of {}", load.alike, one.members));
  std::string text = fmt::format("{}", fmt::join(parts, ", "));
  if (!one.source.empty()) text += (text.empty() ? "" : "; ") + one.source;
  return text.empty() ? text : " (" + text + ")";
}

std::string noun_of(const fabric::Class& one, const ClassLoad& load) {
  if (one.members > 1) return fabric::noun(one.kind, true);
  return one.overridden ? fmt::format("{} {}", fabric::noun(one.kind, false), load.busiest)
                        : fabric::noun(one.kind, false);
}

std::string joined(const std::vector<std::string>& names) {
  if (names.size() < 3) return fmt::format("{}", fmt::join(names, " and "));
  return fmt::format("{} and {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
}

}  // namespace

std::string class_id(const fabric::Resources& resources, std::uint32_t of) {
  const fabric::Kind kind = resources.classes()[of].kind;
  std::vector<std::string> runs;
  for (const auto& run : resources.runs(kind)) {
    if (run.of != of) continue;
    if (runs.size() == kMostRuns) {
      runs.emplace_back("…");
      break;
    }
    runs.push_back(numbers(run.first, run.last));
  }
  return fmt::format("{}[{}]", fabric::to_text(kind), fmt::join(runs, ","));
}

std::string class_name(const fabric::Resources& resources, const ClassLoad& load) {
  const fabric::Class& one = resources.classes()[load.of];
  return noun_of(one, load) + bracket(one, load, fabric::direction(one.kind));
}

std::string class_names(const fabric::Resources& resources, const JobLoad& job,
                        const std::vector<std::size_t>& classes) {
  struct Named {
    std::string noun, text;
    const fabric::Class* one;
    const ClassLoad* load;
  };
  std::vector<Named> named;
  std::size_t left = classes.size();
  for (const std::size_t c : classes) {
    if (named.size() == kMostNamed) break;
    --left;
    const ClassLoad& load = job.classes[c];
    const fabric::Class& one = resources.classes()[load.of];
    const std::string noun = noun_of(one, load);
    const auto other = std::find_if(named.begin(), named.end(), [&](const Named& before) {
      return before.noun == noun && before.one->kind != one.kind && before.one->members == one.members &&
             before.load->alike == load.alike && before.one->source == one.source;
    });
    if (other != named.end())
      other->text = noun + bracket(one, load, "both directions");
    else
      named.push_back({noun, noun + bracket(one, load, fabric::direction(one.kind)), &one, &load});
  }
  std::vector<std::string> texts;
  for (const Named& one : named) texts.push_back(one.text);
  if (left > 0) texts.push_back(fmt::format("{} more", left));
  return joined(texts);
}

std::string class_nouns(const fabric::Resources& resources, const JobLoad& job,
                        const std::vector<std::size_t>& classes) {
  std::vector<std::string> nouns;
  for (const std::size_t c : classes) {
    const std::string noun = noun_of(resources.classes()[job.classes[c].of], job.classes[c]);
    if (std::find(nouns.begin(), nouns.end(), noun) != nouns.end()) continue;
    if (nouns.size() == kMostNamed) {
      nouns.emplace_back("others");
      break;
    }
    nouns.push_back(noun);
  }
  return joined(nouns);
}

const char* bottleneck_kind(fabric::Kind kind) {
  switch (kind) {
    case fabric::Kind::kPcieOut:
    case fabric::Kind::kPcieIn:
      return "pcie";
    case fabric::Kind::kStorageRead:
    case fabric::Kind::kStorageWrite:
    case fabric::Kind::kDriveRead:
    case fabric::Kind::kDriveWrite:
      return "storage";
    default:
      return "network";
  }
}

}  // namespace millrace::diagnose
