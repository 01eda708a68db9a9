// SPDX-License-Identifier: Apache-2.0
// The parameters that storage.read and storage.write declare to the core; options.hpp gives them their
// meaning.
#pragma once

#include <algorithm>
#include <array>

#include "millrace/probe.hpp"

namespace millrace::storage {

constexpr millrace_parameter repeatable_path(const char* name, const char* help) {
  millrace_parameter path = sdk::parameter(name, MILLRACE_PATH, "", help);
  path.repeatable = 1;
  return path;
}

inline constexpr std::array kSharedParameters{
    sdk::choice("pattern", "sequential|random", "sequential", "order of the blocks"),
    sdk::parameter("block-size", MILLRACE_BYTES, "128KiB", "bytes of one operation, a multiple of 512", 512,
                   1u << 30),
    sdk::parameter("file-size", MILLRACE_BYTES, "",
                   "size of the temporary file made in a folder; default: 1 GiB", 4096, 1.0 * (1ULL << 50)),
    sdk::parameter("queue-depth", MILLRACE_COUNT, "32", "operations in flight, of each thread", 1, 16384),
    sdk::parameter("threads", MILLRACE_COUNT, "1", "threads, each with its own ring", 1, 256),
    sdk::parameter(
        "batch", MILLRACE_COUNT, "",
        "most completions gathered for one system call; default: a quarter of the depth, at most 16", 1,
        4096),
    sdk::parameter("direct", MILLRACE_FLAG, "on", "bypass the page cache (O_DIRECT)"),
    sdk::choice("registered-buffers", "auto|on|off", "auto", "buffers that the kernel pins once"),
    sdk::parameter("registered-files", MILLRACE_FLAG, "on", "files that the kernel looks up once"),
    sdk::parameter("sqpoll", MILLRACE_FLAG, "off", "a kernel thread polls for submissions"),
    sdk::parameter("iopoll", MILLRACE_FLAG, "off", "poll the device for completions (needs its poll queues)"),
    sdk::parameter("rate", MILLRACE_COUNT, "",
                   "operations per second, arriving at random (Poisson); latency counts from the intended "
                   "start, service_p50_s and the like from the submission, warm-up included",
                   1, 1e9),
    sdk::parameter("passes", MILLRACE_COUNT, "", "end after so many passes over the data", 1, 1e9),
    sdk::parameter("verify", MILLRACE_FLAG, "off", "check every byte of what the probe wrote"),
    sdk::parameter("seed", MILLRACE_COUNT, "",
                   "of offsets, arrivals and contents; default: a new one each time"),
};

inline constexpr std::array kOwnReadParameters{
    repeatable_path("path",
                    "file, block device, generic NVMe device (/dev/ng0n1: passthrough), or folder for "
                    "a temporary file"),
    sdk::parameter("dataset", MILLRACE_PATH, "", "folder whose files are read whole, as they are"),
};

inline constexpr std::array kOwnWriteParameters{
    repeatable_path("path", "folder for a temporary file, or a block or generic NVMe device (see --destroy)"),
    repeatable_path("destroy", "device among the paths whose contents may be overwritten"),
    sdk::parameter("prefill", MILLRACE_FLAG, "on",
                   "write the file once before, so that no block is allocated"),
    sdk::choice("fsync", "none|end", "none", "make the data durable at the end"),
};

template <std::size_t N, std::size_t M>
constexpr auto joined(const std::array<millrace_parameter, N>& first,
                      const std::array<millrace_parameter, M>& second) {
  std::array<millrace_parameter, N + M> all{};
  std::copy(first.begin(), first.end(), all.begin());
  std::copy(second.begin(), second.end(), all.begin() + N);
  return all;
}

inline constexpr std::array kReadParameters = joined(kOwnReadParameters, kSharedParameters);
inline constexpr std::array kWriteParameters = joined(kOwnWriteParameters, kSharedParameters);

}  // namespace millrace::storage
