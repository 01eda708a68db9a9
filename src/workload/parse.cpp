// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "units/nearest_name.hpp"
#include "workload/profile.hpp"

namespace millrace::workload {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kDeepest = 16;
const std::vector<std::string> kPreps{"none", "checksum", "decompress", "normalize"};

// The reader in use (simdjson) tells no position of a syntax error; the other one does.
struct PositionFinder : nlohmann::json_sax<nlohmann::json> {
  std::string message;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    message = error.what();
    return false;
  }
};

std::string syntax_error(std::string_view json, simdjson::error_code code) {
  PositionFinder finder;
  nlohmann::json::sax_parse(json.begin(), json.end(), &finder);
  if (finder.message.empty()) return simdjson::error_message(code);
  // "[json.exception.parse_error.101] parse error at line 1, column 2: …" without the library's own tag
  const auto tag = finder.message.find("] ");
  return tag == std::string::npos ? finder.message : finder.message.substr(tag + 2);
}

std::string place_of(std::string_view json, std::size_t offset) {
  const std::string_view before = json.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  // npos + 1 is 0: the first line
  return fmt::format("at line {}, column {}", line, offset - (before.rfind('\n') + 1) + 1);
}

// Where the text opens one bracket more than `most`; its end where it does not.
std::size_t too_deep_at(std::string_view json, std::size_t most) {
  std::size_t depth = 0, at = 0;
  for (bool quoted = false; at < json.size(); ++at) {
    const char c = json[at];
    if (quoted && c == '\\')
      ++at;
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && (c == '[' || c == '{') && ++depth > most)
      break;
    else if (!quoted && (c == ']' || c == '}') && depth > 0)
      --depth;
  }
  return std::min(at, json.size());
}

// Reads one object's keys. The first thing wrong is kept, later calls then do nothing; finish() refuses keys
// that nothing asked for.
class ObjectReader {
 public:
  ObjectReader(dom::object object, std::string pointer, std::string_view file, std::optional<Error>& error)
      : object_(object), pointer_(std::move(pointer)), file_(file), error_(error) {
    std::set<std::string_view> seen;
    for (const auto& field : object_)
      if (!seen.insert(field.key).second) fail(std::string(field.key), "is given twice");
  }

  std::optional<dom::element> find(const std::string& key, bool required) {
    known_.push_back(key);
    if (error_) return std::nullopt;
    dom::element element;
    if (object_.at_key(key).get(element) == simdjson::SUCCESS) return element;
    if (required) fail(key, "is missing");
    return std::nullopt;
  }

  void text(const std::string& key, std::string& into, bool required = false) {
    const auto element = find(key, required);
    if (!element) return;
    std::string_view value;
    if (element->get(value) != simdjson::SUCCESS) return fail(key, "must be text");
    if (value.size() > 1000) return fail(key, "is longer than 1000 characters");
    into = std::string(value);
  }

  // A number in (above, most].
  void number(const std::string& key, double& into, double above, double most, bool required = false) {
    const auto element = find(key, required);
    if (!element) return;
    double value = 0;
    if (element->get(value) != simdjson::SUCCESS) return fail(key, "must be a number");
    if (!(value > above && value <= most))
      return fail(key, fmt::format("must be above {:g} and at most {:g}, but is {:g}", above, most, value));
    into = value;
  }

  template <typename T>
  void count(const std::string& key, T& into, std::int64_t most) {
    const auto element = find(key, false);
    if (!element) return;
    std::int64_t value = 0;
    if (element->get(value) != simdjson::SUCCESS) return fail(key, "must be a whole number");
    if (value < 1 || value > most) return fail(key, fmt::format("must be 1 to {}, but is {}", most, value));
    into = static_cast<T>(value);
  }

  std::optional<dom::object> object(const std::string& key) {
    const auto element = find(key, true);
    if (!element) return std::nullopt;
    dom::object value;
    if (element->get(value) != simdjson::SUCCESS) {
      fail(key, "must be an object");
      return std::nullopt;
    }
    return value;
  }

  void finish() {
    for (const auto& field : object_) {
      if (error_) return;
      const std::string key(field.key);
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      const auto near = nearest_name(key, known_);
      fail(key, "is not a key of a workload here",
           near ? fmt::format("did you mean '{}'?", *near)
                : fmt::format("known here: {}", fmt::join(known_, ", ")));
    }
  }

  void fail(const std::string& key, const std::string& reason, const std::string& hint = {}) {
    if (error_) return;
    error_ = Error{fmt::format("{}: at {}/{}: {} {}", file_, pointer_, key, key, reason),
                   hint.empty() ? "reports/schema/workload.schema.json says what a workload holds; `millrace "
                                  "workloads unet3d --json` prints one to start from"
                                : hint};
  }

 private:
  dom::object object_;
  std::string pointer_;
  std::string_view file_;
  std::optional<Error>& error_;
  std::vector<std::string> known_;
};

bool is_plain_name(std::string_view name, bool dashes) {
  if (name.empty() || name.size() > 64 || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (dashes && (c == '-' || c == '_' || c == '.'));
  });
}

void read_input(ObjectReader& reader, Input& input) {
  reader.number("record_bytes", input.record_bytes, 0, 1e15, true);
  reader.number("record_stdev_bytes", input.record_stdev_bytes, -1e-300, 1e15);
  if (input.record_stdev_bytes > input.record_bytes)
    reader.fail("record_stdev_bytes", "is larger than record_bytes, which no cut normal distribution fits");
  reader.count("samples_per_file", input.samples_per_file, 1'000'000'000);
  reader.count("batch_samples", input.batch_samples, 1'000'000);
  reader.text("prep", input.prep);
  if (std::find(kPreps.begin(), kPreps.end(), input.prep) == kPreps.end()) {
    const auto near = nearest_name(input.prep, kPreps);
    reader.fail(
        "prep", fmt::format("'{}' is unknown", input.prep),
        near ? fmt::format("did you mean '{}'?", *near) : fmt::format("known: {}", fmt::join(kPreps, ", ")));
  }
  reader.count("read_threads", input.read_threads, 1024);
  reader.count("prep_threads", input.prep_threads, 1024);
  reader.count("prefetch_batches", input.prefetch_batches, 1024);
  reader.finish();
}

}  // namespace

Result<std::vector<Profile>> parse(std::string_view json, std::string_view file) {
  if (json.size() > kLargestFile)
    return failure(
        fmt::format("{}: at byte {}: a workload file holds at most 1 MiB, this one more", file, kLargestFile),
        "is it a workload file?");
  dom::parser parser(kLargestFile + 1);
  if (parser.allocate(kLargestFile + 1, kDeepest + 1) != simdjson::SUCCESS)
    return failure(fmt::format("{}: no memory to read it", file));
  const simdjson::padded_string padded(json);
  dom::element root;
  if (const auto code = parser.parse(padded).get(root); code != simdjson::SUCCESS) {
    const std::string reason = code == simdjson::DEPTH_ERROR
                                   ? fmt::format("nested deeper than {} levels {}", kDeepest,
                                                 place_of(json, too_deep_at(json, kDeepest)))
                                   : syntax_error(json, code);
    return failure(fmt::format("{}: not a JSON document that can be read: {}", file, reason));
  }
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS)
    return failure(fmt::format("{}: at /: a workload is a JSON object", file));

  std::optional<Error> error;
  ObjectReader top(object, "", file, error);
  Profile profile;
  std::string schema;
  top.text("schema", schema, true);
  if (schema != "millrace.workload/1")
    top.fail("schema", fmt::format("is '{}', but this version reads 'millrace.workload/1'", schema));
  top.text("model", profile.model, true);
  if (!is_plain_name(profile.model, true))
    top.fail("model", "must be small letters, digits, '-', '_' and '.'");
  std::string kind(name_of(profile.kind));
  top.text("kind", kind);
  if (kind != name_of(Kind::kTrainingInput))
    top.fail("kind", fmt::format("'{}' is unknown", kind), "known: training-input");
  top.text("description", profile.description);
  top.text("source", profile.source);
  top.number("utilization_wanted", profile.utilization_wanted, 0, 1);
  if (const auto input = top.object("input")) {
    ObjectReader reader(*input, "/input", file, error);
    read_input(reader, profile.input);
  }

  std::vector<Profile> profiles;
  if (const auto accelerators = top.object("accelerators")) {
    for (const auto& [key, value] : *accelerators) {
      const std::string name(key);
      Profile& one = profiles.emplace_back(profile);
      one.accelerator = name;
      one.name = profile.model + "-" + name;
      ObjectReader list(*accelerators, "/accelerators", file, error);
      if (!is_plain_name(name, false)) list.fail(name, "must be small letters and digits");
      if (const auto figures = list.object(name)) {
        ObjectReader reader(*figures, "/accelerators/" + name, file, error);
        reader.number("compute_s", one.compute_s, 0, 86400, true);
        reader.number("utilization_wanted", one.utilization_wanted, 0, 1);
        reader.finish();
      }
      if (error) break;
    }
    if (profiles.empty()) top.fail("accelerators", "names none");
  }
  top.finish();
  if (error) return tl::unexpected<Error>(std::move(*error));
  return profiles;
}

}  // namespace millrace::workload
