// SPDX-License-Identifier: Apache-2.0
// What the user asked of a collective over host memory, made sure that Gloo can do it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "millrace/probe.hpp"
#include "modules/collective/elements.hpp"
#include "modules/collective/factors.hpp"
#include "modules/collective/layout.hpp"
#include "units/result.hpp"

namespace millrace::gloo {

struct Settings {
  collective::Collective collective = collective::Collective::kAllReduce;
  collective::ElementType type = collective::ElementType::kFloat;
  std::optional<collective::Operation> operation;  // of those that reduce
  std::uint64_t size = 0;                          // bytes of the whole array, as asked for
  int ranks_here = 2, ranks = 2;                   // on each host; all together
  int root = 0;
  bool in_place = false;
  bool bcube = false;        // all_reduce by Gloo's bcube algorithm instead of its ring
  std::uint64_t region = 0;  // bytes through which a rank's arrays rotate
  bool verify = true;
  std::int64_t timeout_ns = 0;  // of one collective, and until all are connected

  [[nodiscard]] std::size_t element() const { return collective::size_of(type); }
  [[nodiscard]] collective::Layout layout(int rank) const {
    return collective::layout_of(collective, size / element(), rank, ranks, root);
  }
  // S: what counts as moved by one collective.
  [[nodiscard]] std::uint64_t bytes() const { return layout(0).total * element(); }
};

// Exit::kInconclusive: Gloo cannot, and the measurement is skipped.
Result<Settings> settings_from(const sdk::Host& host, collective::Collective collective);

// The numeric address on which the ranks of host `index` connect to each other.
Result<std::string> address_of(const sdk::Host& host, int index);

}  // namespace millrace::gloo
