// SPDX-License-Identifier: Apache-2.0
// What the user asked of a collective, whatever library moves the bytes, made sure that it makes sense.
#pragma once

#include <cstdint>
#include <optional>

#include "millrace/probe.hpp"
#include "modules/collective/elements.hpp"
#include "modules/collective/factors.hpp"
#include "modules/collective/layout.hpp"
#include "units/result.hpp"

namespace millrace::collective {

struct Request {
  Collective collective = Collective::kAllReduce;
  ElementType type = ElementType::kFloat;
  std::optional<Operation> operation;  // of those that reduce
  std::uint64_t size = 0;              // bytes of the whole array, as asked for
  int ranks = 2;                       // all together
  int root = 0;
  bool in_place = false;
  std::optional<std::uint64_t> region;  // bytes through which a rank's arrays rotate, where it was given
  bool verify = true;
  std::int64_t timeout_ns = 0;  // of one collective, and until all are connected

  [[nodiscard]] std::size_t element() const { return size_of(type); }
  [[nodiscard]] Layout layout(int rank) const {
    return layout_of(collective, size / element(), rank, ranks, root);
  }
  // S: what counts as moved by one collective.
  [[nodiscard]] std::uint64_t bytes() const { return layout(0).total * element(); }
};

// Reads the parameters of parameters.hpp. Errors (Exit::kUsage): fewer than two ranks or more than
// `most_ranks`, a root that is none of them, a size below one element for each that gets one.
// `more_ranks_by` says what gives more ranks: "give --ranks 2".
Result<Request> request_from(const sdk::Host& host, Collective collective, int ranks, int most_ranks,
                             const char* more_ranks_by);

}  // namespace millrace::collective
