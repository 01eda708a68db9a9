// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "record/coarsen.hpp"
#include "record/document.hpp"
#include "record/fields_document.hpp"
#include "record/journal_lines.hpp"

namespace millrace::record {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kReplaceBadUtf8 = Json::error_handler_t::replace;
constexpr std::size_t kLineWidth = 110;

// Where the writer is, and the first required number on its way that was not finite.
struct Trail {
  std::vector<std::string_view> keys;
  std::string not_finite;
};

template <typename T>
Json json_of(const T& value, Trail& trail);

class ObjectWriter {
 public:
  ObjectWriter(Json& out, Trail& trail) : out_(out), trail_(trail) {}

  template <typename T>
  void required(const char* key, const T& value) {
    trail_.keys.emplace_back(key);
    out_.emplace(key, json_of(value, trail_));
    trail_.keys.pop_back();
  }
  template <typename T>
  void optional(const char* key, const T& value) {
    required(key, value);
  }
  template <typename T>
  void when_known(const char* key, const std::optional<T>& value) {
    if (value) required(key, *value);
  }
  void nullable(const char* key, double value) {
    out_.emplace(key, std::isfinite(value) ? Json(value) : Json());
  }
  void one_of(const char* key, const std::string& value, std::initializer_list<std::string_view>) {
    out_.emplace(key, value);
  }
  template <typename Function>
  void group(const char* key, const Function& function) {
    Json object = Json::object();
    ObjectWriter inner(object, trail_);
    function(inner);
    out_.emplace(key, std::move(object));
  }

 private:
  Json& out_;
  Trail& trail_;
};

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json leaf(bool value, Trail&) { return value; }
Json leaf(int value, Trail&) { return value; }
Json leaf(std::int64_t value, Trail&) { return value; }
Json leaf(std::uint64_t value, Trail&) { return value; }
Json leaf(const std::string& value, Trail&) { return value; }
Json leaf(double value, Trail& trail) {
  if (std::isfinite(value)) return value;
  if (trail.not_finite.empty()) trail.not_finite = fmt::format("{}", fmt::join(trail.keys, "."));
  return 0.0;
}

template <typename T>
Json leaf(const std::optional<T>& value, Trail& trail) {
  if constexpr (std::same_as<T, double>) return value ? number_or_null(*value) : Json();
  return value ? json_of(*value, trail) : Json();
}

template <typename T>
Json leaf(const std::vector<T>& values, Trail& trail) {
  Json array = Json::array();
  array.get_ref<Json::array_t&>().reserve(values.size());
  for (const T& value : values) array.push_back(json_of(value, trail));
  return array;
}

Json leaf(const std::pair<std::uint32_t, std::uint64_t>& bucket, Trail&) {
  return Json::array({bucket.first, bucket.second});
}

template <typename T>
Json leaf(const std::map<std::string, T>& values, Trail& trail) {
  Json object = Json::object();
  for (const auto& [key, value] : values) {
    if constexpr (std::same_as<T, double>) {
      object.emplace(key, number_or_null(value));
    } else {
      object.emplace(key, json_of(value, trail));
    }
  }
  return object;
}

Json leaf(const ParameterValue& value, Trail&) {
  if (const double* number = std::get_if<double>(&value)) return number_or_null(*number);
  return std::visit([](const auto& held) { return Json(held); }, value);
}

Json leaf(const Slices& slices, Trail& trail);
Json leaf(const Measurement& measurement, Trail& trail);

template <typename T>
Json object_of(const T& value, Trail& trail) {
  Json object = Json::object();
  ObjectWriter writer(object, trail);
  fields(writer, value);
  return object;
}

template <typename T>
Json json_of(const T& value, Trail& trail) {
  if constexpr (requires { leaf(value, trail); }) {
    return leaf(value, trail);
  } else {
    return object_of(value, trail);
  }
}

Json leaf(const Slices& slices, Trail& trail) { return object_of(coarsen(slices, kMaxSlices), trail); }

// A number that is not finite has no place in JSON, and a rate that is none is no measurement: it is written
// as a failed one, so that the document stays readable and the lie is seen.
Json leaf(const Measurement& measurement, Trail&) {
  Trail own;
  Json object = object_of(measurement, own);
  if (!own.not_finite.empty() && measurement.status == "ok") {
    object["status"] = "failed";
    object["reason"] = fmt::format("the probe reported a number that is not finite: {}", own.not_finite);
  }
  return object;
}

template <typename T>
Json with_schema(const char* schema, const T& value) {
  Json object = {{"schema", schema}};
  Trail trail;
  ObjectWriter writer(object, trail);
  fields(writer, value);
  return object;
}

std::string one_line(const Json& value) { return value.dump(-1, ' ', false, kReplaceBadUtf8); }

// Pretty-printed for people and for diff: a container that fits on a line stands on one, and so does every
// array of numbers or of pairs of numbers, however long (a thousand slices, a histogram's buckets).
class Printer {
 public:
  std::string take() && { return std::move(out_); }

  void print(const Json& value, std::size_t indent, std::size_t column) {
    const std::size_t begin = out_.size();
    const std::size_t room =
        all_numbers(value) ? std::string::npos : kLineWidth - std::min(kLineWidth, column);
    if (print_inline(value, begin, room)) return;
    out_.resize(begin);
    const bool object = value.is_object();
    out_ += object ? '{' : '[';
    const char* separator = "\n";
    for (auto item = value.begin(); item != value.end(); ++item) {
      out_ += separator;
      separator = ",\n";
      const std::size_t line = out_.size();
      out_.append(indent + 2, ' ');
      if (object) print_key(item.key());
      print(item.value(), indent + 2, out_.size() - line + 1);  // the comma
    }
    out_ += '\n';
    out_.append(indent, ' ');
    out_ += object ? '}' : ']';
  }

 private:
  static bool all_numbers(const Json& value) {
    if (!value.is_array()) return false;
    for (const Json& item : value) {
      if (!item.is_number() && !all_numbers(item)) return false;
    }
    return true;
  }

  void print_key(const std::string& key) {
    out_ += one_line(key);
    out_ += ": ";
  }

  // False as soon as more than `room` bytes follow `begin`.
  bool print_inline(const Json& value, std::size_t begin, std::size_t room) {
    if (!value.is_structured()) {
      out_ += one_line(value);
    } else {
      const bool object = value.is_object();
      out_ += object ? '{' : '[';
      const char* separator = "";
      for (auto item = value.begin(); item != value.end(); ++item) {
        out_ += separator;
        separator = ", ";
        if (object) print_key(item.key());
        if (!print_inline(item.value(), begin, room)) return false;
      }
      out_ += object ? '}' : ']';
    }
    return room == std::string::npos || out_.size() - begin <= room || !value.is_structured();
  }

  std::string out_;
};

std::string pretty(const Json& value) {
  Printer printer;
  printer.print(value, 0, kLineWidth);  // the document itself never goes on one line
  return std::move(printer).take() + "\n";
}

}  // namespace

std::string to_json(const Document& document) { return pretty(with_schema(kSchema, document)); }

std::string to_json_line(const Measurement& measurement) {
  Trail trail;
  return one_line(leaf(measurement, trail));
}

std::string topology_to_json(const topology::Machine& machine,
                             const std::vector<topology::Finding>& findings) {
  Json object = {{"schema", kTopologySchema}};
  Trail trail;
  ObjectWriter writer(object, trail);
  const std::vector<topology::HostFacts> hosts = {machine.host};
  topology_fields(writer, hosts, machine.graph, findings);
  return pretty(object);
}

std::string header_line(const JournalHeader& header) { return one_line(with_schema(kJournalSchema, header)); }

std::string measurement_line(const Measurement& measurement) {
  return fmt::format(R"({{"measurement":{}}})", to_json_line(measurement));
}

std::string temporary_line(const std::filesystem::path& path) {
  try {
    return Json{{"temporary", path.native()}}.dump();
  } catch (const Json::type_error&) {  // not UTF-8
    std::string hex;
    for (const char byte : path.native()) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return Json{{"temporary_hex", hex}}.dump();
  }
}

std::string end_line() { return R"({"end":true})"; }

}  // namespace millrace::record
