// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/nvme_status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace millrace::storage {
namespace {

constexpr std::uint32_t kCodeAndType = 0x7ff, kDoNotRetry = 0x4000;

struct Meaning {
  std::uint32_t status;  // type << 8 | code
  const char* words;
  const char* hint;
};

constexpr const char* kFailing = "the drive fails: look at its health (smartctl -a), save what it holds";
constexpr const char* kPath = "look at the path to the drive: cable, switch, fabric; see dmesg";
constexpr const char* kFormat = "wait until that is over";

// NVM Express Base Specification 2.0, figures 94 (generic), 96 (command specific), 98 (media and data
// integrity) and 99 (path related); what reads and writes can meet.
constexpr std::array kMeanings{
    Meaning{0x001, "invalid command opcode", "the namespace is not of the NVM command set"},
    Meaning{0x002, "invalid field in the command", "give a smaller --block-size, or the block device"},
    Meaning{0x003, "command identifier in use", ""},
    Meaning{0x004, "data transfer error", kPath},
    Meaning{0x005, "aborted: power loss", ""},
    Meaning{0x006, "internal error of the drive", kFailing},
    Meaning{0x007, "aborted on request", "see dmesg: the kernel may have timed the command out"},
    Meaning{0x008, "aborted: its submission queue was deleted", "was the drive reset or removed? See dmesg"},
    Meaning{0x00b, "invalid namespace or format", "was the namespace detached? See dmesg"},
    Meaning{0x00c, "command sequence error", ""},
    Meaning{0x013, "invalid offset of the data (PRP)", "give a multiple of 4KiB as --block-size"},
    Meaning{0x015, "operation denied", "the drive is locked: unlock it"},
    Meaning{0x01c, "sanitize failed", "the drive refuses all until it has been sanitized"},
    Meaning{0x01d, "sanitize in progress", kFormat},
    Meaning{0x020, "namespace is write protected", ""},
    Meaning{0x021, "command interrupted", "try again"},
    Meaning{0x022, "transient transport error", kPath},
    Meaning{0x080, "LBA out of range", "did the namespace shrink meanwhile? See dmesg"},
    Meaning{0x081, "capacity exceeded", ""},
    Meaning{0x082, "namespace not ready", "try again later"},
    Meaning{0x083, "reservation conflict", "another host has reserved the namespace"},
    Meaning{0x084, "format in progress", kFormat},
    Meaning{0x180, "conflicting attributes", ""},
    Meaning{0x181, "invalid protection information",
            "the namespace has protection information: use the block device"},
    Meaning{0x182, "attempted write to a read-only range", ""},
    Meaning{0x280, "write fault", kFailing},
    Meaning{0x281, "unrecovered read error", kFailing},
    Meaning{0x282, "end-to-end guard check error", kFailing},
    Meaning{0x283, "end-to-end application tag check error", kFailing},
    Meaning{0x284, "end-to-end reference tag check error", kFailing},
    Meaning{0x286, "access denied", "the range is locked: unlock it"},
    Meaning{0x287, "deallocated or unwritten block", "write the drive first"},
    Meaning{0x300, "internal path error", kPath},
    Meaning{0x301, "path lost for good (asymmetric access)", kPath},
    Meaning{0x302, "path inaccessible (asymmetric access)", kPath},
    Meaning{0x303, "path in transition (asymmetric access)", "try again later"},
    Meaning{0x360, "controller pathing error", kPath},
    Meaning{0x370, "host pathing error", "was the drive reset or removed? See dmesg"},
    Meaning{0x371, "aborted by this host", "was the drive reset or removed? See dmesg"},
};

const Meaning* meaning_of(std::uint32_t status) {
  const auto* found = std::find_if(kMeanings.begin(), kMeanings.end(), [&](const Meaning& meaning) {
    return meaning.status == (status & kCodeAndType);
  });
  return found == kMeanings.end() ? nullptr : found;
}

const char* type_of(std::uint32_t status) {
  constexpr std::array kTypes{"a generic error", "an error of this command", "a media or data error",
                              "an error of the path"};
  const std::uint32_t type = status >> 8 & 7;
  return type < kTypes.size() ? kTypes[type] : "an error that only the drive's vendor can explain";
}

}  // namespace

std::string nvme_status_text(std::uint32_t status) {
  const Meaning* meaning = meaning_of(status);
  return fmt::format("{} (NVMe status {:#x}{})", meaning == nullptr ? type_of(status) : meaning->words,
                     status & kCodeAndType, (status & kDoNotRetry) != 0 ? ", not to be retried" : "");
}

std::string nvme_status_hint(std::uint32_t status) {
  const Meaning* meaning = meaning_of(status);
  return meaning == nullptr ? "see dmesg, and the drive's manual" : meaning->hint;
}

}  // namespace millrace::storage
