// SPDX-License-Identifier: Apache-2.0
// Hosts joined by leaf, spine and core switches, and shared storage behind them: what a file of
// millrace.fabric/1 describes (JSON Schema: reports/schema/fabric.schema.json). Alike things are told once.
//
// Hosts are numbered from 0, kind after kind; GPUs and NICs host after host. `hosts_per_leaf` neighbours form
// a group behind one leaf switch of each rail (leaf = group × rails + rail); `groups_per_pod` neighbouring
// groups and the spine switches that join all their leaves form a pod; core switches join the spines of all
// pods. NIC i of a host is on rail i mod rails; a plain fat tree has one rail. Rates are bytes/s, of one
// direction.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "units/result.hpp"

namespace millrace::fabric {

inline constexpr const char* kSchema = "millrace.fabric/1";
// Bytes/s. What is slower carries nothing, and a step over it takes longer than figures go.
inline constexpr double kSlowestRate = 1, kFastestRate = 1e18;
inline constexpr std::int64_t kMostHosts = 1 << 20, kMostGpus = 1 << 22, kMostPerHost = 64,
                              kMostSwitches = 1 << 20, kMostUplinks = 1 << 12, kMostServers = 1 << 20,
                              kMostLinks = 1 << 27;
inline constexpr std::size_t kMostKinds = 1000, kMostOverrides = 1'000'000,
                             kLargestFile = std::size_t{256} << 20;

using Limit = std::optional<double>;  // null: unknown, which is no bound

struct HostKind {
  std::string name;
  std::int64_t hosts = 1;
  Limit nvlink;                     // of one GPU, into or out of it
  Limit pcie;                       // of one GPU
  Limit nic;                        // of one NIC
  Limit drive_read, drive_write;    // of all local drives of a host
  Limit storage_nic{};              // of one NIC into a storage network of its own
  std::int64_t gpus = 0, nics = 0;  // of a host; 0: gpus_per_host and nics_per_host of the fabric
};

// Neighbours that have equally many GPUs and NICs each, of one kind or several.
struct AlikeHosts {
  std::int64_t first_host = 0, hosts = 0, gpus = 1, nics = 1;
  std::int64_t first_gpu = 0, first_nic = 0;  // of the first host
  [[nodiscard]] std::int64_t all_gpus() const { return hosts * gpus; }
};

struct Leaf {
  std::int64_t hosts = 1;    // in the group behind it
  std::int64_t uplinks = 0;  // of each leaf switch, evenly to the spines of its pod; 0: there are no spines
  Limit uplink;
};

struct Spine {
  std::int64_t groups = 1;    // of leaves in a pod
  std::int64_t switches = 1;  // in a pod
  std::int64_t uplinks = 0;   // of each spine switch, evenly to its core switches; 0: there are no cores
  Limit uplink;
};

struct Core {
  std::int64_t switches = 0;  // of all pods together
  Limit throughput;           // of one switch, into it (as much goes out)
};

enum class Tier { kLeaf, kSpine, kCore };
const char* to_text(Tier tier);  // "leaf"

// Leaf, spine and core switches for storage alone, and NICs of every host that lead there. A host's bytes go
// evenly over all of these NICs, whichever GPU they are for (what is bonded shares evenly). Each leaf switch
// has `leaf.hosts` neighbours behind it, with all their NICs.
struct StorageNetwork {
  std::int64_t nics_per_host = 1;
  Leaf leaf;
  std::optional<Spine> spine;
  std::optional<Core> core;
  [[nodiscard]] std::int64_t leaves(std::int64_t hosts) const;
  [[nodiscard]] std::int64_t pods(std::int64_t hosts) const;
  [[nodiscard]] int levels() const { return core ? 3 : (spine ? 2 : 1); }
};

struct Storage {
  std::int64_t servers = 1;
  Limit read, write;               // of one server
  std::int64_t links = 1;          // of one server into the network
  Limit link;                      // of one such link
  Tier attached_to = Tier::kLeaf;  // evenly to all switches of that tier, of its own network where it has one
  std::optional<StorageNetwork> network{};
};

// What can saturate. Each direction is its own; "up" and "out" lead away from a host's GPUs or a server's
// data.
enum class Kind : std::uint8_t {
  kNvlinkOut,
  kNvlinkIn,  // of a GPU
  kPcieOut,
  kPcieIn,  // of a GPU, to and from NICs, drives and host memory
  kNicUp,
  kNicDown,  // of a NIC
  kLeafUp,
  kLeafDown,  // an uplink of a leaf switch; number = leaf × uplinks + uplink
  kSpineUp,
  kSpineDown,  // of a spine switch; number = (pod × switches + spine) × uplinks + uplink
  kCore,       // a core switch
  kStorageRead,
  kStorageWrite,  // a server's own rate
  kStorageOut,
  kStorageIn,  // a server's link; number = server × links + link
  kDriveRead,
  kDriveWrite,  // the local drives of a host
  kStorageNicUp,
  kStorageNicDown,  // of a host's NIC into the storage network; number = host × NICs + NIC
  kStorageLeafUp,
  kStorageLeafDown,
  kStorageSpineUp,
  kStorageSpineDown,
  kStorageCore,  // of the storage network, numbered as those of the other one
};
inline constexpr std::size_t kKinds = 24;
const char* to_text(Kind kind);  // "leaf-up"
std::optional<Kind> kind_of(std::string_view text);

struct Measured {  // mean with its 95 % interval
  double mean = 0, ci95_low = 0, ci95_high = 0;
  bool operator==(const Measured&) const = default;
};

// Resources that differ from what their kind says, or were measured, numbered as above. A later override of
// the same ones wins: one without a measured rate takes away what an earlier one gave, since it says that
// these differ.
struct Override {
  Kind resource = Kind::kLeafUp;
  std::int64_t first = 0, last = 0;  // both included
  Limit limit;                       // null: that of its kind stays
  std::optional<Measured> measured;
  std::string source;  // where the figures are from
};

struct Fabric {
  std::string name, source;
  std::int64_t gpus_per_host = 8, nics_per_host = 8, rails = 1;
  std::vector<HostKind> kinds;
  Leaf leaf;
  std::optional<Spine> spine;
  std::optional<Core> core;
  std::optional<Storage> storage;
  std::vector<Override> overrides;

  [[nodiscard]] std::int64_t hosts() const;
  [[nodiscard]] std::int64_t groups() const;  // of hosts behind a leaf switch of each rail
  [[nodiscard]] std::int64_t leaves() const { return groups() * rails; }
  [[nodiscard]] std::int64_t pods() const;
  [[nodiscard]] int levels() const { return core ? 3 : (spine ? 2 : 1); }
  [[nodiscard]] std::int64_t gpus_of(const HostKind& kind) const {
    return kind.gpus > 0 ? kind.gpus : gpus_per_host;
  }
  [[nodiscard]] std::int64_t nics_of(const HostKind& kind) const {
    return kind.nics > 0 ? kind.nics : nics_per_host;
  }
  [[nodiscard]] std::vector<AlikeHosts> alike_hosts() const;  // all hosts, in order
  [[nodiscard]] AlikeHosts alike_at(std::int64_t host) const;
  // Storage's own network; null: its servers are on the one that GPUs talk over, or there are none.
  [[nodiscard]] const StorageNetwork* storage_network() const {
    return storage && storage->network ? &*storage->network : nullptr;
  }
  // How many there are of a resource.
  [[nodiscard]] std::int64_t count(Kind kind) const;
};

// What of a fabric does not fit together, as a pointer into its file and a reason; nothing where all fits.
struct Misfit {
  std::string pointer, reason, hint;
};
std::optional<Misfit> misfit_of(const Fabric& fabric);

// Whether a file says of itself that it is a fabric, of whatever version. False for what cannot be read.
bool is_fabric(const std::filesystem::path& file);
// Errors name the file, the position and the reason: malformed, truncated, too large, wrong types or figures.
Result<Fabric> read_fabric(const std::filesystem::path& file);
Result<Fabric> parse_fabric(std::string_view json, std::string_view name);
std::string to_json(const Fabric& fabric);

}  // namespace millrace::fabric
