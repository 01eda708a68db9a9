// SPDX-License-Identifier: Apache-2.0
#include "every_path.hpp"

#include <map>
#include <set>

namespace millrace::fabric {
namespace {

using std::int64_t;

// A link on a path: kind and number.
struct Link {
  Kind kind;
  int64_t number;
};
using Path = std::vector<Link>;

class Enumeration {
 public:
  Enumeration(const Fabric& fabric, const Placement& placement) : f_(fabric), placement_(placement) {
    for (std::size_t k = 0; k < kKinds; ++k)
      loads_[k].assign(static_cast<std::size_t>(fabric.count(static_cast<Kind>(k))), 0.0);
    int64_t gpus = 0, nics = 0;
    for (const HostKind& kind : fabric.kinds)
      for (int64_t i = 0; i < kind.hosts; ++i) {
        if (static_cast<int64_t>(first_gpu_.size()) == placement.first_host)
          gpus_ = fabric.gpus_of(kind), nics_ = fabric.nics_of(kind);
        first_gpu_.push_back(gpus);
        first_nic_.push_back(nics);
        gpus += fabric.gpus_of(kind);
        nics += fabric.nics_of(kind);
      }
  }
  LinkLoads loads_;

  [[nodiscard]] int64_t host(int64_t rank) const { return placement_.first_host + rank / gpus_; }
  [[nodiscard]] int64_t gpu(int64_t rank) const { return rank % gpus_; }
  [[nodiscard]] int64_t gpu_at(int64_t host, int64_t gpu) const {
    return first_gpu_.at(static_cast<std::size_t>(host)) + gpu;
  }
  [[nodiscard]] int64_t nic_at(int64_t host, int64_t nic) const {
    return first_nic_.at(static_cast<std::size_t>(host)) + nic;
  }

  void put(Kind kind, int64_t number, double bytes) {
    loads_[static_cast<std::size_t>(kind)].at(static_cast<std::size_t>(number)) += bytes;
  }
  void nvlink(int64_t host, int64_t from, int64_t to, double bytes) {
    put(Kind::kNvlinkOut, gpu_at(host, from), bytes);
    put(Kind::kNvlinkIn, gpu_at(host, to), bytes);
  }
  // The NICs that are a GPU's.
  [[nodiscard]] std::vector<int64_t> nics_of(int64_t gpu) const {
    std::vector<int64_t> nics;
    for (int64_t nic = 0; nic < nics_; ++nic)
      if (nics_ >= gpus_ ? nic / (nics_ / gpus_) == gpu : gpu / (gpus_ / nics_) == nic) nics.push_back(nic);
    return nics;
  }
  [[nodiscard]] int64_t leaf_of(int64_t host, int64_t nic) const {
    return host / f_.leaf.hosts * f_.rails + nic % f_.rails;
  }
  [[nodiscard]] int64_t pod_of_leaf(int64_t leaf) const {
    return f_.spine ? leaf / f_.rails / f_.spine->groups : 0;
  }

  // From the spine of a pod down to a leaf there: every link of it to that spine.
  [[nodiscard]] std::vector<Path> down(int64_t spine, int64_t leaf) const {
    std::vector<Path> paths;
    for (int64_t link = 0; link < f_.leaf.uplinks; ++link)
      if (link % f_.spine->switches == spine)
        paths.push_back({{Kind::kLeafDown, leaf * f_.leaf.uplinks + link}});
    return paths;
  }
  // From core switch to spine links of a pod, with the spine that they end in.
  [[nodiscard]] std::vector<std::pair<Path, int64_t>> from_core(int64_t core, int64_t pod) const {
    std::vector<std::pair<Path, int64_t>> paths;
    for (int64_t spine = 0; spine < f_.spine->switches; ++spine)
      for (int64_t link = 0; link < f_.spine->uplinks; ++link)
        if ((spine * f_.spine->uplinks + link) % f_.core->switches == core)
          paths.push_back(
              {{{Kind::kSpineDown, (pod * f_.spine->switches + spine) * f_.spine->uplinks + link}}, spine});
    return paths;
  }
  static Path joined(Path a, const Path& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }
  [[nodiscard]] std::vector<Path> core_to_leaf(int64_t core, int64_t leaf) const {
    std::vector<Path> paths;
    for (const auto& [path, spine] : from_core(core, pod_of_leaf(leaf)))
      for (const Path& last : down(spine, leaf)) paths.push_back(joined(path, last));
    return paths;
  }
  [[nodiscard]] std::vector<Path> spine_to_leaf(int64_t pod, int64_t spine, int64_t leaf) const {
    if (pod == pod_of_leaf(leaf)) return down(spine, leaf);
    std::vector<Path> paths;
    for (int64_t link = 0; link < f_.spine->uplinks; ++link) {
      const int64_t number = spine * f_.spine->uplinks + link, core = number % f_.core->switches;
      const Path up{{Kind::kSpineUp, pod * f_.spine->switches * f_.spine->uplinks + number},
                    {Kind::kCore, core}};
      for (const Path& rest : core_to_leaf(core, leaf)) paths.push_back(joined(up, rest));
    }
    return paths;
  }
  [[nodiscard]] std::vector<Path> leaf_to_leaf(int64_t from, int64_t to) const {
    if (from == to) return {{}};
    std::vector<Path> paths;
    for (int64_t link = 0; link < f_.leaf.uplinks; ++link)
      for (const Path& rest : spine_to_leaf(pod_of_leaf(from), link % f_.spine->switches, to))
        paths.push_back(joined({{Kind::kLeafUp, from * f_.leaf.uplinks + link}}, rest));
    return paths;
  }
  void over(const std::vector<Path>& paths, double bytes, bool reversed = false) {
    static const std::map<Kind, Kind> kOther{{Kind::kLeafUp, Kind::kLeafDown},
                                             {Kind::kLeafDown, Kind::kLeafUp},
                                             {Kind::kSpineUp, Kind::kSpineDown},
                                             {Kind::kSpineDown, Kind::kSpineUp},
                                             {Kind::kCore, Kind::kCore}};
    for (const Path& path : paths)
      for (const Link& link : path)
        put(reversed ? kOther.at(link.kind) : link.kind, link.number,
            bytes / static_cast<double>(paths.size()));
  }

  // From a GPU of one host to a GPU of another, in by the second one's NICs; out by those of `by`.
  void between_hosts(int64_t from, int64_t by, int64_t to, int64_t target, double bytes) {
    put(Kind::kPcieOut, gpu_at(from, by), bytes);
    put(Kind::kPcieIn, gpu_at(to, target), bytes);
    const auto sending = nics_of(by), receiving = nics_of(target);
    for (const int64_t nic : sending)
      put(Kind::kNicUp, nic_at(from, nic), bytes / static_cast<double>(sending.size()));
    for (const int64_t nic : receiving) {
      const double part = bytes / static_cast<double>(receiving.size());
      put(Kind::kNicDown, nic_at(to, nic), part);
      over(leaf_to_leaf(leaf_of(from, nic), leaf_of(to, nic)), part);
    }
  }
  void message(int64_t from, int64_t to, double bytes) {
    if (from == to) return;
    if (host(from) == host(to)) return nvlink(host(from), gpu(from), gpu(to), bytes);
    const int64_t by = f_.rails > 1 ? gpu(to) : gpu(from);
    if (by != gpu(from)) nvlink(host(from), gpu(from), by, bytes);
    between_hosts(host(from), by, host(to), gpu(to), bytes);
  }

  void ring(const std::vector<int64_t>& members, double bytes) {
    std::vector<std::pair<int64_t, std::set<int64_t>>>
        hosts;  // host, places of its members; in the ring's order
    for (const int64_t rank : members) {
      if (hosts.empty() || hosts.back().first != host(rank)) hosts.push_back({host(rank), {}});
      hosts.back().second.insert(gpu(rank));
    }
    const auto n = static_cast<double>(members.size()), k = static_cast<double>(hosts.size());
    if (members.size() < 2) return;
    for (std::size_t h = 0; h < hosts.size(); ++h) {
      const auto& [here, own] = hosts[h];
      const double m = static_cast<double>(own.size());
      for (const int64_t place : own) nvlink(here, place, place, bytes * n * (m - 1) / (m * (n - 1)));
      if (hosts.size() < 2) continue;
      const auto& [there, receivers] = hosts[(h + 1) % hosts.size()];
      const double crossing = bytes * n * (k - 1) / (k * (n - 1));
      for (const int64_t target : receivers) {
        const double part = crossing / static_cast<double>(receivers.size());
        if (f_.rails == 1) {  // by the NICs of all members here
          for (const int64_t source : own) between_hosts(here, source, there, target, part / m);
          continue;
        }
        if (!own.contains(target))
          for (const int64_t source : own) nvlink(here, source, target, part / m);
        between_hosts(here, target, there, target, part);
      }
    }
  }

  // Storage's own network by itself: a fabric of the same hosts that has no other.
  [[nodiscard]] Fabric storage_alone() const {
    Fabric alone = f_;
    const StorageNetwork own = *f_.storage->network;
    alone.rails = 1;
    alone.gpus_per_host = 1;  // whichever GPU it is for, a host's bytes go over all NICs
    alone.nics_per_host = own.nics_per_host;
    for (HostKind& kind : alone.kinds) kind.gpus = kind.nics = 0;
    alone.leaf = own.leaf;
    alone.spine = own.spine;
    alone.core = own.core;
    alone.storage->network.reset();
    alone.overrides.clear();
    return alone;
  }
  void own_network(int64_t rank, double bytes, bool read) {
    const Fabric fabric = storage_alone();
    Enumeration alone(fabric, {host(rank), 1});
    alone.storage(0, bytes, read);
    static const std::map<Kind, Kind> kNames{
        {Kind::kNicUp, Kind::kStorageNicUp},        {Kind::kNicDown, Kind::kStorageNicDown},
        {Kind::kLeafUp, Kind::kStorageLeafUp},      {Kind::kLeafDown, Kind::kStorageLeafDown},
        {Kind::kSpineUp, Kind::kStorageSpineUp},    {Kind::kSpineDown, Kind::kStorageSpineDown},
        {Kind::kCore, Kind::kStorageCore},          {Kind::kStorageRead, Kind::kStorageRead},
        {Kind::kStorageWrite, Kind::kStorageWrite}, {Kind::kStorageOut, Kind::kStorageOut},
        {Kind::kStorageIn, Kind::kStorageIn}};
    for (const auto& [there, here] : kNames) {
      const auto& loads = alone.loads_[static_cast<std::size_t>(there)];
      for (std::size_t i = 0; i < loads.size(); ++i) put(here, static_cast<int64_t>(i), loads[i]);
    }
    put(read ? Kind::kPcieIn : Kind::kPcieOut, gpu_at(host(rank), gpu(rank)), bytes);
  }

  void storage(int64_t rank, double bytes, bool read) {
    if (f_.storage && f_.storage->network) return own_network(rank, bytes, read);
    if (!f_.storage) {
      put(read ? Kind::kDriveRead : Kind::kDriveWrite, host(rank), bytes);
      return put(read ? Kind::kPcieIn : Kind::kPcieOut, gpu_at(host(rank), gpu(rank)), bytes);
    }
    for (int64_t server = 0; server < f_.storage->servers; ++server) {
      const double part = bytes / static_cast<double>(f_.storage->servers);
      put(read ? Kind::kStorageRead : Kind::kStorageWrite, server, part);
      for (int64_t link = 0; link < f_.storage->links; ++link)
        put(read ? Kind::kStorageOut : Kind::kStorageIn, server * f_.storage->links + link,
            part / static_cast<double>(f_.storage->links));
    }
    put(read ? Kind::kPcieIn : Kind::kPcieOut, gpu_at(host(rank), gpu(rank)), bytes);
    const auto nics = nics_of(gpu(rank));
    for (const int64_t nic : nics) {
      const double part = bytes / static_cast<double>(nics.size());
      put(read ? Kind::kNicDown : Kind::kNicUp, nic_at(host(rank), nic), part);
      const int64_t leaf = leaf_of(host(rank), nic);
      std::vector<std::vector<Path>> from_each;  // switch of the tier that servers are attached to
      if (f_.storage->attached_to == Tier::kLeaf && f_.spine)
        for (int64_t other = 0; other < f_.leaves(); ++other) from_each.push_back(leaf_to_leaf(other, leaf));
      if (f_.storage->attached_to == Tier::kSpine)
        for (int64_t pod = 0; pod < f_.pods(); ++pod)
          for (int64_t spine = 0; spine < f_.spine->switches; ++spine)
            from_each.push_back(spine_to_leaf(pod, spine, leaf));
      if (f_.storage->attached_to == Tier::kCore)
        for (int64_t core = 0; core < f_.core->switches; ++core) {
          auto& paths = from_each.emplace_back(core_to_leaf(core, leaf));
          for (Path& path : paths) path.push_back({Kind::kCore, core});
        }
      for (const auto& paths : from_each) over(paths, part / static_cast<double>(from_each.size()), !read);
    }
  }

 private:
  const Fabric& f_;
  Placement placement_;
  int64_t gpus_ = 1, nics_ = 1;                 // of each of the job's hosts
  std::vector<int64_t> first_gpu_, first_nic_;  // of every host
};

}  // namespace

LinkLoads every_path(const Fabric& fabric, const workload::Traffic& traffic, const Placement& placement) {
  Enumeration all(fabric, placement);
  const double bytes = traffic.bytes_per_rank;
  std::set<int64_t> seen;
  for (int64_t rank = 0; rank < placement.ranks; ++rank) {
    if (traffic.pattern == workload::Pattern::kRead || traffic.pattern == workload::Pattern::kWrite) {
      all.storage(rank, bytes, traffic.pattern == workload::Pattern::kRead);
      continue;
    }
    if (seen.contains(rank)) continue;
    std::vector<int64_t> members;
    for (int64_t i = 0; i < traffic.group && rank + i * traffic.stride < placement.ranks; ++i)
      members.push_back(rank + i * traffic.stride);
    seen.insert(members.begin(), members.end());
    if (traffic.pattern == workload::Pattern::kRing) all.ring(members, bytes);
    if (traffic.pattern == workload::Pattern::kChain)
      for (std::size_t i = 0; i + 1 < members.size(); ++i) {
        all.message(members[i], members[i + 1], bytes);
        all.message(members[i + 1], members[i], bytes);
      }
    if (traffic.pattern == workload::Pattern::kAllToAll)
      for (const int64_t from : members)
        for (const int64_t to : members)
          all.message(from, to, bytes / static_cast<double>(members.size() - 1));
  }
  return all.loads_;
}

}  // namespace millrace::fabric
