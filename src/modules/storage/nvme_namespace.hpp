// SPDX-License-Identifier: Apache-2.0
// The generic device of an NVMe namespace: the character device /dev/ngXnY, which takes the drive's own
// commands, and what must be known of the namespace to give it some.
//
// All of it comes from sysfs and from NVME_IOCTL_ID, which the kernel answers itself: nothing is sent to the
// drive. Sources: linux/Documentation/ABI/stable/sysfs-block; drivers/nvme/host/core.c, nvme_ns_id_attrs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "units/result.hpp"

namespace millrace::storage {

struct NvmeNamespace {
  std::uint32_t id = 0;                // as commands name it
  std::uint32_t logical_block = 0;     // bytes, a power of two
  std::uint64_t bytes = 0;             // its size
  std::uint64_t largest_transfer = 0;  // bytes of one command: the drive's MDTS, or what the kernel allows
  std::string block_device;            // the same namespace behind the block layer: "/dev/nvme0n1"
};

// Whether the character device of this number is the generic device of an NVMe namespace.
bool is_nvme_generic(dev_t number, const std::filesystem::path& sysfs = "/sys");

// `name` is for messages. Fails where there is no block device beside it, since then its commands are not
// those of the NVM command set, and where its blocks carry metadata, which would have to be transferred too.
Result<NvmeNamespace> nvme_namespace(dev_t number, const std::string& name,
                                     const std::filesystem::path& sysfs = "/sys");

// Why a transfer of `block_size` bytes is not possible; nothing is sent to the drive.
Result<void> check_transfer(const NvmeNamespace& space, std::uint32_t block_size, const std::string& name);

}  // namespace millrace::storage
