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

#include "workload/object_reader.hpp"
#include "workload/parse_sections.hpp"
#include "workload/profile.hpp"

namespace millrace::workload {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kDeepest = 16;

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

const std::vector<std::string> kKindWords{"training-input", "pretrain",   "finetune", "checkpoint",
                                          "restore",        "cold-start", "serve",    "mix"};

bool is_training(Kind kind) { return kind == Kind::kPretrain || kind == Kind::kFinetune; }

// The sections of one use, on top of what the file shares among its uses.
void read_use(ObjectReader& reader, Profile& profile) {
  reader.text("description", profile.description);
  reader.text("source", profile.source);
  reader.number("utilization_wanted", profile.utilization_wanted, 0, 1);
  const Kind kind = profile.kind;
  const bool language = profile.shape.parameters > 0;
  if (is_training(kind)) {
    if (!language) reader.fail("kind", "needs a shape in the file: training is computed from it");
    if (const auto training = reader.object("training"))
      read_training(reader.below("training", *training), profile.shape, profile.training);
  }
  if (is_training(kind) || kind == Kind::kCheckpoint || kind == Kind::kRestore) {
    if (!language) reader.fail("kind", "needs a shape in the file: its parameters are what is saved");
    // Without a section the one that the file shares stands, if any.
    const bool shared = profile.checkpoint.write_bytes_per_s > 0;
    if (const auto checkpoint = reader.object("checkpoint", !shared && !is_training(kind))) {
      profile.checkpoint = Checkpoint();  // one of its own takes nothing from the shared one
      read_checkpoint(reader.below("checkpoint", *checkpoint), profile.checkpoint);
    }
  }
  if (kind == Kind::kColdStart)
    if (const auto loading = reader.object("loading"))
      read_loading(reader.below("loading", *loading), profile.shape, profile.loading);
  if (kind == Kind::kServe)
    if (const auto serving = reader.object("serving"))
      read_serving(reader.below("serving", *serving), profile.shape, profile.serving);
}

void read_figures(ObjectReader& reader, const std::string& name, Profile& profile) {
  const auto known = known_accelerator(name);
  Accelerator& figures = profile.figures;
  if (known) figures = *known;
  figures.name = name;
  const bool required = !known;
  reader.number("peak_flops_per_s", figures.peak_flops_per_s, 0, 1e21, required);
  reader.number("memory_bytes", figures.memory_bytes, 0, 1e18, required);
  reader.number("memory_bytes_per_s", figures.memory_bytes_per_s, 0, 1e18, required);
  reader.number("host_copy_bytes_per_s", figures.host_copy_bytes_per_s, 0, 1e18, required);
  reader.text("source", figures.source);
  reader.number("mfu", profile.training.mfu, 0, 1);
  reader.number("mfu", profile.serving.mfu, 0, 1);
  reader.count("replica_ranks", profile.loading.replica_ranks, 100'000);
  reader.count("replica_ranks", profile.serving.replica_ranks, 100'000);
}

// Whether an accelerator of the file stands for this use: "uses" of the accelerator names those that it is
// for.
bool is_for(ObjectReader& reader, const std::string& use) {
  const std::vector<std::string> uses = reader.words("uses");
  return uses.empty() || std::find(uses.begin(), uses.end(), use) != uses.end();
}

// One profile for each accelerator of the file.
void for_accelerators(ObjectReader& top, const Profile& shared, std::string_view file,
                      std::optional<Error>& error, std::vector<Profile>& into) {
  const auto accelerators = top.object("accelerators");
  if (!accelerators) return;
  const std::size_t before = into.size();
  for (const auto& [key, value] : *accelerators) {
    const std::string name(key);
    Profile& one = into.emplace_back(shared);
    one.accelerator = name;
    one.name = fmt::format("{}{}{}-{}", shared.model, shared.use.empty() ? "" : "-", shared.use, name);
    ObjectReader list(*accelerators, "/accelerators", file, error);
    if (!is_plain_name(name, false)) list.fail(name, "must be small letters and digits");
    if (const auto figures = list.object(name)) {
      ObjectReader reader = list.below(name, *figures);
      if (shared.kind == Kind::kTrainingInput) {
        reader.number("compute_s", one.compute_s, 0, 86400, true);
        reader.number("utilization_wanted", one.utilization_wanted, 0, 1);
      } else if (shared.kind != Kind::kMix) {
        read_figures(reader, name, one);
        if (!is_for(reader, shared.use)) into.pop_back();
      }
      reader.finish();
    }
    if (error) return;
  }
  if (into.size() == before)
    top.fail("accelerators",
             shared.use.empty() ? "names none" : fmt::format("names none for '{}'", shared.use));
}

Kind read_kind(ObjectReader& reader, Kind otherwise, bool within_uses) {
  std::string name(name_of(otherwise));
  reader.word("kind", name, kKindWords);
  const Kind kind = kind_of(name).value_or(otherwise);
  const bool alone = kind == Kind::kTrainingInput || kind == Kind::kMix;
  if (within_uses && alone) reader.fail("kind", fmt::format("'{}' is no use among others", name));
  return kind;
}

// "uses": {NAME: {…}}. A use is of the kind that it is named after, or says its kind.
void read_uses(ObjectReader& top, const Profile& shared, std::string_view file, std::optional<Error>& error,
               std::vector<Profile>& into) {
  const auto uses = top.object("uses");
  if (!uses) return;
  for (const auto& [key, value] : *uses) {
    Profile profile = shared;
    profile.use = std::string(key);
    ObjectReader list(*uses, "/uses", file, error);
    if (!is_plain_name(profile.use, true))
      list.fail(profile.use, "must be small letters, digits, '-', '_' and '.'");
    if (const auto section = list.object(profile.use)) {
      ObjectReader reader = list.below(profile.use, *section);
      const auto own = kind_of(profile.use);
      if (!own && !reader.has("kind"))
        reader.fail("kind", fmt::format("is missing: '{}' is none by itself", profile.use),
                    fmt::format("known: {}", fmt::join(kKindWords, ", ")));
      profile.kind = read_kind(reader, own.value_or(Kind::kServe), true);
      read_use(reader, profile);
      reader.finish();
    }
    if (error) return;
    for_accelerators(top, profile, file, error, into);
    if (error) return;
  }
  if (into.empty()) top.fail("uses", "names none");
}

Result<dom::element> read_json(std::string_view json, std::string_view file, dom::parser& parser) {
  if (json.size() > kLargestFile)
    return failure(
        fmt::format("{}: at byte {}: a workload file holds at most 1 MiB, this one more", file, kLargestFile),
        "is it a workload file?");
  if (parser.allocate(kLargestFile + 1, kDeepest + 1) != simdjson::SUCCESS)
    return failure(fmt::format("{}: no memory to read it", file));
  const simdjson::padded_string padded(json);
  dom::element root;
  const auto code = parser.parse(padded).get(root);
  if (code == simdjson::SUCCESS) return root;
  const std::string reason = code == simdjson::DEPTH_ERROR
                                 ? fmt::format("nested deeper than {} levels {}", kDeepest,
                                               place_of(json, too_deep_at(json, kDeepest)))
                                 : syntax_error(json, code);
  return failure(fmt::format("{}: not a JSON document that can be read: {}", file, reason));
}

}  // namespace

Result<std::vector<Profile>> parse(std::string_view json, std::string_view file) {
  dom::parser parser(kLargestFile + 1);
  const auto root = read_json(json, file, parser);
  if (!root) return tl::unexpected(root.error());
  dom::object object;
  if (root->get(object) != simdjson::SUCCESS)
    return failure(fmt::format("{}: at /: a workload is a JSON object", file));

  std::optional<Error> error;
  ObjectReader top(object, "", file, error);
  Profile profile;
  std::vector<Profile> profiles;
  std::string schema;
  top.text("schema", schema, true);
  if (schema != "millrace.workload/1")
    top.fail("schema", fmt::format("is '{}', but this version reads 'millrace.workload/1'", schema));
  top.text("model", profile.model, true);
  if (!is_plain_name(profile.model, true))
    top.fail("model", "must be small letters, digits, '-', '_' and '.'");
  top.text("description", profile.description);
  top.text("source", profile.source);
  top.number("utilization_wanted", profile.utilization_wanted, 0, 1);
  if (top.has("uses")) {
    if (const auto shape = top.object("shape", false)) read_shape(top.below("shape", *shape), profile.shape);
    if (const auto checkpoint = top.object("checkpoint", false))
      read_checkpoint(top.below("checkpoint", *checkpoint), profile.checkpoint);
    read_uses(top, profile, file, error, profiles);
  } else {
    profile.kind = read_kind(top, Kind::kTrainingInput, false);
    if (profile.kind == Kind::kMix) {
      if (const auto site = top.object("site")) read_site(top.below("site", *site), profile.mix.site);
      read_jobs(top, profile.mix.parts);
    } else if (profile.kind == Kind::kTrainingInput) {
      if (const auto input = top.object("input")) read_input(top.below("input", *input), profile.input);
    } else {
      top.fail("uses", fmt::format("is missing: a workload of kind '{}' stands there", name_of(profile.kind)),
               fmt::format("\"uses\": {{\"{}\": {{…}}}}", name_of(profile.kind)));
    }
    for_accelerators(top, profile, file, error, profiles);
  }
  top.finish();
  if (error) return tl::unexpected<Error>(std::move(*error));
  return profiles;
}

}  // namespace millrace::workload
