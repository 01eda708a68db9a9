// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/destinations.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "units/nearest_name.hpp"

namespace millrace::ingest {
namespace {

std::vector<std::string> gpus_of(const sdk::Host& host) {
  std::vector<std::string> gpus;
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (std::string_view(endpoint->kind) == "gpu") gpus.emplace_back(endpoint->id);
  return gpus;
}

}  // namespace

Result<std::vector<std::string>> destinations(const sdk::Host& host, const std::string& to) {
  const std::vector<std::string> gpus = gpus_of(host);
  if (to == "gpu:all") {
    if (gpus.empty())
      return failure("this machine has no GPU", "give --to host: host memory stands in for a GPU's",
                     Exit::kInconclusive);
    return gpus;
  }
  std::vector<std::string> named;
  std::string_view rest = to;
  while (true) {
    const std::size_t end = rest.find(',');
    named.emplace_back(rest.substr(0, end));
    const std::string& one = named.back();
    if (one.starts_with("gpu:") && std::find(gpus.begin(), gpus.end(), one) == gpus.end()) {
      if (gpus.empty())
        return failure(fmt::format("there is no {}: this machine has no GPU", one),
                       "give --to host: host memory stands in for a GPU's", Exit::kInconclusive);
      return failure(fmt::format("there is no {}", one), fmt::format("there are {}", fmt::join(gpus, ", ")));
    }
    if (one != "host" && !one.starts_with("gpu:")) {
      std::vector<std::string> names = gpus;
      names.insert(names.begin(), "host");
      const auto nearest = nearest_name(one, names);
      return failure(fmt::format("--to {}: this machine has no such memory", one),
                     nearest ? fmt::format("did you mean '{}'?", *nearest)
                             : fmt::format("it has {}", fmt::join(names, ", ")));
    }
    if (end == std::string_view::npos) return named;
    rest.remove_prefix(end + 1);
  }
}

std::string endpoint_of(const sdk::Host& host, const std::string& memory, int numa_node) {
  if (memory != "host") return memory;
  const millrace_endpoint* found = nullptr;
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (std::string_view(endpoint->kind) == "memory" &&
        (found == nullptr || endpoint->numa_node == numa_node))
      found = endpoint;
  return found == nullptr ? "memory:0" : found->id;
}

}  // namespace millrace::ingest
