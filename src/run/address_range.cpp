// SPDX-License-Identifier: Apache-2.0
#include "run/address_range.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "run/numeric_address.hpp"

namespace millrace::run {
namespace {

constexpr unsigned kV4Bits = 32, kV6Bits = 128;

struct AddressBits {
  std::array<std::uint8_t, kV6Bits / 8> bytes{};
  unsigned count = 0;
};

std::optional<AddressBits> bits_of(const std::string& text) {
  const auto address = numeric_address(text.substr(0, text.find('%')));
  if (!address) return std::nullopt;
  AddressBits bits;
  if (inet_pton(AF_INET, address->c_str(), bits.bytes.data()) == 1)
    bits.count = kV4Bits;
  else if (inet_pton(AF_INET6, address->c_str(), bits.bytes.data()) == 1)
    bits.count = kV6Bits;
  else
    return std::nullopt;
  return bits;
}

std::optional<unsigned> prefix_in(const std::string& text) {
  unsigned prefix = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), prefix);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return prefix;
}

bool same_prefix(const AddressBits& a, const AddressBits& b, unsigned prefix) {
  for (unsigned bit = 0; bit < prefix; ++bit)
    if (((a.bytes[bit / 8] ^ b.bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

bool is_in(const AddressBits& address, const std::string& range) {
  const std::size_t slash = range.find('/');
  const auto network = bits_of(range.substr(0, slash));
  if (!network || network->count != address.count) return false;
  const auto prefix =
      slash == std::string::npos ? std::optional(network->count) : prefix_in(range.substr(slash + 1));
  return prefix && *prefix <= network->count && same_prefix(address, *network, *prefix);
}

}  // namespace

Result<std::string> address_range(const std::string& text) {
  const std::size_t slash = text.find('/');
  auto address = numeric_address(text.substr(0, slash));
  if (!address || slash == std::string::npos) return address;
  const unsigned most = bits_of(*address)->count;
  const auto prefix = prefix_in(text.substr(slash + 1));
  if (!prefix || *prefix == 0 || *prefix > most)
    return failure(fmt::format("'{}' is no network: its prefix has 1 to {} bits", text, most),
                   "for example 10.1.0.0/16 or fd00::/64");
  return fmt::format("{}/{}", *address, *prefix);
}

bool is_within(const std::string& address, const std::vector<std::string>& ranges) {
  const auto bits = bits_of(address);
  return bits && std::any_of(ranges.begin(), ranges.end(),
                             [&](const std::string& range) { return is_in(*bits, range); });
}

}  // namespace millrace::run
