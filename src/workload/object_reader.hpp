// SPDX-License-Identifier: Apache-2.0
// One JSON object of a file that users write, a workload's or another, read key by key: what is wrong is told
// with file, position, key and reason.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "units/result.hpp"

namespace millrace::workload {

// What a file describes, and where help is found for one that is wrong.
struct Subject {
  const char* noun = "workload";
  const char* help =
      "reports/schema/workload.schema.json says what a workload holds; `millrace workloads unet3d --json` "
      "prints one "
      "to start from";
};

// The first thing wrong is kept, later calls then do nothing; finish() refuses keys that nothing asked for.
class ObjectReader {
 public:
  using Object = simdjson::dom::object;

  ObjectReader(Object object, std::string pointer, std::string_view file, std::optional<Error>& error,
               Subject subject = {});

  // At most 1000 characters, none of them a control character; empty is as good as missing where it is
  // required.
  void text(const std::string& key, std::string& into, bool required = false);
  // One of these words.
  void word(const std::string& key, std::string& into, const std::vector<std::string>& words,
            bool required = false);
  void flag(const std::string& key, bool& into);
  // A number in (above, most], where above 0 means 1e-12 at least, or with at_least() in [least, most].
  void number(const std::string& key, double& into, double above, double most, bool required = false);
  void at_least(const std::string& key, double& into, double least, double most, bool required = false);
  // A whole number of 1 to `most`.
  template <typename T>
  void count(const std::string& key, T& into, std::int64_t most, bool required = false) {
    if (const auto value = whole(key, most, required)) into = static_cast<T>(*value);
  }
  std::optional<Object> object(const std::string& key, bool required = true);
  // The objects of an array, each with the place that it has for messages: "/serving/parts/2".
  std::vector<std::pair<Object, std::string>> objects(const std::string& key, bool required = true);

  // Texts of an array; none where the key is missing.
  std::vector<std::string> words(const std::string& key);

  // A reader of an object below this one.
  [[nodiscard]] ObjectReader below(const std::string& key, Object object) const {
    return {object, pointer_ + "/" + key, file_, error_, subject_};
  }
  [[nodiscard]] ObjectReader at(const std::string& pointer, Object object) const {
    return {object, pointer, file_, error_, subject_};
  }
  [[nodiscard]] bool has(const std::string& key) const;
  [[nodiscard]] bool failed() const { return error_.has_value(); }

  void finish();
  void fail(const std::string& key, const std::string& reason, const std::string& hint = {});

 private:
  std::optional<simdjson::dom::element> find(const std::string& key, bool required);
  [[nodiscard]] std::string misspelt(const std::string& key) const;
  std::optional<std::int64_t> whole(const std::string& key, std::int64_t most, bool required);
  std::optional<double> real(const std::string& key, bool required);

  Object object_;
  std::string pointer_;
  std::string_view file_;
  std::optional<Error>& error_;
  Subject subject_;
  std::vector<std::string> known_;
};

// Small letters and digits, and where `dashes`, '-', '_' and '.' (not in front).
bool is_plain_name(std::string_view name, bool dashes);

}  // namespace millrace::workload
