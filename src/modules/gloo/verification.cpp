// SPDX-License-Identifier: Apache-2.0
#include "modules/gloo/verification.hpp"

#include <fmt/format.h>

#include <cstring>

#include "modules/collective/pattern.hpp"

namespace millrace::gloo {
namespace {

using collective::Operation;
using collective::Period;
using collective::Piece;

Period expected_of(const Settings& s, const Piece& piece) {
  return piece.source == collective::kReduced
             ? collective::result_period(s.type, *s.operation, s.ranks)
             : collective::input_period(s.type, s.operation, piece.source, s.ranks);
}

std::string where_from(const Piece& piece) {
  return piece.source == collective::kReduced ? "the reduction of all ranks"
                                              : fmt::format("rank {}'s input", piece.source);
}

// A sum or product in place of its input.
bool accumulates(const Settings& s) {
  return s.in_place && (s.operation == Operation::kSum || s.operation == Operation::kProduct);
}

}  // namespace

Result<void> verify(const sdk::Host& host, const Settings& s, const Turn& turn, const Call& call) {
  std::memset(turn.output.data(), static_cast<int>(collective::kPoison), turn.output.size());
  // After the poison: in place, they share memory.
  collective::fill(turn.input, collective::input_period(s.type, s.operation, host.rank(), s.ranks),
                   s.element(), 0);
  call();
  const collective::Layout layout = s.layout(host.rank());
  for (const Piece& piece : collective::pieces_of(s.collective, layout, host.rank(), s.ranks, s.root)) {
    const auto at = turn.output.subspan(piece.at * s.element(), piece.count * s.element());
    const auto wrong = collective::first_wrong(at, expected_of(s, piece), s.element(), piece.first);
    if (!wrong) continue;
    host.verified(false);
    return failure(fmt::format("rank {}: element {} of the result is not that of {}", host.rank(),
                               piece.at + *wrong, where_from(piece)),
                   "memory, a NIC or its offloads (ethtool -K) corrupt data, or Gloo has a bug");
  }
  host.verified(true);
  host.counter("collective:verified_bytes", static_cast<double>(turn.output.size()));
  return {};
}

void fill_for_measuring(const Settings& s, int rank, const std::vector<Turn>& turns) {
  Period period;
  if (accumulates(s)) {
    period.resize(collective::kPeriod * s.element());
    for (std::size_t i = 0; i < collective::kPeriod; ++i)
      collective::write_element(s.type, s.operation == Operation::kProduct ? 1 : 0,
                                period.data() + i * s.element());
  } else {
    period = collective::input_period(s.type, s.operation, rank, s.ranks);
  }
  for (const Turn& turn : turns) collective::fill(turn.input, period, s.element(), 0);
}

}  // namespace millrace::gloo
