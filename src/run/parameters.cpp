// SPDX-License-Identifier: Apache-2.0
#include "run/parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <system_error>

#include "run/numeric_address.hpp"
#include "units/nearest_name.hpp"
#include "units/quantity.hpp"

namespace millrace::run {
namespace {

Result<std::string> canonical_number(const ParameterSpec& spec, const std::string& text) {
  switch (spec.kind) {
    case MILLRACE_BYTES:
      return parse_bytes(text).map([](Bytes b) { return std::to_string(b.value); });
    case MILLRACE_COUNT:
      return parse_count(text).map([](std::uint64_t n) { return std::to_string(n); });
    case MILLRACE_DURATION:
      return parse_duration(text).map([](Duration d) { return std::to_string(d.ns); });
    case MILLRACE_RATE:
      return parse_rate(text).map([](BytesPerSecond r) { return fmt::format("{:.0f}", r.value); });
    default: {
      double value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
        return failure(fmt::format("'{}' is no number", text), "for example 0.5");
      return fmt::format("{}", value);
    }
  }
}

double number(const std::string& canonical) {
  double value = 0;
  std::from_chars(canonical.data(), canonical.data() + canonical.size(), value);
  return value;
}

// As a person would type it.
std::string bound(const ParameterSpec& spec, double value) {
  switch (spec.kind) {
    case MILLRACE_BYTES: {
      const auto bytes = static_cast<std::uint64_t>(value);
      return bytes % 1000 == 0 ? to_si({bytes}) : to_binary({bytes});
    }
    case MILLRACE_DURATION:
      return to_text(Duration{static_cast<std::int64_t>(value)});
    case MILLRACE_RATE:
      return to_text(BytesPerSecond{value});
    default:
      return fmt::format("{:.12g}", value);
  }
}

Result<std::string> canonical_choice(const ParameterSpec& spec, const std::string& text) {
  if (std::find(spec.choices.begin(), spec.choices.end(), text) != spec.choices.end()) return text;
  const auto nearest = nearest_name(text, spec.choices);
  return failure(fmt::format("'{}' is none of {}", text, fmt::join(spec.choices, ", ")),
                 nearest ? fmt::format("did you mean '{}'?", *nearest) : "");
}

Result<std::string> canonical_flag(const std::string& text) {
  for (const char* yes : {"on", "true", "yes", "1"})
    if (text == yes) return "1";
  for (const char* no : {"off", "false", "no", "0"})
    if (text == no) return "0";
  return failure(fmt::format("'{}' is neither on nor off", text));
}

Result<std::string> canonical(const ParameterSpec& spec, const std::string& text) {
  switch (spec.kind) {
    case MILLRACE_CHOICE:
      return canonical_choice(spec, text);
    case MILLRACE_FLAG:
      return canonical_flag(text);
    case MILLRACE_PATH:
      if (text.empty()) return failure("the path is empty");
      if (spec.repeatable && text.find(':') != std::string::npos)
        return failure(fmt::format("'{}': a path with ':' in it cannot be given here", text),
                       "use a link to it");
      return text;
    case MILLRACE_TEXT:
      return text;
    case MILLRACE_ADDRESS:
      return numeric_address(text);
    default: {
      auto value = canonical_number(spec, text);
      if (!value || (spec.minimum == 0 && spec.maximum == 0)) return value;
      if (number(*value) < spec.minimum || number(*value) > spec.maximum)
        return failure(fmt::format("{} is out of bounds", text),
                       fmt::format("from {} to {}", bound(spec, spec.minimum), bound(spec, spec.maximum)));
      return value;
    }
  }
}

Result<std::string> named(const ProbeInfo& probe, const ParameterSpec& spec, const std::string& text) {
  return canonical(spec, text).map_error([&](Error error) {
    error.what = fmt::format("--{} of {}: {}", spec.name, probe.name, error.what);
    return error;
  });
}

const ParameterSpec* find_spec(const ProbeInfo& probe, const std::string& name) {
  const auto found = std::find_if(probe.parameters.begin(), probe.parameters.end(),
                                  [&](const ParameterSpec& spec) { return spec.name == name; });
  return found == probe.parameters.end() ? nullptr : &*found;
}

// Of one path or several (Host::list): a record is read elsewhere, where "." is another folder.
std::string absolute(const std::string& paths) {
  std::string all;
  for (std::size_t at = 0; at <= paths.size();) {
    const std::size_t end = std::min(paths.find(':', at), paths.size());
    std::error_code error;
    std::filesystem::path path =
        std::filesystem::absolute(paths.substr(at, end - at), error).lexically_normal();
    if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();  // "/data/" and "."
    all += (at == 0 ? "" : ":") + path.string();
    at = end + 1;
  }
  return all;
}

record::ParameterValue value_of(int kind, const std::string& text) {
  switch (kind) {
    case MILLRACE_BYTES:
    case MILLRACE_COUNT: {
      std::int64_t value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      return value;
    }
    case MILLRACE_DURATION:
      return number(text) * 1e-9;
    case MILLRACE_RATE:
    case MILLRACE_REAL:
      return number(text);
    case MILLRACE_FLAG:
      return text == "1";
    case MILLRACE_PATH:
      return absolute(text);
    default:
      return text;
  }
}

Error unknown(const ProbeInfo& probe, const std::string& name) {
  std::vector<std::string> names;
  for (const ParameterSpec& spec : probe.parameters) names.push_back(spec.name);
  const auto nearest = nearest_name(name, names);
  return {fmt::format("{} has no parameter --{}", probe.name, name),
          nearest ? fmt::format("did you mean --{}? `millrace probes {}` lists them", *nearest, probe.name)
                  : fmt::format("`millrace probes {}` lists them", probe.name)};
}

}  // namespace

Result<Parameters> read_parameters(const ProbeInfo& probe,
                                   const std::vector<std::pair<std::string, std::string>>& given) {
  Parameters parameters;
  for (const auto& [name, text] : given) {
    const ParameterSpec* spec = find_spec(probe, name);
    if (spec == nullptr) return tl::unexpected(unknown(probe, name));
    auto value = named(probe, *spec, text);
    if (!value) return tl::unexpected(value.error());
    const auto [at, fresh] = parameters.emplace(name, *value);
    if (fresh) continue;
    if (!spec->repeatable) return failure(fmt::format("--{} is given twice", name), "give it once");
    at->second += ":" + *value;
  }
  for (const ParameterSpec& spec : probe.parameters) {
    if (parameters.contains(spec.name)) continue;
    if (spec.required) return failure(fmt::format("{} needs --{}", probe.name, spec.name), spec.help);
    std::string value;
    if (!spec.default_value.empty()) {
      auto made = named(probe, spec, spec.default_value);
      if (!made) return tl::unexpected(made.error());
      value = *made;
    }
    parameters.emplace(spec.name, value);
  }
  return parameters;
}

std::map<std::string, record::ParameterValue> to_record(const ProbeInfo& probe,
                                                        const Parameters& parameters) {
  std::map<std::string, record::ParameterValue> values;
  for (const ParameterSpec& spec : probe.parameters) {
    const auto found = parameters.find(spec.name);
    if (found != parameters.end() && !found->second.empty())
      values[spec.name] = value_of(spec.kind, found->second);
  }
  return values;
}

void add_resolved(const ProbeInfo& probe, const std::string& name, const std::vector<std::string>& texts,
                  std::map<std::string, record::ParameterValue>& values) {
  if (texts.empty()) return;
  const ParameterSpec* spec = find_spec(probe, name);
  if (texts.size() == 1)
    values[name] = value_of(spec == nullptr ? MILLRACE_TEXT : spec->kind, texts.front());
  else
    values[name] = fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace millrace::run
