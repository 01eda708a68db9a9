// SPDX-License-Identifier: Apache-2.0
#include "record/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace millrace::record {
namespace {

// Those of `more` whose id is not there yet.
template <typename T>
void add_missing(std::vector<T>& all, std::vector<T>& more) {
  for (T& one : more)
    if (std::none_of(all.begin(), all.end(), [&](const T& there) { return there.id == one.id; }))
      all.push_back(std::move(one));
}

// A repeat is known by when it ran, to the nanosecond, and by what it gave.
using RepeatKey = std::tuple<std::string, std::int64_t, std::int64_t, double>;
using KnownRepeats = std::map<RepeatKey, std::string>;  // where it was met: "m3 of run.json"

Result<void> add_repeats(const NamedDocument& named, KnownRepeats& known) {
  KnownRepeats own;  // two of one document that ran at the same time are two
  for (const Measurement& m : named.document.measurements)
    for (const Repeat& repeat : m.repeats) {
      const RepeatKey key{m.probe, repeat.begin_ns, repeat.end_ns, repeat.throughput_bytes_per_s};
      if (const auto met = known.find(key); met != known.end())
        return failure(fmt::format("{}: its {} ({}) is {}, and would count twice", named.file, m.id, m.probe,
                                   met->second),
                       "leave one of the two documents out");
      own.emplace(key, fmt::format("{} of {}", m.id, named.file));
    }
  known.merge(own);
  return {};
}

const char* name_of(const Document& document) {
  return document.hosts.empty() ? "" : document.hosts.front().name.c_str();
}

}  // namespace

Result<Document> merge(std::vector<NamedDocument> documents) {
  if (documents.empty()) return failure("there is no document", "give one");
  KnownRepeats known;
  for (const NamedDocument& named : documents)
    if (auto added = add_repeats(named, known); !added) return tl::unexpected(added.error());
  Document all = std::move(documents.front().document);
  all.diagnoses.clear();
  for (std::size_t i = 1; i < documents.size(); ++i) {
    Document& more = documents[i].document;
    if (std::string(name_of(all)) != name_of(more))
      return failure(fmt::format("{} is of the host \"{}\", {} of \"{}\"", documents.front().file,
                                 name_of(all), documents[i].file, name_of(more)),
                     "give documents of one host");
    const std::string prefix = fmt::format("{}.", i + 1);
    for (Measurement& m : more.measurements) {
      m.id = prefix + m.id;
      for (std::string& other : m.concurrent_with) other = prefix + other;
      all.measurements.push_back(std::move(m));
    }
    for (Interference& one : more.interference)
      all.interference.push_back(
          {prefix + one.victim, prefix + one.aggressor, one.throughput_kept, one.p99_ratio, one.p99_added_s});
    add_missing(all.topology.endpoints, more.topology.endpoints);
    add_missing(all.topology.resources, more.topology.resources);
    for (topology::Link& link : more.topology.links)
      if (std::find(all.topology.links.begin(), all.topology.links.end(), link) == all.topology.links.end())
        all.topology.links.push_back(std::move(link));
    for (topology::Finding& finding : more.findings)
      if (std::find(all.findings.begin(), all.findings.end(), finding) == all.findings.end())
        all.findings.push_back(std::move(finding));
    all.complete = all.complete && more.complete;
  }
  return all;
}

}  // namespace millrace::record
