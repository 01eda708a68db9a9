// SPDX-License-Identifier: Apache-2.0
// Routing in closed form held against the enumeration of every pair, path and link, on random small fabrics.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <random>

#include "every_path.hpp"
#include "random_fabric.hpp"
#include "small_fabric.hpp"

namespace millrace::fabric {
namespace {

TEST(Enumerated, EveryLinkOfRandomFabricsCarriesWhatEveryPathTogetherBrings) {
  int irregular = 0, three_levels = 0, on_rails = 0, own_network = 0, behind_others = 0;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Random random(seed);
    const Fabric fabric = random_fabric(random);
    ASSERT_FALSE(misfit_of(fabric)) << misfit_of(fabric)->pointer << misfit_of(fabric)->reason;
    Placement placement;
    placement.first_host = between(random, 0, fabric.hosts() - 1);
    const AlikeHosts alike = fabric.alike_at(placement.first_host);
    placement.ranks =
        between(random, 1, (alike.first_host + alike.hosts - placement.first_host) * alike.gpus);
    const auto pattern = static_cast<workload::Pattern>(between(random, 0, 4));
    const std::int64_t group = between(random, 1, 12), stride = between(random, 1, 12);
    const Loads loads(fabric, traffic(pattern, 1000, group, stride), placement);
    const LinkLoads exact = every_path(fabric, traffic(pattern, 1000, group, stride), placement);
    double most = 1;
    for (const auto& links : exact)
      for (const double load : links) most = std::max(most, load);
    for (std::size_t k = 0; k < kKinds; ++k) {
      const auto kind = static_cast<Kind>(k);
      const auto links = static_cast<std::size_t>(loads.resources.links(kind));
      for (const double bytes : loads.of(kind)) {
        ASSERT_TRUE(bytes == 0 || kinds_of(fabric, pattern)[k]) << to_text(kind) << " at seed " << seed;
      }
      ASSERT_EQ(loads.of(kind).size() * links, exact[k].size());
      for (std::size_t link = 0; link < exact[k].size(); ++link)
        ASSERT_NEAR(loads.of(kind)[link / links] / static_cast<double>(links), exact[k][link], 1e-9 * most)
            << fmt::format(
                   "{} {} at seed {}: pattern {}, group {} × {}, {} ranks from host {}; {} hosts × {} GPUs, "
                   "{} "
                   "NICs, {} rails, {} hosts a leaf, {} levels",
                   to_text(kind), link, seed, static_cast<int>(pattern), group, stride, placement.ranks,
                   placement.first_host, fabric.hosts(), alike.gpus, alike.nics, fabric.rails,
                   fabric.leaf.hosts, fabric.levels());
    }
    irregular += stride % alike.gpus != 0 && alike.gpus % stride != 0;
    behind_others += alike.first_host > 0;
    three_levels += fabric.levels() == 3;
    on_rails += fabric.rails > 1;
    own_network += fabric.storage_network() != nullptr &&
                   exact[static_cast<std::size_t>(Kind::kStorageLeafUp)].size() > 1 &&
                   (pattern == workload::Pattern::kRead || pattern == workload::Pattern::kWrite);
  }
  // What is easy to get wrong must have been among them.
  EXPECT_GT(irregular, 300);
  EXPECT_GT(three_levels, 300);
  EXPECT_GT(on_rails, 300);
  EXPECT_GT(own_network, 300);
  EXPECT_GT(behind_others, 300);
}

}  // namespace
}  // namespace millrace::fabric
