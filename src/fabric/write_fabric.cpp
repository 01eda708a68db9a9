// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "fabric/fabric.hpp"

namespace millrace::fabric {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& into, const char* key, const Limit& limit) {  // what is unknown is left out
  if (limit) into[key] = *limit;
}

Json network_of(const Fabric& fabric) {
  Json network{{"rails", fabric.rails}, {"hosts_per_leaf", fabric.leaf.hosts}};
  if (fabric.leaf.uplinks > 0) {
    network["leaf"]["uplinks"] = fabric.leaf.uplinks;
    put(network["leaf"], "uplink_bytes_per_s", fabric.leaf.uplink);
  }
  if (fabric.spine) {
    Json& spine = network["spine"];
    spine["groups_per_pod"] = fabric.spine->groups;
    spine["switches_per_pod"] = fabric.spine->switches;
    if (fabric.spine->uplinks > 0) spine["uplinks"] = fabric.spine->uplinks;
    put(spine, "uplink_bytes_per_s", fabric.spine->uplink);
  }
  if (fabric.core) {
    network["core"]["switches"] = fabric.core->switches;
    put(network["core"], "switch_bytes_per_s", fabric.core->throughput);
  }
  return network;
}

Json storage_of(const Storage& storage) {
  Json json{{"servers", storage.servers}};
  put(json, "read_bytes_per_s", storage.read);
  put(json, "write_bytes_per_s", storage.write);
  json["links_per_server"] = storage.links;
  put(json, "link_bytes_per_s", storage.link);
  json["attached_to"] = to_text(storage.attached_to);
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
    put(one, "nvlink_bytes_per_s", kind.nvlink);
    put(one, "pcie_bytes_per_s", kind.pcie);
    put(one, "nic_bytes_per_s", kind.nic);
    put(one, "drive_read_bytes_per_s", kind.drive_read);
    put(one, "drive_write_bytes_per_s", kind.drive_write);
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
