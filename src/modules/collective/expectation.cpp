// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/expectation.hpp"

#include <fmt/format.h>

#include <string>

namespace millrace::collective {
namespace {

Period expected_of(const Request& r, const Piece& piece) {
  return piece.source == kReduced ? result_period(r.type, *r.operation, r.ranks)
                                  : input_period(r.type, r.operation, piece.source, r.ranks);
}

std::string where_from(const Piece& piece) {
  return piece.source == kReduced ? "the reduction of all ranks"
                                  : fmt::format("rank {}'s input", piece.source);
}

// A sum or product in place of its input.
bool accumulates(const Request& r) {
  return r.in_place && (r.operation == Operation::kSum || r.operation == Operation::kProduct);
}

}  // namespace

Period input_of(const Request& r, int rank) { return input_period(r.type, r.operation, rank, r.ranks); }

Period resting_input_of(const Request& r, int rank) {
  if (!accumulates(r)) return input_of(r, rank);
  Period period(kPeriod * r.element());
  for (std::size_t i = 0; i < kPeriod; ++i)
    write_element(r.type, r.operation == Operation::kProduct ? 1 : 0, period.data() + i * r.element());
  return period;
}

Result<void> check_output(const Request& r, int rank, std::span<const std::byte> output,
                          const char* suspects) {
  for (const Piece& piece : pieces_of(r.collective, r.layout(rank), rank, r.ranks, r.root)) {
    const auto at = output.subspan(piece.at * r.element(), piece.count * r.element());
    const auto wrong = first_wrong(at, expected_of(r, piece), r.element(), piece.first);
    if (wrong)
      return failure(fmt::format("rank {}: element {} of the result is not that of {}", rank,
                                 piece.at + *wrong, where_from(piece)),
                     suspects);
  }
  return {};
}

}  // namespace millrace::collective
