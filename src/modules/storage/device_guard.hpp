// SPDX-License-Identifier: Apache-2.0
// Whether a device may be overwritten: only when the user named it by --destroy, and never while it holds
// anything that is in use or that can be recognised. The generic device of an NVMe namespace is judged by the
// block device beside it, and naming either names both.
#pragma once

#include <string>
#include <vector>

#include "modules/storage/options.hpp"
#include "modules/storage/target.hpp"
#include "units/result.hpp"

namespace millrace::storage {

// Refused unless one of `destroy` is this very device, and while it, one of its partitions, or a device built
// on them (dm, md) is mounted or swap; while anything is built on it; and while libblkid recognises a file
// system, a RAID or volume-group member, an encrypted volume, swap space or a partition table on it.
Result<void> check_destroyable(const std::string& device, const std::vector<std::string>& destroy);

// check_destroyable, then opens the device with O_EXCL: the kernel refuses while anything else uses it, and
// lets nothing mount it until it is closed. Of a generic device, its block device is claimed so meanwhile.
Result<Target> open_for_destroying(const std::string& device, const Options& options);

}  // namespace millrace::storage
