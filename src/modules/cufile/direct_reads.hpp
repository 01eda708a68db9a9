// SPDX-License-Identifier: Apache-2.0
// Reads from files straight into one GPU's memory, for a memory module's read_direct: what stands between a
// caller that has descriptors and pointers, and cuFile, which has handles and regions.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "modules/cufile/driver.hpp"
#include "modules/cufile/path_proof.hpp"
#include "modules/cufile/region.hpp"
#include "modules/cufile/registered_file.hpp"

namespace millrace::cufile {

// "GPU-8a6f…" as bytes; nothing where it is no UUID.
std::optional<Uuid> uuid_from(std::string_view text);

class DirectReads {
 public:
  // Whether there is a libcufile at all; opens nothing but the library.
  static bool available() { return api().has_value(); }

  // The driver is opened by the first read.
  explicit DirectReads(const Uuid& gpu) : gpu_(gpu) {}
  DirectReads(const DirectReads&) = delete;
  DirectReads& operator=(const DirectReads&) = delete;

  // Reads `size` bytes at `file_offset` of the file to `at` of the allocation; all three are multiples of
  // 4096. Returns the bytes read: less only at the end of the file. The allocation is registered as a whole
  // by its first read, a file when it is first seen (the last few are kept, known by device and inode). Any
  // thread, with the GPU's context current.
  Result<std::size_t> read(int fd, std::uint64_t file_offset, void* allocation, std::size_t allocation_size,
                           std::size_t at, std::size_t size);
  // Before the allocation is freed.
  void forget(void* allocation);
  // Which way all reads so far went. Not while any is going on.
  Verdict path() const;

 private:
  using File = std::shared_ptr<const RegisteredFile>;
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // device, inode

  Result<void> prepare(void* allocation, std::size_t size);
  Result<File> file_of(int fd);

  Uuid gpu_;
  std::mutex mutex_;
  std::optional<Driver> driver_;  // first: regions and files need it to their end
  Counters before_;
  std::map<void*, Region> regions_;
  struct Kept {
    File file;
    std::uint64_t used = 0;
  };
  std::map<Key, Kept> files_;
  std::uint64_t uses_ = 0;
  std::atomic<std::uint64_t> operations_{0};
};

}  // namespace millrace::cufile
