// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/elements.hpp"

#include <bit>
#include <cstring>

namespace millrace::collective {
namespace {

// From binary32 to binary16 of a whole number below 2048: the exponent's bias goes from 127 to 15, and the 13
// low bits of the significand are zero.
std::uint16_t to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) == 0) return 0;
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t exponent = ((bits >> 23) & 0xffU) - 127 + 15;
  return static_cast<std::uint16_t>(sign | (exponent << 10) | ((bits >> 13) & 0x3ffU));
}

// bfloat16 is the upper half of binary32.
std::uint16_t to_bfloat16(float value) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
}

template <typename T>
void put(T value, std::byte* to) {
  std::memcpy(to, &value, sizeof(value));
}

}  // namespace

std::optional<ElementType> type_named(std::string_view name) {
  if (name == "int8") return ElementType::kInt8;
  if (name == "int32") return ElementType::kInt32;
  if (name == "half") return ElementType::kHalf;
  if (name == "bf16") return ElementType::kBfloat16;
  if (name == "float") return ElementType::kFloat;
  if (name == "double") return ElementType::kDouble;
  return std::nullopt;
}

std::optional<Operation> operation_named(std::string_view name) {
  if (name == "sum") return Operation::kSum;
  if (name == "prod") return Operation::kProduct;
  if (name == "min") return Operation::kMinimum;
  if (name == "max") return Operation::kMaximum;
  if (name == "avg") return Operation::kAverage;
  return std::nullopt;
}

std::size_t size_of(ElementType type) {
  switch (type) {
    case ElementType::kInt8:
      return 1;
    case ElementType::kHalf:
    case ElementType::kBfloat16:
      return 2;
    case ElementType::kInt32:
    case ElementType::kFloat:
      return 4;
    case ElementType::kDouble:
      return 8;
  }
  return 0;
}

void write_element(ElementType type, int value, std::byte* to) {
  switch (type) {
    case ElementType::kInt8:
      return put(static_cast<std::int8_t>(value), to);
    case ElementType::kInt32:
      return put(static_cast<std::int32_t>(value), to);
    case ElementType::kHalf:
      return put(to_half(static_cast<float>(value)), to);
    case ElementType::kBfloat16:
      return put(to_bfloat16(static_cast<float>(value)), to);
    case ElementType::kFloat:
      return put(static_cast<float>(value), to);
    case ElementType::kDouble:
      return put(static_cast<double>(value), to);
  }
}

}  // namespace millrace::collective
