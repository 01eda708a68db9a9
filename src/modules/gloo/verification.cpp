// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/verification.hpp"

#include <cstring>

#include "modules/collective/expectation.hpp"

namespace millrace::gloo {
namespace {

constexpr const char* kSuspects =
    "memory, a NIC or its offloads (ethtool -K) corrupt data, or Gloo has a bug";

}  // namespace

Result<void> verify(const sdk::Host& host, const Settings& s, const Turn& turn, const Call& call) {
  std::memset(turn.output.data(), static_cast<int>(collective::kPoison), turn.output.size());
  // After the poison: in place, they share memory.
  collective::fill(turn.input, collective::input_of(s, host.rank()), s.element(), 0);
  call();
  const Result<void> right = collective::check_output(s, host.rank(), turn.output, kSuspects);
  host.verified(right.has_value());
  if (right) host.counter("collective:verified_bytes", static_cast<double>(turn.output.size()));
  return right;
}

void fill_for_measuring(const Settings& s, int rank, const std::vector<Turn>& turns) {
  const collective::Period period = collective::resting_input_of(s, rank);
  for (const Turn& turn : turns) collective::fill(turn.input, period, s.element(), 0);
}

}  // namespace millrace::gloo
