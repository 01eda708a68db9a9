// SPDX-License-Identifier: Apache-2.0
#include "topology/memory_rate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

namespace millrace::topology {
namespace {

std::size_t smbios_word_at(const std::string& raw, std::size_t at) {
  if (at + 1 >= raw.size()) return 0;
  return static_cast<std::uint8_t>(raw[at]) | static_cast<std::size_t>(static_cast<std::uint8_t>(raw[at + 1]))
                                                  << 8U;
}

// Strings follow the formatted part, each ended by a zero; 1 is the first, 0 none.
std::string string_at(const std::string& raw, std::size_t index_at) {
  const std::size_t length = static_cast<std::uint8_t>(raw[1]);
  if (index_at >= length || index_at >= raw.size()) return {};
  int index = static_cast<std::uint8_t>(raw[index_at]);
  std::size_t at = length;
  while (index > 1 && at < raw.size()) {
    at = raw.find('\0', at);
    if (at == std::string::npos) return {};
    ++at;
    --index;
  }
  if (index != 1 || at >= raw.size()) return {};
  return raw.c_str() + at;
}

std::string upper_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

bool is_alphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

// "P0_Node0_Channel3_Dimm0" and "P0 CHANNEL A": up to and with what follows the word. Empty: no such word.
std::string named_channel(const std::string& locator) {
  const std::string text = upper_case(locator);
  const auto word = text.find("CHANNEL");
  if (word == std::string::npos) return {};
  auto at = word + 7;
  while (at < text.size() && (text[at] == ' ' || text[at] == '_' || text[at] == '-')) ++at;
  const auto begin = at;
  while (at < text.size() && is_alphanumeric(text[at])) ++at;
  return at == begin ? std::string() : text.substr(0, at);
}

// "P1-DIMMA1", "CPU0_DIMM_A1": the letter is the channel, the digit the slot on it.
std::string lettered_channel(const std::string& locator) {
  const std::string text = upper_case(locator);
  const auto word = text.find("DIMM");
  if (word == std::string::npos) return {};
  auto at = word + 4;
  while (at < text.size() && (text[at] == ' ' || text[at] == '_' || text[at] == '-')) ++at;
  const bool letter_and_digit = at + 1 < text.size() && text[at] >= 'A' && text[at] <= 'P' &&
                                std::isdigit(static_cast<unsigned char>(text[at + 1])) != 0;
  return letter_and_digit ? text.substr(0, at + 1) : std::string();
}

}  // namespace

std::optional<MemoryModule> parse_memory_module(const std::string& raw) {
  constexpr std::size_t kMemoryDevice = 17;
  constexpr std::size_t kLeastLength = 0x17;  // up to and with the speed
  if (raw.size() < kLeastLength || static_cast<std::uint8_t>(raw[0]) != kMemoryDevice) return std::nullopt;
  const std::size_t length = static_cast<std::uint8_t>(raw[1]);
  if (length < kLeastLength || length > raw.size() || smbios_word_at(raw, 0x0C) == 0) return std::nullopt;
  MemoryModule module;
  const std::string device = string_at(raw, 0x10);
  const std::string bank = string_at(raw, 0x11);
  module.slot = bank.empty() ? device : bank + " / " + device;
  module.data_bits = static_cast<int>(smbios_word_at(raw, 0x0A));
  const bool has_configured_speed = length >= 0x22;
  const std::size_t configured = has_configured_speed ? smbios_word_at(raw, 0x20) : 0;
  module.megatransfers_per_s = static_cast<int>(configured != 0 ? configured : smbios_word_at(raw, 0x15));
  if (module.megatransfers_per_s == 0 || module.megatransfers_per_s >= 0xFFFF || module.data_bits == 0 ||
      module.data_bits >= 0xFFFF)
    return std::nullopt;
  for (const std::string& found : {named_channel(bank), named_channel(device)})
    if (module.channel.empty()) module.channel = found;
  // The device's letter alone may repeat in every socket, unless the bank says which.
  if (module.channel.empty())
    if (const std::string letter = lettered_channel(device); !letter.empty()) module.channel = letter;
  return module;
}

std::vector<MemoryModule> read_memory_modules(const FileRoot& root) {
  std::vector<MemoryModule> modules;
  const std::string folder = "/sys/firmware/dmi/entries";
  for (const std::string& entry : root.names(folder)) {
    if (!entry.starts_with("17-")) continue;
    if (auto module = parse_memory_module(root.bytes(folder + "/" + entry + "/raw").value_or("")))
      modules.push_back(std::move(*module));
  }
  return modules;
}

MemoryRate memory_rate_per_node(const std::vector<MemoryModule>& modules, int nodes) {
  if (modules.empty() || nodes < 1)
    return {std::nullopt, "the firmware tells no memory speed (or only root may read it)"};
  std::map<std::string, double> channels;
  std::set<std::string> slots;
  for (const MemoryModule& module : modules) {
    // "DIMM_A1" in both sockets: channels of the same name would count as one.
    if (!slots.insert(module.slot).second)
      return {std::nullopt, fmt::format("two memory slots are called \"{}\"", module.slot)};
    if (module.channel.empty())
      return {std::nullopt, fmt::format("memory slot \"{}\" does not name its channel", module.slot)};
    double& rate = channels[module.channel];
    rate = std::max(rate, module.megatransfers_per_s * 1e6 * module.data_bits / 8);
  }
  if (channels.size() % static_cast<std::size_t>(nodes) != 0)
    return {std::nullopt,
            fmt::format("{} populated channels do not divide over {} NUMA nodes", channels.size(), nodes)};
  double total = 0;
  for (const auto& [name, rate] : channels) total += rate;
  return {total / nodes, fmt::format("{} channels of {} MT/s x {} bit (SMBIOS)",
                                     channels.size() / static_cast<std::size_t>(nodes),
                                     modules.front().megatransfers_per_s, modules.front().data_bits)};
}

}  // namespace millrace::topology
