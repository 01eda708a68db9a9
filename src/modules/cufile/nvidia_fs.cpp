// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/nvidia_fs.hpp"

#include <charconv>
#include <fstream>
#include <iterator>

namespace millrace::cufile {
namespace {

// The number behind `key` ("ok=") in a line; false where there is none.
bool number_behind(std::string_view line, std::string_view key, std::uint64_t& value) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return false;
  std::string_view rest = line.substr(at + key.size());
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  return std::from_chars(rest.data(), rest.data() + rest.size(), value).ec == std::errc{};
}

void take(std::string_view line, NvidiaFsCounters& counters) {
  if (line.starts_with("IO stats:"))
    counters.counting = line.starts_with("IO stats: Enabled");
  else if (line.starts_with("Reads"))
    number_behind(line, " ok=", counters.reads);
  else if (line.starts_with("Writes"))
    number_behind(line, " ok=", counters.writes);
  else if (line.starts_with("Active Process"))
    number_behind(line, ":", counters.processes);
}

}  // namespace

NvidiaFsCounters parse_nvidia_fs(std::string_view text) {
  NvidiaFsCounters counters;
  counters.present = text.find("NVFS") != std::string_view::npos;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    take(text.substr(0, end), counters);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return counters;
}

NvidiaFsCounters read_nvidia_fs(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return parse_nvidia_fs(std::string(std::istreambuf_iterator<char>(in), {}));
}

}  // namespace millrace::cufile
