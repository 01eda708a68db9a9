// SPDX-License-Identifier: Apache-2.0
#include "record/read_json.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <concepts>
#include <initializer_list>
#include <limits>

#include "record/broken_rule.hpp"
#include "record/document.hpp"
#include "record/fields_document.hpp"
#include "record/journal_lines.hpp"
#include "record/place.hpp"
#include "record/read_file.hpp"
#include "record/references.hpp"
#include "record/syntax_fault.hpp"

namespace millrace::record {
namespace {

namespace dom = simdjson::dom;
static_assert(FileText::kPadding >= simdjson::SIMDJSON_PADDING);

std::string kind_of(dom::element element) {
  switch (element.type()) {
    case dom::element_type::ARRAY:
      return "an array";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::STRING:
      return "a string";
    case dom::element_type::BOOL:
      return "true or false";
    case dom::element_type::NULL_VALUE:
      return "null";
    default:
      return "the number " + std::string(simdjson::minify(element));
  }
}

void wrong_type(const char* wanted, dom::element element, const Place& place, Faults& faults) {
  faults.add(place, fmt::format("wants {}, but is {}", wanted, kind_of(element)));
}

template <typename T>
void read(dom::element element, T& out, const Place& place, Faults& faults);

// The keys of one object. Documents have them in the order in which they are asked for, so the next one is
// looked at first; only where the order differs the object is searched.
class ObjectReader {
 public:
  ObjectReader(dom::object object, const Place& place, Faults& faults)
      : object_(object), next_(object.begin()), place_(place), faults_(faults) {}

  template <typename T>
  void required(const char* key, T& out) {
    if (dom::element element; find_required(key, element)) read(element, out, Place{&place_, key}, faults_);
  }
  template <typename T>
  void optional(const char* key, T& out) {
    if (dom::element element; !faults_ && find(key, element))
      read(element, out, Place{&place_, key}, faults_);
  }
  template <typename T>
  void when_known(const char* key, std::optional<T>& out) {
    optional(key, out);
  }
  void nullable(const char* key, double& out) {
    dom::element element;
    if (!find_required(key, element)) return;
    if (element.is_null()) {
      out = std::numeric_limits<double>::quiet_NaN();
    } else {
      read(element, out, Place{&place_, key}, faults_);
    }
  }
  void one_of(const char* key, std::string& out, std::initializer_list<std::string_view> words) {
    required(key, out);
    if (faults_ || std::find(words.begin(), words.end(), out) != words.end()) return;
    faults_.add(Place{&place_, key}, fmt::format("\"{}\" is none of: {}", out, fmt::join(words, ", ")));
  }
  template <typename Function>
  void group(const char* key, const Function& function) {
    dom::element element;
    if (!find_required(key, element)) return;
    const Place place{&place_, key};
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return wrong_type("an object", element, place, faults_);
    ObjectReader inner(object, place, faults_);
    function(inner);
  }

 private:
  bool find(std::string_view key, dom::element& out) {
    if (next_ == object_.end() || next_.key() != key) {
      next_ = object_.begin();
      while (next_ != object_.end() && next_.key() != key) ++next_;
    }
    if (next_ == object_.end()) return false;
    out = next_.value();
    ++next_;
    return true;
  }
  bool find_required(const char* key, dom::element& out) {
    if (faults_) return false;
    if (find(key, out)) return true;
    faults_.add(place_, fmt::format("the key \"{}\" is missing", key));
    return false;
  }

  dom::object object_;
  dom::object::iterator next_;
  const Place& place_;
  Faults& faults_;
};

void convert(dom::element element, bool& out, const Place& place, Faults& faults) {
  if (element.get(out) != simdjson::SUCCESS) wrong_type("true or false", element, place, faults);
}

void convert(dom::element element, double& out, const Place& place, Faults& faults) {
  if (element.get(out) != simdjson::SUCCESS) wrong_type("a number", element, place, faults);
}

void convert(dom::element element, std::string& out, const Place& place, Faults& faults) {
  std::string_view text;
  if (element.get(text) != simdjson::SUCCESS) return wrong_type("a string", element, place, faults);
  out = text;
}

void convert(dom::element element, std::int64_t& out, const Place& place, Faults& faults) {
  if (element.get(out) != simdjson::SUCCESS) wrong_type("a whole number of 64 bits", element, place, faults);
}

void convert(dom::element element, std::uint64_t& out, const Place& place, Faults& faults) {
  if (element.get(out) != simdjson::SUCCESS) {
    wrong_type("a whole number from 0 to 2^64 - 1", element, place, faults);
  }
}

void convert(dom::element element, int& out, const Place& place, Faults& faults) {
  std::int64_t wide = 0;
  if (element.get(wide) != simdjson::SUCCESS || wide < 0 || wide > std::numeric_limits<int>::max()) {
    return wrong_type("a whole number from 0 to 2^31 - 1", element, place, faults);
  }
  out = static_cast<int>(wide);
}

void convert(dom::element element, std::pair<std::uint32_t, std::uint64_t>& out, const Place& place,
             Faults& faults) {
  dom::array pair;
  std::uint64_t index = 0;
  if (element.get(pair) != simdjson::SUCCESS || pair.size() != 2 ||
      pair.at(0).get(index) != simdjson::SUCCESS || index > std::numeric_limits<std::uint32_t>::max() ||
      pair.at(1).get(out.second) != simdjson::SUCCESS) {
    return faults.add(place, "wants [index, count], two whole numbers of at least 0");
  }
  out.first = static_cast<std::uint32_t>(index);
}

void convert(dom::element element, ParameterValue& out, const Place& place, Faults& faults) {
  switch (element.type()) {
    case dom::element_type::BOOL:
      out = bool{element};
      return;
    case dom::element_type::INT64:
      out = std::int64_t{element};
      return;
    case dom::element_type::DOUBLE:
      out = double{element};
      return;
    case dom::element_type::STRING:
      out = std::string(std::string_view{element});
      return;
    case dom::element_type::NULL_VALUE:
      out = std::numeric_limits<double>::quiet_NaN();
      return;
    default:
      wrong_type("a string, a number of at most 2^63 - 1, true or false", element, place, faults);
  }
}

template <typename T>
void convert(dom::element element, std::optional<T>& out, const Place& place, Faults& faults) {
  if (element.is_null()) {
    out.reset();
  } else {
    read(element, out.emplace(), place, faults);
  }
}

template <typename T>
void convert(dom::element element, std::vector<T>& out, const Place& place, Faults& faults) {
  dom::array array;
  if (element.get(array) != simdjson::SUCCESS) return wrong_type("an array", element, place, faults);
  out.clear();
  out.reserve(array.size());
  for (const dom::element item : array) {
    const Place here{&place, {}, out.size()};
    read(item, out.emplace_back(), here, faults);
    if (faults) return;
  }
}

template <typename T>
void convert(dom::element element, std::map<std::string, T>& out, const Place& place, Faults& faults) {
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return wrong_type("an object", element, place, faults);
  out.clear();
  for (const dom::key_value_pair field : object) {
    T& value = out.emplace_hint(out.end(), field.key, T{})->second;  // written in order, so the hint is right
    if constexpr (std::same_as<T, double>) {
      if (field.value.is_null()) {
        value = std::numeric_limits<double>::quiet_NaN();
        continue;
      }
    }
    read(field.value, value, Place{&place, field.key}, faults);
    if (faults) return;
  }
}

template <typename T>
void read(dom::element element, T& out, const Place& place, Faults& faults) {
  if constexpr (requires { convert(element, out, place, faults); }) {
    convert(element, out, place, faults);
  } else {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return wrong_type("an object", element, place, faults);
    ObjectReader reader(object, place, faults);
    fields(reader, out);
    if constexpr (requires { broken_rule(out); }) {
      if (faults) return;
      if (std::string rule = broken_rule(out); !rule.empty()) faults.add(place, std::move(rule));
    }
  }
}

// The place of the whole document, whose JSON pointer is "", which shows nothing.
constexpr const char* kTop = "at the top level";

std::string with_place(std::string_view name, const Fault& fault) {
  return fmt::format("{}: {}: {}", name, fault.pointer.empty() ? kTop : fault.pointer, fault.reason);
}

// The text as simdjson's tree; the parser owns it.
Result<dom::object> parse_object(dom::parser& parser, std::string_view json, Padding padding,
                                 std::string_view name) {
  if (json.starts_with("\xEF\xBB\xBF")) json.remove_prefix(3);  // a byte-order mark, as some editors leave
  simdjson::error_code error = parser.allocate(std::max<std::size_t>(json.size(), 64), kMaxDepth + 1);
  dom::element root;
  if (error == simdjson::SUCCESS) {
    error = parser.parse(json.data(), json.size(), padding == Padding::kNone).get(root);
  }
  if (error == simdjson::EMPTY) return failure(fmt::format("{}: is empty", name));
  if (error == simdjson::CAPACITY) return failure(fmt::format("{}: more than 4 GiB of JSON", name));
  if (error == simdjson::MEMALLOC)
    return failure(fmt::format("{}: no memory to parse {} bytes", name, json.size()));
  if (error != simdjson::SUCCESS) {
    const SyntaxFault fault = find_syntax_fault(json, kMaxDepth, simdjson::error_message(error));
    return failure(
        fmt::format("{}:{}:{} (byte {}): {}", name, fault.line, fault.column, fault.offset, fault.reason),
        fault.offset >= json.size() ? "the file was cut off: take it from its source again" : "");
  }
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    return failure(fmt::format("{}: {}: wants an object, but is {}", name, kTop, kind_of(root)));
  }
  return object;
}

// Fails unless the document is of a schema and version that this millrace reads.
Result<std::string_view> schema_of(dom::object object, std::string_view name,
                                   std::initializer_list<std::string_view> known) {
  std::string_view schema;
  if (object.at_key("schema").get(schema) != simdjson::SUCCESS) {
    return failure(fmt::format("{}: {}: has no \"schema\": it is no Millrace document", name, kTop));
  }
  if (std::find(known.begin(), known.end(), schema) != known.end()) return schema;
  for (const std::string_view ours : known) {
    if (schema.substr(0, schema.find('/')) == ours.substr(0, ours.find('/'))) {
      return failure(fmt::format("{}: /schema: is {}, and this millrace reads {}", name, schema, ours),
                     "use the millrace that wrote it, or a newer one");
    }
  }
  return failure(fmt::format("{}: /schema: \"{}\" is not {}", name, schema, fmt::join(known, " or ")));
}

template <typename T>
Result<T> read_fields(dom::object object, std::string_view name) {
  T out;
  Faults faults;
  const Place root;
  ObjectReader reader(object, root, faults);
  fields(reader, out);
  if constexpr (requires { broken_rule(out); }) {
    if (std::string rule = faults ? "" : broken_rule(out); !rule.empty()) faults.add(root, std::move(rule));
  }
  if (faults) return failure(with_place(name, *faults.first()));
  return out;
}

Result<Document> read_topology_fields(dom::object object, std::string_view name) {
  Document out;
  Faults faults;
  const Place root;
  ObjectReader reader(object, root, faults);
  topology_fields(reader, out.hosts, out.topology, out.findings);
  if (faults) return failure(with_place(name, *faults.first()));
  return out;
}

std::optional<std::string> bytes_of_hex(std::string_view hex) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string bytes;
  if (hex.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace

Result<Document> parse_document(std::string_view json, Padding padding, std::string_view name) {
  dom::parser parser;
  const Result<dom::object> object = parse_object(parser, json, padding, name);
  if (!object) return tl::unexpected(object.error());
  const Result<std::string_view> schema = schema_of(*object, name, {kSchema, kTopologySchema});
  if (!schema) return tl::unexpected(schema.error());
  Result<Document> document =
      *schema == kSchema ? read_fields<Document>(*object, name) : read_topology_fields(*object, name);
  if (!document) return document;
  if (const auto fault = check_references(*document)) return failure(with_place(name, *fault));
  return document;
}

Result<Document> parse_document(std::string_view json, std::string_view name) {
  return parse_document(json, Padding::kNone, name);
}

Result<Document> read_document(const std::filesystem::path& file) {
  const Result<FileText> text = read_file(file);
  if (!text) return tl::unexpected(text.error());
  return parse_document(text->text(), Padding::kPresent, file.native());
}

Result<Measurement> parse_measurement(std::string_view json, std::string_view name) {
  dom::parser parser;
  const Result<dom::object> object = parse_object(parser, json, Padding::kNone, name);
  if (!object) return tl::unexpected(object.error());
  return read_fields<Measurement>(*object, name);
}

Result<JournalHeader> parse_header_line(std::string_view json, Padding padding, std::string_view name) {
  dom::parser parser;
  const Result<dom::object> object = parse_object(parser, json, padding, name);
  if (!object) return tl::unexpected(object.error());
  const Result<std::string_view> schema = schema_of(*object, name, {kJournalSchema});
  if (!schema) return tl::unexpected(schema.error());
  Result<JournalHeader> header = read_fields<JournalHeader>(*object, name);
  if (header) header->document.complete = false;
  return header;
}

Result<JournalLine> parse_journal_line(std::string_view json, Padding padding, std::string_view name) {
  dom::parser parser;
  const Result<dom::object> object = parse_object(parser, json, padding, name);
  if (!object) return tl::unexpected(object.error());
  JournalLine line;
  Faults faults;
  const Place root;
  ObjectReader reader(*object, root, faults);
  std::optional<std::string> path, hex;
  reader.optional("measurement", line.measurement);
  reader.optional("temporary", path);
  reader.optional("temporary_hex", hex);
  reader.optional("end", line.end);
  if (hex && !faults && !(path = bytes_of_hex(*hex))) {
    faults.add(Place{&root, "temporary_hex"}, "is not pairs of hexadecimal digits");
  }
  if (path) line.temporary = *path;
  if (!line.measurement && !line.temporary && !line.end) {
    faults.add(root, "holds none of measurement, temporary and end");
  }
  if (faults) return failure(with_place(name, *faults.first()));
  return line;
}

}  // namespace millrace::record
