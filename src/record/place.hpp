// SPDX-License-Identifier: Apache-2.0
// Where a reader is in a document, and the first fault that it met.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "record/read_json.hpp"

namespace millrace::record {

// Where the reader is: a chain on the stack, spelled out only for an error.
struct Place {
  const Place* parent = nullptr;
  std::string_view key;
  std::size_t index = 0;

  [[nodiscard]] std::string pointer() const {
    if (parent == nullptr) return {};
    if (key.data() == nullptr) return fmt::format("{}/{}", parent->pointer(), index);
    std::string escaped;  // RFC 6901
    for (const char c : key) escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return parent->pointer() + "/" + escaped;
  }
};

// The first fault of a document; nothing is read after it.
class Faults {
 public:
  void add(const Place& place, std::string reason) {
    if (!first_) first_ = Fault{place.pointer(), std::move(reason)};
  }
  explicit operator bool() const { return first_.has_value(); }
  [[nodiscard]] const std::optional<Fault>& first() const { return first_; }

 private:
  std::optional<Fault> first_;
};

}  // namespace millrace::record
