// SPDX-License-Identifier: Apache-2.0
// The parameters of storage.gds_read and storage.gds_write: those of storage.read and storage.write where
// they mean the same, and what GPUDirect Storage has besides.
#pragma once

#include <array>

#include "modules/storage/parameters.hpp"

namespace millrace::gds {

inline constexpr std::array kSharedParameters{
    sdk::parameter("gpu", MILLRACE_TEXT, "0",
                   "index, PCI address or UUID; several with commas between them, or all: a worker each"),
    sdk::choice(
        "calls", "sync|batch|stream", "sync",
        "cuFileRead and cuFileWrite, each operation in flight in a thread of its own; cuFileBatchIO*; or "
        "cuFileReadAsync and cuFileWriteAsync, each operation in flight in a stream of its own"),
    sdk::choice(
        "mode", "auto|direct|compatibility", "auto",
        "auto: as /etc/cufile.json says; direct: fail rather than go through host memory; compatibility: go "
        "through host memory"),
    sdk::choice("pattern", "sequential|random", "sequential", "order of the blocks"),
    sdk::parameter("block-size", MILLRACE_BYTES, "1MiB", "bytes of one operation, a multiple of 4096", 4096,
                   1u << 30),
    sdk::parameter("file-size", MILLRACE_BYTES, "1GiB", "size of the temporary file made in a folder", 4096,
                   1.0 * (1ULL << 50)),
    sdk::parameter("queue-depth", MILLRACE_COUNT, "16", "operations in flight, of each thread", 1, 1024),
    sdk::parameter("threads", MILLRACE_COUNT, "1", "of each worker", 1, 128),
    sdk::parameter("passes", MILLRACE_COUNT, "", "end after so many passes over the data", 1, 1e9),
    sdk::parameter("verify", MILLRACE_FLAG, "off", "check every byte of what the probe wrote; slow"),
    sdk::parameter("seed", MILLRACE_COUNT, "", "of offsets and contents; default: a new one each time"),
    sdk::parameter("timeout", MILLRACE_DURATION, "20s", "give an operation of a batch or stream up after it",
                   1e8, 6e11),
};

inline constexpr std::array kOwnReadParameters{
    storage::repeatable_path("path", "file or block device, read only; or folder for a temporary file"),
};

inline constexpr std::array kOwnWriteParameters{
    storage::repeatable_path("path", "folder for a temporary file"),
    sdk::parameter("prefill", MILLRACE_FLAG, "on",
                   "write the file once before, so that no block is allocated"),
    sdk::choice("fsync", "none|end", "none", "make the data durable at the end"),
};

inline constexpr std::array kReadParameters = storage::joined(kOwnReadParameters, kSharedParameters);
inline constexpr std::array kWriteParameters = storage::joined(kOwnWriteParameters, kSharedParameters);

}  // namespace millrace::gds
