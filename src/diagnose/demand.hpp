// SPDX-License-Identifier: Apache-2.0
// What moving one byte of a workload's records costs the resources of the feed path.
#pragma once

#include <string>
#include <string_view>

namespace millrace::diagnose {

// How often each byte crosses memory on the way from a drive to the device, stage by stage:
//   reading   1: the drive writes it by DMA · 3 where it lies in memory itself (tmpfs, a loop device over
//   it):
//             the kernel copies it, reads its page and writes the buffer by ordinary stores, which fetch a
//             line before they write it (write-allocate; Drepper 2007, "What every programmer should know
//             about memory", 6.1). Seen on 8 CPUs of a Xeon whose memory was saturated: 5.5, 5.5 and 6.1
//             crossings a byte in all, with no preparation and 2 of the copy.
//   prep      none 0 · checksum 1 (read) · normalize, decompress 2 (read, written; decompression counts its
//   output as
//             large as its input)
//   copy      2 where host memory stands in for the device (read, written); 1 where the device fetches it by
//   DMA
// Caches may absorb part: a measured run that moved more than memory.copy did is the better witness, see
// feed_path.cpp.
struct MemoryCrossings {
  double reading = 1, prep = 0, copy = 2;
  [[nodiscard]] double total() const { return reading + prep + copy; }
};
// `in_memory`: the share of the data that lies in memory itself.
MemoryCrossings memory_crossings(std::string_view prep, bool stand_in, double in_memory);

// "checksum" → "checksumming", for sentences.
std::string doing(std::string_view prep);

}  // namespace millrace::diagnose
