// SPDX-License-Identifier: Apache-2.0
#include "record/syntax_fault.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

namespace millrace::record {
namespace {

using SyntaxJson = nlohmann::json;

// A pointer into the text that tells how far the parser has read, which nlohmann's events do not.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, std::size_t* count) : at_(at), count_(count) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    ++at_;
    if (count_ != nullptr) ++*count_;
    return *this;
  }
  Cursor operator++(int) {
    Cursor before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Cursor& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  std::size_t* count_;
};

// Builds nothing: stops at the first thing that a document must not hold.
class FaultFinder : public nlohmann::json_sax<SyntaxJson> {
 public:
  FaultFinder(int max_depth, const std::size_t& read) : max_depth_(max_depth), read_(read) {}

  struct Found {
    std::size_t offset;
    std::string reason;
  };
  [[nodiscard]] const std::optional<Found>& found() const { return found_; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t& text) override {
    if (text.find_first_of(".eE") != string_t::npos) return true;
    return stop(read_ - std::min(read_, text.size() + 1),
                fmt::format("the integer {} does not fit in 64 bits", text));
  }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }
  bool parse_error(std::size_t position, const std::string&, const SyntaxJson::exception& error) override {
    std::string reason = error.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error while parsing value -
    // …"
    for (const std::string_view lead : {"] ", " - "}) {
      if (const auto at = reason.find(lead); at != std::string::npos) reason.erase(0, at + lead.size());
    }
    return stop(position == 0 ? 0 : position - 1, reason);
  }

 private:
  bool enter() {
    if (++depth_ <= max_depth_) return true;
    return stop(read_ == 0 ? 0 : read_ - 1, fmt::format("nested deeper than {} levels", max_depth_));
  }
  bool leave() {
    --depth_;
    return true;
  }
  bool stop(std::size_t offset, std::string reason) {
    found_ = Found{offset, std::move(reason)};
    return false;
  }

  int max_depth_;
  int depth_ = 0;
  const std::size_t& read_;
  std::optional<Found> found_;
};

}  // namespace

SyntaxFault find_syntax_fault(std::string_view json, int max_depth, std::string_view fallback) {
  std::size_t read = 0;
  FaultFinder finder(max_depth, read);
  SyntaxJson::sax_parse(Cursor(json.data(), &read), Cursor(json.data() + json.size(), nullptr), &finder);
  SyntaxFault fault;
  if (!finder.found()) {
    fault.reason = fallback;
    return fault;
  }
  fault.offset = std::min(finder.found()->offset, json.size());
  fault.reason = finder.found()->reason;
  const std::string_view before = json.substr(0, fault.offset);
  fault.line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  fault.column = fault.offset - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0: the first line
  return fault;
}

}  // namespace millrace::record
