// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace millrace::collective {
namespace {

constexpr std::int64_t kLeastTimeout_ns = 1'000'000;  // Gloo counts milliseconds

Result<void> sensible(const Request& r, int most_ranks, const char* more_ranks_by) {
  const std::string name(name_of(r.collective));
  if (r.ranks < 2)
    return failure(fmt::format("{} needs two ranks or more, and there is {}", name, r.ranks), more_ranks_by);
  if (r.ranks > most_ranks)
    return failure(fmt::format("{} ranks are more than the {} that fit", r.ranks, most_ranks),
                   "give fewer of them");
  if (r.root >= r.ranks)
    return failure(fmt::format("--root {} is none of the {} ranks", r.root, r.ranks),
                   fmt::format("ranks count from 0: give 0 to {}", r.ranks - 1));
  if (r.layout(0).total == 0) {
    const bool shared = deals_out(r.collective);
    const std::uint64_t least = r.element() * (shared ? static_cast<std::uint64_t>(r.ranks) : 1);
    return failure(fmt::format("--size {} is too small for {}: {} of {} bytes need {}", r.size, name,
                               shared ? fmt::format("an element for each of {} ranks,", r.ranks)
                                      : std::string("one element,"),
                               r.element(), least),
                   fmt::format("give --size {} or more", least));
  }
  return {};
}

}  // namespace

Result<Request> request_from(const sdk::Host& host, Collective collective, int ranks, int most_ranks,
                             const char* more_ranks_by) {
  Request r;
  r.collective = collective;
  r.size = host.bytes("size");
  r.type = type_named(host.text("type")).value_or(ElementType::kFloat);
  if (reduces(collective)) r.operation = operation_named(host.text("op")).value_or(Operation::kSum);
  r.ranks = ranks;
  r.root = static_cast<int>(host.integer("root"));
  r.in_place = host.flag("in-place");
  if (host.given("region")) r.region = host.bytes("region");
  r.verify = host.flag("verify");
  r.timeout_ns = std::max(host.duration_ns("timeout"), kLeastTimeout_ns);
  if (const Result<void> fine = sensible(r, most_ranks, more_ranks_by); !fine)
    return tl::unexpected(fine.error());
  return r;
}

}  // namespace millrace::collective
