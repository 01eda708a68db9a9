// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/plan.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "modules/storage/device_guard.hpp"
#include "modules/storage/system_failure.hpp"
#include "modules/storage/target.hpp"
#include "modules/storage/test_file.hpp"

namespace millrace::storage {
namespace {

constexpr std::uint64_t kFileLayoutBytes = 8 << 20;

Result<void> check_file_size(const Options& options) {
  if (options.file_size < options.block_size)
    return failure(
        fmt::format("--file-size {} is less than one block of {}", options.file_size, options.block_size),
        "give a larger --file-size or a smaller --block-size");
  return {};
}

Result<void> check_path(const std::string& path, const Options& options) {
  const Result<PathKind> kind = kind_of(path);
  if (!kind) return tl::unexpected(kind.error());
  if (*kind == PathKind::kFolder) {
    if (Result<void> fine = check_file_size(options); !fine) return fine;
    return check_space(path, options.file_size);
  }
  if (options.direction == Direction::kWrite) {
    if (*kind == PathKind::kFile)
      return failure(path + " exists already: it is not overwritten",
                     "give a folder: a temporary file is made there and removed afterwards");
    return check_destroyable(path, options.destroy);
  }
  if (options.verify && *kind == PathKind::kFile)
    return failure("--verify on cannot know what " + path + " should hold",
                   "it checks files that the probe made itself: give a folder by --path");
  if (options.verify && !options.seed_given)
    return failure("--verify on cannot know what " + path + " should hold",
                   "give the --seed and --block-size with which storage.write --destroy wrote all of it");
  const Result<Target> target = open_for_reading(path, options);
  if (!target) return tl::unexpected(target.error());
  return {};
}

Result<void> check_plan(const Options& options) {
  if (!options.dataset.empty()) {
    const Result<PathKind> kind = kind_of(options.dataset);
    if (!kind) return tl::unexpected(kind.error());
    if (*kind != PathKind::kFolder)
      return failure(options.dataset + " is no folder", "give a single file by --path");
    if (access(options.dataset.c_str(), R_OK | X_OK) != 0)
      return system_failure(errno, "read the folder " + options.dataset);
    const Result<std::vector<std::string>> files = files_below(options.dataset);
    if (!files) return tl::unexpected(files.error());
    if (files->size() < options.threads)
      return failure(fmt::format("the {} files of {} are fewer than --threads {}", files->size(),
                                 options.dataset, options.threads),
                     "give fewer threads");
    return {};
  }
  bool any_folder = false;
  for (const std::string& path : options.paths) {
    if (Result<void> fine = check_path(path, options); !fine) return fine;
    any_folder = any_folder || kind_of(path) == PathKind::kFolder;
  }
  if (options.file_size_given && !any_folder)
    return failure(
        fmt::format("--file-size is for the temporary file that is made in a folder, and {} is none",
                    options.paths.front()),
        "leave --file-size out, or give a folder by --path");
  return {};
}

// A generic device is known by its block device.
std::string block_device_of(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0 || !S_ISCHR(status.st_mode)) return path;
  const Result<NvmeNamespace> space = nvme_namespace(status.st_rdev, path);
  return space ? space->block_device : path;
}

// The memory endpoint of a NUMA node, or the first one.
std::string memory_near(const sdk::Host& host, int numa_node) {
  std::string first;
  for (std::uint32_t i = 0;; ++i) {
    const millrace_endpoint* endpoint = host.endpoint(i);
    if (endpoint == nullptr) return first.empty() ? "memory:0" : first;
    if (std::string_view(endpoint->kind) != "memory") continue;
    if (endpoint->numa_node == numa_node) return endpoint->id;
    if (first.empty()) first = endpoint->id;
  }
}

struct Spot {
  std::string endpoint;
  int numa_node = -1;
};

sdk::Outcome add_worker(const sdk::Host& host, const Options& options, const Spot& place) {
  const bool read = options.direction == Direction::kRead;
  const std::string memory = memory_near(host, place.numa_node);
  sdk::WorkerRequest request;
  request.role = read ? "reader" : "writer";
  request.from = read ? place.endpoint : memory;
  request.to = read ? memory : place.endpoint;
  request.numa_node = place.numa_node;
  request.threads = options.threads;
  request.memory_bytes = options.buffer_bytes() + kFileLayoutBytes;
  request.locked_bytes = options.registered_buffers == Registration::kOff ? 0 : options.buffer_bytes();
  // The kernel takes fewer locks for a registration that would not fit: with "auto" the probe goes on
  // without.
  if (options.registered_buffers == Registration::kAuto) {
    rlimit limit = {};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < request.locked_bytes && geteuid() != 0)
      request.locked_bytes = 0;
  }
  return host.add_worker(request);
}

}  // namespace

sdk::Outcome report(const sdk::Host& host, const Error& error) {
  return error.exit == Exit::kInconclusive ? host.unavailable(error.what, error.hint)
                                           : host.fail(error.what, error.hint);
}

sdk::Outcome plan_workers(const sdk::Host& host, const Options& options) {
  if (const Result<void> fine = check_plan(options); !fine) return report(host, fine.error());
  std::vector<Spot> places;
  const std::vector<std::string> roots =
      options.dataset.empty() ? options.paths : std::vector<std::string>{options.dataset};
  for (const std::string& path : roots) {
    const millrace_endpoint* endpoint = host.locate(block_device_of(path));
    if (endpoint == nullptr) return sdk::Outcome::kFailed;
    places.push_back({endpoint->id, endpoint->numa_node});
  }
  const bool one_place = std::all_of(places.begin(), places.end(), [&](const Spot& place) {
    return place.endpoint == places.front().endpoint;
  });
  if (one_place) places.resize(1);
  for (const Spot& place : places) {
    const sdk::Outcome outcome = add_worker(host, options, place);
    if (outcome != sdk::Outcome::kOk) return outcome;
  }
  return sdk::Outcome::kOk;
}

}  // namespace millrace::storage
