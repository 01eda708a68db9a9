// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/pattern.hpp"

#include <algorithm>
#include <cstring>

namespace millrace::collective {
namespace {

constexpr int kSumming = 32;  // ranks that add something at an index: each at most 2, so sums stay below 127
constexpr int kMultiplying = 6;  // ranks that double: products stay at or below 64

// SplitMix64's finalizer (Steele, Lea and Flood 2014), of the index and the rank.
std::uint64_t scrambled(std::uint64_t index, std::uint64_t rank) {
  std::uint64_t x = (index + 1) * 0x9e3779b97f4a7c15U + rank * 0xd1b54a32d192ed03U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

int within(std::uint64_t index, int rank, int magnitude) {
  const std::uint64_t values = 2 * static_cast<std::uint64_t>(magnitude) + 1;
  return static_cast<int>(scrambled(index, static_cast<std::uint64_t>(rank)) % values) - magnitude;
}

// Which ranks take part at an index, in turn.
bool takes_part(std::uint64_t index, int rank, int ranks, int most) {
  const auto n = static_cast<std::uint64_t>(ranks);
  return (index + static_cast<std::uint64_t>(rank)) % n < static_cast<std::uint64_t>(most);
}

int average_at(std::uint64_t index) { return within(index, 0, 1); }

Period written(ElementType type, const auto& value_at) {
  const std::size_t element = size_of(type);
  Period period(kPeriod * element);
  for (std::uint64_t index = 0; index < kPeriod; ++index)
    write_element(type, value_at(index), period.data() + index * element);
  return period;
}

// Calls body(offset in the array, offset in the period, bytes) until it says false.
void by_periods(std::size_t size, std::size_t period, std::size_t begin, const auto& body) {
  std::size_t within_period = begin;
  for (std::size_t done = 0; done < size;) {
    const std::size_t step = std::min(size - done, period - within_period);
    if (!body(done, within_period, step)) return;
    done += step;
    within_period = 0;
  }
}

}  // namespace

int input_value(std::optional<Operation> operation, int rank, int ranks, std::uint64_t index) {
  index %= kPeriod;
  if (!operation) return within(index, rank, 100);
  switch (*operation) {
    case Operation::kMinimum:
    case Operation::kMaximum:
      return within(index, rank, 100);
    case Operation::kSum:
      return takes_part(index, rank, ranks, kSumming) ? within(index, rank, 2) : 0;
    case Operation::kProduct: {
      const int sign = (scrambled(index, static_cast<std::uint64_t>(rank)) & 1) != 0 ? 1 : -1;
      return takes_part(index, rank, ranks, kMultiplying) ? 2 * sign : sign;
    }
    case Operation::kAverage: {
      const bool unpaired = rank == ranks - 1 && ranks % 2 == 1;
      return average_at(index) + (unpaired ? 0 : (rank % 2 == 0 ? 1 : -1));
    }
  }
  return 0;
}

int result_value(Operation operation, int ranks, std::uint64_t index) {
  index %= kPeriod;
  if (operation == Operation::kAverage) return average_at(index);
  int result = input_value(operation, 0, ranks, index);
  for (int rank = 1; rank < ranks; ++rank) {
    const int value = input_value(operation, rank, ranks, index);
    if (operation == Operation::kSum) result += value;
    if (operation == Operation::kProduct) result *= value;
    if (operation == Operation::kMinimum) result = std::min(result, value);
    if (operation == Operation::kMaximum) result = std::max(result, value);
  }
  return result;
}

Period input_period(ElementType type, std::optional<Operation> operation, int rank, int ranks) {
  return written(type, [&](std::uint64_t index) { return input_value(operation, rank, ranks, index); });
}

Period result_period(ElementType type, Operation operation, int ranks) {
  return written(type, [&](std::uint64_t index) { return result_value(operation, ranks, index); });
}

void fill(std::span<std::byte> to, const Period& period, std::size_t element, std::uint64_t first) {
  by_periods(to.size(), period.size(), static_cast<std::size_t>(first % kPeriod) * element,
             [&](std::size_t at, std::size_t from, std::size_t size) {
               std::memcpy(to.data() + at, period.data() + from, size);
               return true;
             });
}

std::optional<std::uint64_t> first_wrong(std::span<const std::byte> at, const Period& period,
                                         std::size_t element, std::uint64_t first) {
  std::optional<std::uint64_t> wrong;
  by_periods(at.size(), period.size(), static_cast<std::size_t>(first % kPeriod) * element,
             [&](std::size_t begin, std::size_t from, std::size_t size) {
               const std::byte* is = at.data() + begin;
               const std::byte* should = period.data() + from;
               if (std::memcmp(is, should, size) == 0) return true;
               wrong = (begin + static_cast<std::size_t>(std::mismatch(is, is + size, should).first - is)) /
                       element;
               return false;
             });
  return wrong;
}

}  // namespace millrace::collective
