// SPDX-License-Identifier: Apache-2.0
// What an NVMe drive says of a command that failed, in words.
#pragma once

#include <cstdint>
#include <string>

namespace millrace::storage {

// `status` as the kernel hands it on: bits 0-7 status code, 8-10 its type, 14 "do not retry" (NVM Express
// Base Specification 2.0, figure 93, without the phase bit). "LBA out of range (NVMe status 0x80)".
std::string nvme_status_text(std::uint32_t status);

// What the user can do about it; empty: nothing known.
std::string nvme_status_hint(std::uint32_t status);

}  // namespace millrace::storage
