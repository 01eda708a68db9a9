// SPDX-License-Identifier: Apache-2.0
#include "modules/gds/plan.hpp"

#include <fmt/format.h>

#include <string>

#include "modules/cuda/failure.hpp"
#include "modules/gds/slots.hpp"
#include "modules/storage/target.hpp"
#include "modules/storage/test_file.hpp"

namespace millrace::gds {
namespace {

using storage::Direction;
using storage::PathKind;

constexpr std::uint64_t kFileLayoutBytes = 8 << 20;

Result<void> check_path(const std::string& path, const storage::Options& options, std::size_t files) {
  const Result<PathKind> kind = storage::kind_of(path);
  if (!kind) return tl::unexpected(kind.error());
  if (*kind == PathKind::kFolder) {
    if (options.file_size < options.block_size)
      return failure(
          fmt::format("--file-size {} is less than one block of {}", options.file_size, options.block_size),
          "give a larger --file-size or a smaller --block-size");
    return storage::check_space(path, options.file_size * files);
  }
  if (options.direction == Direction::kWrite)
    return failure(fmt::format("{} is no folder: nothing that is there already is written", path),
                   "give a folder: a temporary file is made there and removed afterwards");
  if (*kind == PathKind::kNvmeGeneric)
    return failure(fmt::format("{} takes NVMe commands, and cuFile reads files", path),
                   "give the block device beside it (/dev/nvme0n1), a file or a folder");
  if (options.verify)
    return failure("--verify on cannot know what " + path + " should hold",
                   "it checks files that the probe made itself: give a folder by --path");
  const Result<storage::Target> target = storage::open_for_reading(path, options);
  if (!target) return tl::unexpected(target.error());
  return {};
}

// Where the files lie: endpoint ids with MILLRACE_SEVERAL between them; empty: locate has called fail.
std::string endpoints_of(const sdk::Host& host, const storage::Options& options) {
  std::string all;
  for (const std::string& path : options.paths) {
    const millrace_endpoint* endpoint = host.locate(path);
    if (endpoint == nullptr) return {};
    if ((" " + all + " ").find(fmt::format(" {} ", endpoint->id)) == std::string::npos)
      all += (all.empty() ? "" : MILLRACE_SEVERAL) + std::string(endpoint->id);
  }
  return all;
}

}  // namespace

sdk::Outcome plan_workers(const sdk::Host& host, const Settings& settings) {
  const storage::Options& options = settings.storage;
  const auto gpus = gpus_of(settings);
  if (!gpus) return cuda::report(host, gpus.error());
  for (const std::string& path : options.paths)
    if (const Result<void> fine = check_path(path, options, gpus->size()); !fine)
      return cuda::report(host, fine.error());
  const std::string storage_end = endpoints_of(host, options);
  if (storage_end.empty()) return sdk::Outcome::kFailed;
  const bool read = options.direction == Direction::kRead;
  for (const cuda::Device& gpu : *gpus) {
    sdk::WorkerRequest request;
    request.role = read ? "reader" : "writer";
    request.from = read ? storage_end : gpu.id();
    request.to = read ? gpu.id() : storage_end;
    request.numa_node = gpu.numa_node;
    request.threads = options.threads;
    request.memory_bytes = kFileLayoutBytes + std::uint64_t{options.threads} * options.block_size;
    if (gpu.stand_in) request.memory_bytes += Slots::bytes_of(options);  // its memory is this machine's
    if (const sdk::Outcome added = host.add_worker(request); added != sdk::Outcome::kOk) return added;
  }
  return sdk::Outcome::kOk;
}

}  // namespace millrace::gds
