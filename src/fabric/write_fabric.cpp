// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "fabric/fabric.hpp"

namespace millrace::fabric {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& into, const char* key, const Limit& limit) {  // what is unknown is left out
  if (limit) into[key] = *limit;
}

void add_switches(Json& network, const Leaf& leaf, const std::optional<Spine>& spine_tier,
                  const std::optional<Core>& core) {
  network["hosts_per_leaf"] = leaf.hosts;
  if (leaf.uplinks > 0) {
    network["leaf"]["uplinks"] = leaf.uplinks;
    put(network["leaf"], "uplink_bytes_per_s", leaf.uplink);
  }
  if (spine_tier) {
    Json& spine = network["spine"];
    spine["groups_per_pod"] = spine_tier->groups;
    spine["switches_per_pod"] = spine_tier->switches;
    if (spine_tier->uplinks > 0) spine["uplinks"] = spine_tier->uplinks;
    put(spine, "uplink_bytes_per_s", spine_tier->uplink);
  }
  if (core) {
    network["core"]["switches"] = core->switches;
    put(network["core"], "switch_bytes_per_s", core->throughput);
  }
}

Json network_of(const Fabric& fabric) {
  Json network{{"rails", fabric.rails}};
  add_switches(network, fabric.leaf, fabric.spine, fabric.core);
  return network;
}

Json storage_of(const Storage& storage) {
  Json json{{"servers", storage.servers}};
  put(json, "read_bytes_per_s", storage.read);
  put(json, "write_bytes_per_s", storage.write);
  json["links_per_server"] = storage.links;
  put(json, "link_bytes_per_s", storage.link);
  json["attached_to"] = to_text(storage.attached_to);
  if (storage.network) {
    Json& network = json["network"];
    network["nics_per_host"] = storage.network->nics_per_host;
    add_switches(network, storage.network->leaf, storage.network->spine, storage.network->core);
  }
  return json;
}

Json override_of(const Override& one) {
  Json json{{"resource", to_text(one.resource)}, {"first", one.first}, {"last", one.last}};
  put(json, "limit_bytes_per_s", one.limit);
  if (one.measured)
    json["measured_bytes_per_s"] = {{"mean", one.measured->mean},
                                    {"ci95_low", one.measured->ci95_low},
                                    {"ci95_high", one.measured->ci95_high}};
  if (!one.source.empty()) json["source"] = one.source;
  return json;
}

}  // namespace

std::string to_json(const Fabric& fabric) {
  Json json{{"schema", kSchema}};
  if (!fabric.name.empty()) json["name"] = fabric.name;
  if (!fabric.source.empty()) json["source"] = fabric.source;
  json["gpus_per_host"] = fabric.gpus_per_host;
  json["nics_per_host"] = fabric.nics_per_host;
  json["hosts"] = Json::array();
  for (const HostKind& kind : fabric.kinds) {
    Json& one = json["hosts"].emplace_back(Json{{"kind", kind.name}, {"count", kind.hosts}});
    if (kind.gpus > 0) one["gpus_per_host"] = kind.gpus;
    if (kind.nics > 0) one["nics_per_host"] = kind.nics;
    put(one, "nvlink_bytes_per_s", kind.nvlink);
    put(one, "pcie_bytes_per_s", kind.pcie);
    put(one, "nic_bytes_per_s", kind.nic);
    put(one, "drive_read_bytes_per_s", kind.drive_read);
    put(one, "drive_write_bytes_per_s", kind.drive_write);
    put(one, "storage_nic_bytes_per_s", kind.storage_nic);
  }
  json["network"] = network_of(fabric);
  if (fabric.storage) json["storage"] = storage_of(*fabric.storage);
  if (!fabric.overrides.empty()) {
    json["overrides"] = Json::array();
    for (const Override& one : fabric.overrides) json["overrides"].push_back(override_of(one));
  }
  return json.dump(2) + "\n";
}

}  // namespace millrace::fabric
