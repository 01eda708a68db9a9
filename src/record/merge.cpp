// SPDX-License-Identifier: Apache-2.0
#include "record/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
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

const char* name_of(const Document& document) {
  return document.hosts.empty() ? "" : document.hosts.front().name.c_str();
}

}  // namespace

Result<Document> merge(std::vector<NamedDocument> documents) {
  if (documents.empty()) return failure("there is no document", "give one");
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
