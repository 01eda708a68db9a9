// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/nvme_namespace.hpp"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <optional>
#include <string_view>

#include "units/quantity.hpp"

namespace millrace::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSector = 512;                  // of sysfs's sizes, whatever the drive's block
constexpr std::uint64_t kMostBlocksACommand = 1 << 16;  // NVM command set: NLB has 16 bits and counts from 0

fs::path of_character_device(dev_t number, const fs::path& sysfs) {
  return sysfs / "dev" / "char" / fmt::format("{}:{}", major(number), minor(number));
}

std::optional<std::uint64_t> number_in(const fs::path& attribute) {
  std::ifstream file(attribute);
  std::uint64_t number = 0;
  if (!(file >> number)) return std::nullopt;
  return number;
}

std::string text_in(const fs::path& attribute) {
  std::ifstream file(attribute);
  std::string text;
  std::getline(file, text);
  return text;
}

// Since Linux 6.8 told in so many words; before, by the profile of the integrity data alone.
bool has_metadata(const fs::path& block) {
  if (const auto bytes = number_in(block / "metadata_bytes")) return *bytes != 0;
  const std::string profile = text_in(block / "integrity" / "format");
  return !profile.empty() && profile != "none";
}

}  // namespace

bool is_nvme_generic(dev_t number, const fs::path& sysfs) {
  std::error_code error;
  const fs::path subsystem = fs::read_symlink(of_character_device(number, sysfs) / "subsystem", error);
  return !error && subsystem.filename() == "nvme-generic";
}

Result<NvmeNamespace> nvme_namespace(dev_t number, const std::string& name, const fs::path& sysfs) {
  std::error_code error;
  const fs::path generic = fs::canonical(of_character_device(number, sysfs), error);
  // ng0n1 and nvme0n1 lie in the same folder: of their controller, or of a subsystem with several.
  const std::string own_name = generic.filename();
  if (error || !std::string_view(own_name).starts_with("ng"))
    return failure(name + " is no generic device of an NVMe namespace", "those are /dev/ng0n1 and the like");
  const std::string sibling = "nvme" + own_name.substr(2);
  const fs::path block = generic.parent_path() / sibling;
  if (!fs::exists(block / "size", error))
    return failure(fmt::format("{} has no block device {} beside it: it does not take NVMe's ordinary reads",
                               name, sibling),
                   "give a namespace of the NVM command set (nvme list)");
  NvmeNamespace space;
  space.block_device = "/dev/" + sibling;
  const auto id = number_in(block / "nsid"), sectors = number_in(block / "size"),
             logical_block = number_in(block / "queue" / "logical_block_size"),
             transfer_kib = number_in(block / "queue" / "max_hw_sectors_kb");
  if (!id || !sectors || !logical_block || !transfer_kib || !std::has_single_bit(*logical_block) ||
      *logical_block < kSector)
    return failure(fmt::format("the kernel does not tell the format of {}", name),
                   fmt::format("read it as a block device: --path {}", space.block_device));
  if (has_metadata(block))
    return failure(
        fmt::format("the blocks of {} carry metadata, which passthrough would have to transfer too", name),
        fmt::format("read it as a block device: --path {}", space.block_device));
  space.id = static_cast<std::uint32_t>(*id);
  space.logical_block = static_cast<std::uint32_t>(*logical_block);
  space.bytes = *sectors * kSector;
  space.largest_transfer = std::min(*transfer_kib * 1024, kMostBlocksACommand * *logical_block);
  return space;
}

Result<void> check_transfer(const NvmeNamespace& space, std::uint32_t block_size, const std::string& name) {
  if (block_size % space.logical_block != 0)
    return failure(fmt::format("--block-size {} is no multiple of {}, the logical block of {}", block_size,
                               space.logical_block, name),
                   "give a multiple of it");
  if (block_size > space.largest_transfer)
    return failure(
        fmt::format("--block-size {} is more than {}, the most that {} transfers by one command (MDTS)",
                    to_binary({block_size}), to_binary({space.largest_transfer}), name),
        fmt::format("give at most that, or --path {}: the block layer splits larger requests",
                    space.block_device));
  return {};
}

}  // namespace millrace::storage
