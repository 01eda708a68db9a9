// SPDX-License-Identifier: Apache-2.0
#include "nccl/arithmetic.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace millrace::standin::nccl {
namespace {

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <typename T>
void store(T value, std::byte* to) {
  std::memcpy(to, &value, sizeof value);
}

// IEEE 754 binary16, of normal numbers and zero.
double from_half(std::uint16_t bits) {
  if ((bits & 0x7fffU) == 0) return 0;
  const double magnitude =
      std::ldexp(1 + (bits & 0x3ffU) / 1024.0, static_cast<int>((bits >> 10) & 0x1fU) - 15);
  return (bits & 0x8000U) != 0 ? -magnitude : magnitude;
}
std::uint16_t to_half(double value) {
  if (value == 0) return 0;
  int exponent = 0;
  const double fraction = std::frexp(std::abs(value), &exponent);  // in [0.5, 1)
  const auto significand = static_cast<unsigned>(std::lround((2 * fraction - 1) * 1024));
  const unsigned sign = value < 0 ? 0x8000U : 0;
  return static_cast<std::uint16_t>(sign | (static_cast<unsigned>(exponent - 1 + 15) << 10) | significand);
}

double get(ncclDataType_t type, const std::byte* from) {
  switch (type) {
    case ncclUint8:
      return load<std::uint8_t>(from);
    case ncclUint32:
      return load<std::uint32_t>(from);
    case ncclFloat16:
      return from_half(load<std::uint16_t>(from));
    case ncclBfloat16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(from)) << 16);
    default:
      return 0;
  }
}

void put(ncclDataType_t type, double value, std::byte* to) {
  switch (type) {
    case ncclUint8:
      return store(static_cast<std::uint8_t>(value), to);
    case ncclUint32:
      return store(static_cast<std::uint32_t>(value), to);
    case ncclFloat16:
      return store(to_half(value), to);
    case ncclBfloat16:
      return store(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(value)) >> 16),
                   to);
    default:
      return;
  }
}

template <typename T>
T combine(ncclRedOp_t operation, T a, T b) {
  switch (operation) {
    case ncclProd:
      return static_cast<T>(a * b);
    case ncclMax:
      return std::max(a, b);
    case ncclMin:
      return std::min(a, b);
    default:
      return static_cast<T>(a + b);
  }
}

// Types that the CPU computes with: fast enough to be over before the links are.
template <typename T>
void reduce_as(const std::vector<std::uint64_t>& inputs, std::size_t first, std::size_t count,
               ncclRedOp_t operation, std::byte* to) {
  std::vector<T> total(count);
  std::memcpy(total.data(), reinterpret_cast<const T*>(inputs.front()) + first, count * sizeof(T));
  for (std::size_t rank = 1; rank < inputs.size(); ++rank) {
    const T* input = reinterpret_cast<const T*>(inputs[rank]) + first;
    for (std::size_t i = 0; i < count; ++i) total[i] = combine(operation, total[i], input[i]);
  }
  if (operation == ncclAvg)
    for (T& value : total) value = static_cast<T>(value / static_cast<T>(inputs.size()));
  std::memcpy(to, total.data(), count * sizeof(T));
}

}  // namespace

std::size_t size_of(ncclDataType_t type) {
  switch (type) {
    case ncclInt8:
    case ncclUint8:
      return 1;
    case ncclFloat16:
    case ncclBfloat16:
      return 2;
    case ncclInt32:
    case ncclUint32:
    case ncclFloat32:
      return 4;
    case ncclFloat64:
      return 8;
    default:
      return 0;
  }
}

const char* name_of(Kind kind) {
  constexpr const char* kNames[] = {"ncclAllReduce", "ncclAllGather", "ncclReduceScatter", "ncclBroadcast",
                                    "ncclReduce",    "ncclAlltoAll",  "ncclGather",        "ncclScatter",
                                    "ncclSend",      "ncclRecv"};
  return kNames[static_cast<int>(kind)];
}

std::size_t input_bytes(const Order& order, int rank, int ranks) {
  const std::size_t one = order.count * size_of(order.type);
  const auto all = static_cast<std::size_t>(ranks) * one;
  switch (order.kind) {
    case Kind::kReduceScatter:
    case Kind::kAllToAll:
      return all;
    case Kind::kBroadcast:
      return rank == order.root ? one : 0;
    case Kind::kScatter:
      return rank == order.root ? all : 0;
    case Kind::kReceive:
      return 0;
    default:
      return one;
  }
}

std::size_t output_bytes(const Order& order, int rank, int ranks) {
  const std::size_t one = order.count * size_of(order.type);
  const auto all = static_cast<std::size_t>(ranks) * one;
  switch (order.kind) {
    case Kind::kAllGather:
    case Kind::kAllToAll:
      return all;
    case Kind::kReduce:
      return rank == order.root ? one : 0;
    case Kind::kGather:
      return rank == order.root ? all : 0;
    case Kind::kSend:
      return 0;
    default:
      return one;
  }
}

void reduce(const std::vector<std::uint64_t>& inputs, std::size_t first, std::size_t count,
            ncclDataType_t type, ncclRedOp_t operation, std::byte* to) {
  switch (type) {
    case ncclInt8:
      return reduce_as<std::int8_t>(inputs, first, count, operation, to);
    case ncclInt32:
      return reduce_as<std::int32_t>(inputs, first, count, operation, to);
    case ncclFloat32:
      return reduce_as<float>(inputs, first, count, operation, to);
    case ncclFloat64:
      return reduce_as<double>(inputs, first, count, operation, to);
    default:
      break;
  }
  const std::size_t element = size_of(type);
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = [&](std::uint64_t input) {
      return get(type, reinterpret_cast<const std::byte*>(input) + (first + i) * element);
    };
    double value = at(inputs.front());
    for (std::size_t rank = 1; rank < inputs.size(); ++rank)
      value = combine(operation, value, at(inputs[rank]));
    if (operation == ncclAvg) value /= static_cast<double>(inputs.size());
    put(type, value, to + i * element);
  }
}

}  // namespace millrace::standin::nccl
