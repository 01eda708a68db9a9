// SPDX-License-Identifier: Apache-2.0
#include "topology/file_root.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <sstream>

namespace millrace::topology {
namespace fs = std::filesystem;
namespace {

constexpr int kMostLinks = 40;  // the kernel's own bound (path_resolution(7))

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

std::string_view number_run(std::string_view s, std::size_t at) {
  std::size_t end = at;
  while (end < s.size() && is_digit(s[end])) ++end;
  return s.substr(at, end - at);
}

std::string_view without_zeros(std::string_view digits) {
  const auto first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? digits.substr(digits.size() - 1) : digits.substr(first);
}

}  // namespace

bool natural_less(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const auto whole_a = number_run(a, i);
      const auto whole_b = number_run(b, j);
      const auto x = without_zeros(whole_a);
      const auto y = without_zeros(whole_b);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      i += whole_a.size();
      j += whole_b.size();
      continue;
    }
    if (a[i] != b[j]) return a[i] < b[j];
    ++i;
    ++j;
  }
  return a.size() - i < b.size() - j;
}

fs::path FileRoot::below(const fs::path& path) const { return root_ / path.relative_path(); }

std::optional<fs::path> FileRoot::resolve(const fs::path& path) const {
  std::deque<std::string> todo;
  for (const auto& part : path.relative_path()) todo.push_back(part.string());
  fs::path here = "/";
  int links = 0;
  while (!todo.empty()) {
    const std::string part = todo.front();
    todo.pop_front();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      here = here.parent_path();
      continue;
    }
    const fs::path next = here / part;
    std::error_code error;
    const auto status = fs::symlink_status(below(next), error);
    if (!fs::exists(status)) return std::nullopt;
    // /proc/self is left as it is: the kernel follows it, and a recording keeps no process number.
    if (!fs::is_symlink(status) || next == "/proc/self") {
      here = next;
      continue;
    }
    const fs::path target = fs::read_symlink(below(next), error);
    if (error || ++links > kMostLinks) return std::nullopt;
    record_link(next, target);
    if (target.is_absolute()) here = "/";
    const fs::path relative = target.relative_path();
    std::vector<std::string> parts;
    for (const auto& p : relative) parts.push_back(p.string());
    todo.insert(todo.begin(), parts.begin(), parts.end());
  }
  std::error_code error;
  if (!recording_.empty() && fs::is_directory(below(here), error)) record_folder(here);
  return here;
}

bool FileRoot::exists(const fs::path& file) const {
  const auto real = resolve(file);
  std::error_code error;
  if (real && !recording_.empty() && fs::is_regular_file(below(*real), error)) (void)bytes(*real);
  return real.has_value();
}

std::optional<std::string> FileRoot::bytes(const fs::path& file, std::size_t most) const {
  const auto real = resolve(file);
  if (!real) return std::nullopt;
  const int fd = ::open(below(*real).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::string content;
  char buffer[16384];
  ssize_t got = 0;
  while (content.size() < most &&
         (got = ::read(fd, buffer, std::min(sizeof buffer, most - content.size()))) > 0)
    content.append(buffer, static_cast<std::size_t>(got));
  ::close(fd);
  if (got < 0) return std::nullopt;
  record_file(*real, content);
  return content;
}

std::optional<std::string> FileRoot::text(const fs::path& file) const {
  const auto content = bytes(file);
  if (!content) return std::nullopt;
  const auto first = content->find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return std::nullopt;
  const auto last = content->find_last_not_of(" \t\r\n");
  return content->substr(first, last - first + 1);
}

std::vector<std::string> FileRoot::lines(const fs::path& file) const {
  std::vector<std::string> all;
  std::istringstream stream(bytes(file).value_or(""));
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

std::optional<std::int64_t> FileRoot::number(const fs::path& file) const {
  const auto content = text(file);
  if (!content) return std::nullopt;
  char* end = nullptr;
  const long long value = std::strtoll(content->c_str(), &end, 0);
  if (end == content->c_str()) return std::nullopt;
  return value;
}

std::vector<std::string> FileRoot::names(const fs::path& folder) const {
  std::vector<std::string> all;
  const auto real = resolve(folder);
  if (!real) return all;
  std::error_code error;
  for (auto it = fs::directory_iterator(below(*real), error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    all.push_back(it->path().filename().string());
    if (recording_.empty()) continue;
    std::error_code unreadable;
    const auto status = it->symlink_status(unreadable);
    if (fs::is_symlink(status)) record_link(*real / all.back(), fs::read_symlink(it->path(), unreadable));
    if (fs::is_directory(status)) record_folder(*real / all.back());
  }
  std::sort(all.begin(), all.end(), natural_less);
  return all;
}

std::string FileRoot::link_name(const fs::path& link) const {
  const auto real = resolve(link);
  return real ? real->filename().string() : std::string();
}

void FileRoot::record_folder(const fs::path& folder) const {
  std::error_code ignored;
  if (!recording_.empty()) fs::create_directories(recording_ / folder.relative_path(), ignored);
}

void FileRoot::record_link(const fs::path& link, const fs::path& target) const {
  if (recording_.empty()) return;
  record_folder(link.parent_path());
  std::error_code ignored;  // it may be there from an earlier reading
  fs::create_symlink(target, recording_ / link.relative_path(), ignored);
}

void FileRoot::record_file(const fs::path& file, const std::string& content) const {
  if (recording_.empty()) return;
  record_folder(file.parent_path());
  std::ofstream(recording_ / file.relative_path(), std::ios::binary) << content;
}

}  // namespace millrace::topology
