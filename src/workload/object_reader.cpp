// SPDX-License-Identifier: Apache-2.0
#include "workload/object_reader.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "units/nearest_name.hpp"

namespace millrace::workload {

namespace dom = simdjson::dom;

// What is divided by less is beyond what numbers hold.
constexpr double kLeastAboveZero = 1e-12;

ObjectReader::ObjectReader(Object object, std::string pointer, std::string_view file,
                           std::optional<Error>& error, Subject subject)
    : object_(object), pointer_(std::move(pointer)), file_(file), error_(error), subject_(subject) {
  std::set<std::string_view> seen;
  for (const auto& field : object_)
    if (!seen.insert(field.key).second) fail(std::string(field.key), "is given twice");
}

bool ObjectReader::has(const std::string& key) const {
  dom::element element;
  return object_.at_key(key).get(element) == simdjson::SUCCESS;
}

// A key of the object that may have been meant to be this one.
std::string ObjectReader::misspelt(const std::string& key) const {
  const std::vector<std::string> right{key};
  for (const auto& field : object_) {
    const std::string given(field.key);
    const bool known = std::find(known_.begin(), known_.end(), given) != known_.end();
    if (!known && nearest_name(given, right))
      return fmt::format("there is '{}': did you mean '{}'?", given, key);
  }
  return {};
}

std::optional<dom::element> ObjectReader::find(const std::string& key, bool required) {
  known_.push_back(key);
  if (error_) return std::nullopt;
  dom::element element;
  if (object_.at_key(key).get(element) == simdjson::SUCCESS) return element;
  if (required) fail(key, "is missing", misspelt(key));
  return std::nullopt;
}

void ObjectReader::text(const std::string& key, std::string& into, bool required) {
  const auto element = find(key, required);
  if (!element) return;
  std::string_view value;
  if (element->get(value) != simdjson::SUCCESS) return fail(key, "must be text");
  if (value.size() > 1000) return fail(key, "is longer than 1000 characters");
  // It is printed as it is, and an escape sequence would be obeyed by the terminal.
  for (const char c : value)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return fail(key, fmt::format("holds a control character (U+{:04X})", static_cast<unsigned>(c)),
                  "write it on one line, of plain text");
  into = std::string(value);
}

void ObjectReader::word(const std::string& key, std::string& into, const std::vector<std::string>& words,
                        bool required) {
  text(key, into, required);
  if (error_ || std::find(words.begin(), words.end(), into) != words.end()) return;
  const auto near = nearest_name(into, words);
  fail(key, fmt::format("'{}' is unknown", into),
       near ? fmt::format("did you mean '{}'?", *near) : fmt::format("known: {}", fmt::join(words, ", ")));
}

void ObjectReader::flag(const std::string& key, bool& into) {
  const auto element = find(key, false);
  if (!element) return;
  bool value = false;
  if (element->get(value) != simdjson::SUCCESS) return fail(key, "must be true or false");
  into = value;
}

std::optional<double> ObjectReader::real(const std::string& key, bool required) {
  const auto element = find(key, required);
  if (!element) return std::nullopt;
  double value = 0;
  if (element->get(value) == simdjson::SUCCESS) return value;
  fail(key, "must be a number");
  return std::nullopt;
}

void ObjectReader::number(const std::string& key, double& into, double above, double most, bool required) {
  const auto value = real(key, required);
  if (!value) return;
  if (!(*value > above && *value <= most))
    return fail(key, fmt::format("must be above {:g} and at most {:g}, but is {:g}", above, most, *value));
  if (above == 0 && *value < kLeastAboveZero)
    return fail(key, fmt::format("is {:g}, and no figure is meant that is above 0 and below {:g}", *value,
                                 kLeastAboveZero));
  into = *value;
}

void ObjectReader::at_least(const std::string& key, double& into, double least, double most, bool required) {
  const auto value = real(key, required);
  if (!value) return;
  if (!(*value >= least && *value <= most))
    return fail(key, fmt::format("must be {:g} to {:g}, but is {:g}", least, most, *value));
  into = *value;
}

std::optional<std::int64_t> ObjectReader::whole(const std::string& key, std::int64_t most, bool required) {
  const auto element = find(key, required);
  if (!element) return std::nullopt;
  std::int64_t value = 0;
  if (element->get(value) != simdjson::SUCCESS)
    fail(key, "must be a whole number");
  else if (value < 1 || value > most)
    fail(key, fmt::format("must be 1 to {}, but is {}", most, value));
  else
    return value;
  return std::nullopt;
}

std::optional<dom::object> ObjectReader::object(const std::string& key, bool required) {
  const auto element = find(key, required);
  if (!element) return std::nullopt;
  dom::object value;
  if (element->get(value) == simdjson::SUCCESS) return value;
  fail(key, "must be an object");
  return std::nullopt;
}

std::vector<std::pair<dom::object, std::string>> ObjectReader::objects(const std::string& key,
                                                                       bool required) {
  std::vector<std::pair<dom::object, std::string>> all;
  const auto element = find(key, required);
  if (!element) return all;
  dom::array array;
  if (element->get(array) != simdjson::SUCCESS) {
    fail(key, "must be an array of objects");
    return all;
  }
  for (const dom::element one : array) {
    dom::object value;
    if (one.get(value) != simdjson::SUCCESS) {
      fail(key, fmt::format("must hold objects alone, which its entry {} is not", all.size()));
      return {};
    }
    all.emplace_back(value, fmt::format("{}/{}/{}", pointer_, key, all.size()));
  }
  if (all.empty()) fail(key, "holds none");
  return all;
}

std::vector<std::string> ObjectReader::words(const std::string& key) {
  std::vector<std::string> all;
  const auto element = find(key, false);
  if (!element) return all;
  dom::array array;
  if (element->get(array) != simdjson::SUCCESS) {
    fail(key, "must be an array of texts");
    return all;
  }
  for (const dom::element one : array) {
    std::string_view word;
    if (one.get(word) != simdjson::SUCCESS)
      fail(key, fmt::format("must hold texts alone, which its entry {} is not", all.size()));
    all.emplace_back(word);
  }
  if (all.empty()) fail(key, "holds none");
  return all;
}

void ObjectReader::finish() {
  for (const auto& field : object_) {
    if (error_) return;
    const std::string key(field.key);
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    const auto near = nearest_name(key, known_);
    fail(key, fmt::format("is not a key of a {} here", subject_.noun),
         near ? fmt::format("did you mean '{}'?", *near)
              : fmt::format("known here: {}", fmt::join(known_, ", ")));
  }
}

void ObjectReader::fail(const std::string& key, const std::string& reason, const std::string& hint) {
  if (error_) return;
  error_ = Error{fmt::format("{}: at {}/{}: {} {}", file_, pointer_, key, key, reason),
                 hint.empty() ? subject_.help : hint};
}

bool is_plain_name(std::string_view name, bool dashes) {
  if (name.empty() || name.size() > 64 || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (dashes && (c == '-' || c == '_' || c == '.'));
  });
}

}  // namespace millrace::workload
