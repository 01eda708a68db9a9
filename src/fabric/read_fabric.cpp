// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "fabric/fabric.hpp"
#include "record/read_file.hpp"
#include "record/syntax_fault.hpp"
#include "units/nearest_name.hpp"
#include "units/quantity.hpp"
#include "workload/object_reader.hpp"

namespace millrace::fabric {
namespace {

namespace dom = simdjson::dom;
using workload::ObjectReader;

constexpr int kDeepest = 16;
constexpr const char* kHint =
    "reports/schema/fabric.schema.json says what a fabric holds; `millrace topo --generate fat-tree --hosts "
    "16 --json "
    "-` prints one to start from";

void limit(ObjectReader& reader, const std::string& key, Limit& into) {
  double value = 0;
  reader.at_least(key, value, kSlowestRate, kFastestRate);
  if (value > 0) into = value;
}

std::int64_t number_from_zero(ObjectReader& reader, const std::string& key) {
  double value = 0;
  reader.at_least(key, value, 0, static_cast<double>(kMostLinks), true);
  if (value != std::floor(value)) reader.fail(key, "must be a whole number");
  return static_cast<std::int64_t>(value);
}

void read_hosts(ObjectReader& top, Fabric& fabric) {
  for (const auto& [object, pointer] : top.objects("hosts")) {
    ObjectReader reader = top.at(pointer, object);
    HostKind& kind = fabric.kinds.emplace_back();
    reader.text("kind", kind.name, true);
    reader.count("count", kind.hosts, kMostHosts, true);
    reader.count("gpus_per_host", kind.gpus, kMostPerHost);
    reader.count("nics_per_host", kind.nics, kMostPerHost);
    limit(reader, "nvlink_bytes_per_s", kind.nvlink);
    limit(reader, "pcie_bytes_per_s", kind.pcie);
    limit(reader, "nic_bytes_per_s", kind.nic);
    limit(reader, "drive_read_bytes_per_s", kind.drive_read);
    limit(reader, "drive_write_bytes_per_s", kind.drive_write);
    limit(reader, "storage_nic_bytes_per_s", kind.storage_nic);
    reader.finish();
    if (reader.failed()) return;
    if (fabric.kinds.size() > kMostKinds)
      return top.fail("hosts", fmt::format("are of more than {} kinds", kMostKinds));
  }
}

void read_switches(ObjectReader& reader, Leaf& leaf_tier, std::optional<Spine>& spine_tier,
                   std::optional<Core>& core_tier) {
  reader.count("hosts_per_leaf", leaf_tier.hosts, kMostHosts, true);
  if (const auto object = reader.object("leaf", false)) {
    ObjectReader leaf = reader.below("leaf", *object);
    leaf.count("uplinks", leaf_tier.uplinks, kMostUplinks);
    limit(leaf, "uplink_bytes_per_s", leaf_tier.uplink);
    leaf.finish();
  }
  if (const auto object = reader.object("spine", false)) {
    ObjectReader spine = reader.below("spine", *object);
    spine_tier.emplace();
    spine.count("groups_per_pod", spine_tier->groups, kMostHosts, true);
    spine.count("switches_per_pod", spine_tier->switches, kMostSwitches, true);
    spine.count("uplinks", spine_tier->uplinks, kMostUplinks);
    limit(spine, "uplink_bytes_per_s", spine_tier->uplink);
    spine.finish();
  }
  if (const auto object = reader.object("core", false)) {
    ObjectReader core = reader.below("core", *object);
    core_tier.emplace();
    core.count("switches", core_tier->switches, kMostSwitches, true);
    limit(core, "switch_bytes_per_s", core_tier->throughput);
    core.finish();
  }
}

void read_network(ObjectReader& reader, Fabric& fabric) {
  reader.count("rails", fabric.rails, kMostPerHost);
  read_switches(reader, fabric.leaf, fabric.spine, fabric.core);
  reader.finish();
}

void read_storage(ObjectReader& reader, Storage& storage) {
  reader.count("servers", storage.servers, kMostServers, true);
  limit(reader, "read_bytes_per_s", storage.read);
  limit(reader, "write_bytes_per_s", storage.write);
  reader.count("links_per_server", storage.links, kMostUplinks);
  limit(reader, "link_bytes_per_s", storage.link);
  std::string tier;
  reader.word("attached_to", tier, {"leaf", "spine", "core"}, true);
  if (const auto object = reader.object("network", false)) {
    ObjectReader network = reader.below("network", *object);
    StorageNetwork& own = storage.network.emplace();
    network.count("nics_per_host", own.nics_per_host, kMostPerHost, true);
    read_switches(network, own.leaf, own.spine, own.core);
    network.finish();
  }
  storage.attached_to = tier == "core" ? Tier::kCore : (tier == "spine" ? Tier::kSpine : Tier::kLeaf);
  reader.finish();
}

void read_override(ObjectReader& reader, Override& one) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < kKinds; ++k) names.emplace_back(to_text(static_cast<Kind>(k)));
  std::string kind;
  reader.word("resource", kind, names, true);
  one.resource = kind_of(kind).value_or(Kind::kLeafUp);
  one.first = number_from_zero(reader, "first");
  one.last = one.first;
  if (reader.has("last")) one.last = number_from_zero(reader, "last");
  limit(reader, "limit_bytes_per_s", one.limit);
  reader.text("source", one.source);
  if (const auto object = reader.object("measured_bytes_per_s", false)) {
    ObjectReader inner = reader.below("measured_bytes_per_s", *object);
    Measured measured;
    inner.at_least("mean", measured.mean, kSlowestRate, kFastestRate, true);
    inner.at_least("ci95_low", measured.ci95_low, 0, kFastestRate, true);
    inner.at_least("ci95_high", measured.ci95_high, 0, kFastestRate, true);
    if (!inner.failed() && !(measured.ci95_low <= measured.mean && measured.mean <= measured.ci95_high))
      inner.fail("mean", "is not between ci95_low and ci95_high");
    inner.finish();
    one.measured = measured;
  }
  reader.finish();
}

void read_overrides(ObjectReader& top, Fabric& fabric) {
  if (!top.has("overrides")) return;
  const auto objects = top.objects("overrides");
  if (objects.size() > kMostOverrides)
    return top.fail("overrides", fmt::format("are more than {}", kMostOverrides));
  fabric.overrides.resize(objects.size());
  for (std::size_t i = 0; i < objects.size() && !top.failed(); ++i) {
    ObjectReader reader = top.at(objects[i].second, objects[i].first);
    read_override(reader, fabric.overrides[i]);
  }
}

void read_top(ObjectReader& top, Fabric& fabric) {
  std::string schema;
  top.text("schema", schema, true);
  if (schema != kSchema)
    top.fail("schema", fmt::format("is '{}', but this version reads '{}'", schema, kSchema));
  top.text("name", fabric.name);
  top.text("source", fabric.source);
  top.count("gpus_per_host", fabric.gpus_per_host, kMostPerHost, true);
  top.count("nics_per_host", fabric.nics_per_host, kMostPerHost, true);
  read_hosts(top, fabric);
  if (const auto object = top.object("network")) {
    ObjectReader network = top.below("network", *object);
    read_network(network, fabric);
  }
  if (const auto object = top.object("storage", false)) {
    ObjectReader storage = top.below("storage", *object);
    read_storage(storage, fabric.storage.emplace());
  }
  read_overrides(top, fabric);
  top.finish();
}

Result<Fabric> parse_padded(std::string_view json, bool copy, std::string_view name) {
  if (json.size() > kLargestFile)
    return failure(fmt::format("{}: a fabric's file holds at most {}, this one has {}", name,
                               to_binary({kLargestFile}), to_binary({json.size()})),
                   "is it a fabric?");
  dom::parser parser;
  simdjson::error_code code = parser.allocate(std::max<std::size_t>(json.size(), 64), kDeepest + 1);
  dom::element root;
  if (code == simdjson::SUCCESS) code = parser.parse(json.data(), json.size(), copy).get(root);
  if (code == simdjson::EMPTY) return failure(fmt::format("{}: is empty", name));
  if (code == simdjson::MEMALLOC)
    return failure(fmt::format("{}: no memory to parse {} bytes", name, json.size()));
  if (code != simdjson::SUCCESS) {
    const auto fault = record::find_syntax_fault(json, kDeepest, simdjson::error_message(code));
    return failure(
        fmt::format("{}:{}:{} (byte {}): {}", name, fault.line, fault.column, fault.offset, fault.reason),
        fault.offset >= json.size() ? "the file was cut off: take it from its source again" : "");
  }
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS)
    return failure(fmt::format("{}: at the top level: a fabric is a JSON object", name), kHint);
  std::optional<Error> error;
  Fabric fabric;
  ObjectReader top(object, "", name, error, {"fabric", kHint});
  read_top(top, fabric);
  if (error) return tl::unexpected<Error>(std::move(*error));
  if (const auto misfit = misfit_of(fabric))
    return failure(fmt::format("{}: at {}: {} {}", name, misfit->pointer,
                               misfit->pointer.substr(misfit->pointer.rfind('/') + 1), misfit->reason),
                   misfit->hint.empty() ? kHint : misfit->hint);
  return fabric;
}

}  // namespace

bool is_fabric(const std::filesystem::path& file) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(file, code)) return false;
  std::ifstream stream(file, std::ios::binary);
  std::string start(4096, '\0');
  stream.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  // Of the first key "schema"; blanks do not count.
  std::erase_if(start, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  const auto at = start.find("\"schema\":\"");
  return at != std::string::npos && start.compare(at + 10, 16, "millrace.fabric/") == 0;
}

Result<Fabric> parse_fabric(std::string_view json, std::string_view name) {
  return parse_padded(json, true, name);
}

Result<Fabric> read_fabric(const std::filesystem::path& file) {
  const auto text = record::read_file(file, kLargestFile);
  if (!text) return tl::unexpected(text.error());
  return parse_padded(text->text(), false, file.native());
}

}  // namespace millrace::fabric
