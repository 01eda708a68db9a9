// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/probe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "modules/storage/closed_loop.hpp"
#include "modules/storage/device_guard.hpp"
#include "modules/storage/open_loop.hpp"
#include "modules/storage/plan.hpp"
#include "modules/storage/system_failure.hpp"
#include "modules/storage/test_file.hpp"

namespace millrace::storage {
namespace {

constexpr std::uint64_t kReadBackBytes = 4 << 20;
// Arrivals that wait for longer than this share of the run at its end: a rate that much too high, not a
// hiccup.
constexpr double kBehindShare = 0.05;

std::uint64_t fresh_seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = static_cast<std::uint64_t>(now_ns());
  return seed;
}

// Data sets have many files: as many may be open as the hard limit allows.
Result<void> allow_open_files(std::size_t files) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return system_failure(errno, "read the limit of open files");
  constexpr std::size_t kOthers = 64;
  if (files + kOthers <= limit.rlim_cur) return {};
  if (files + kOthers > limit.rlim_max)
    return failure(
        fmt::format("{} files are more than the {} that may be open at once", files, limit.rlim_max),
        fmt::format("raise the limit: ulimit -Hn {}; or give a part of the data set", files + kOthers));
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return system_failure(errno, "raise the limit of open files");
  return {};
}

// On such a file system the page cache is the storage.
bool lies_in_memory(const Target& target) {
  struct statfs status = {};
  return !target.device && fstatfs(target.fd.get(), &status) == 0 &&
         (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

// What fsync and pread work on.
int block_io(const Target& target) { return target.nvme ? target.beside.get() : target.fd.get(); }

// One loop has one kind of command.
Result<void> check_all_alike(const std::vector<Target>& targets) {
  const auto is_generic = [](const Target& target) { return target.nvme.has_value(); };
  const auto other = std::find_if(targets.begin(), targets.end(), [&](const Target& target) {
    return is_generic(target) != is_generic(targets.front());
  });
  if (other == targets.end()) return {};
  return failure(fmt::format("{} and {} are reached in different ways and cannot share a queue",
                             targets.front().name, other->name),
                 "give generic NVMe devices alone, or none");
}

Result<Target> open_target(const sdk::Host& host, const std::string& path, std::uint64_t index,
                           const Options& options) {
  const Result<PathKind> kind = kind_of(path);
  if (!kind) return tl::unexpected(kind.error());
  const bool read = options.direction == Direction::kRead;
  if (*kind == PathKind::kFolder) {
    const Result<Target> file = make_test_file(host, path, options, index, read || options.prefill);
    if (!file) return tl::unexpected(file.error());
    return reopen(*file, read ? O_RDONLY : O_RDWR, options);
  }
  if (read) return open_for_reading(path, options);
  if (*kind != PathKind::kFile) return open_for_destroying(path, options);
  return failure(path + " exists already: it is not overwritten",
                 "give a folder: a temporary file is made there and removed afterwards");
}

}  // namespace

sdk::Outcome StorageProbe::describe(sdk::Host& host, Direction direction) {
  const Result<Options> options = options_from(host, direction, 0);
  if (!options) return report(host, options.error());
  return plan_workers(host, *options);
}

Result<void> StorageProbe::open_targets(const sdk::Host& host) {
  if (options_.dataset.empty()) {
    for (std::size_t i = 0; i < options_.paths.size(); ++i) {
      Result<Target> target = open_target(host, options_.paths[i], i, options_);
      if (!target) return tl::unexpected(target.error());
      targets_.push_back(std::move(*target));
    }
    return check_all_alike(targets_);
  }
  const Result<std::vector<std::string>> files = files_below(options_.dataset);
  if (!files) return tl::unexpected(files.error());
  if (Result<void> allowed = allow_open_files(files->size()); !allowed) return allowed;
  for (const std::string& file : *files) {
    Result<Target> target = open_for_reading(file, options_);
    if (!target) return tl::unexpected(target.error());
    targets_.push_back(std::move(*target));
  }
  return {};
}

Result<StorageProbe::Blocks> StorageProbe::blocks_for(std::uint32_t thread) const {
  if (!options_.dataset.empty()) {
    std::vector<WholeFiles::File> files = files_of(thread, targets_, options_.threads);
    if (files.empty())
      return failure(fmt::format("{} files are fewer than --threads {}", targets_.size(), options_.threads),
                     "give fewer threads");
    return WholeFiles(std::move(files), options_.block_size, options_.passes);
  }
  std::vector<Extent> extents = share_of(thread, targets_, options_);
  if (extents.empty())
    return failure(fmt::format("the data has fewer blocks of {} bytes than --threads {}", options_.block_size,
                               options_.threads),
                   "give fewer threads, or a smaller --block-size");
  if (options_.pattern == Pattern::kSequential)
    return SequentialBlocks(std::move(extents), options_.block_size, options_.queue_depth, options_.passes,
                            1);
  return RandomBlocks(std::move(extents), options_.block_size, options_.queue_depth, options_.passes,
                      options_.threads, mix64(options_.seed ^ (std::uint64_t{thread} + 1)));
}

sdk::Outcome StorageProbe::open(sdk::Host& host) {
  const Result<Options> options = options_from(host, direction_, fresh_seed());
  if (!options) return report(host, options.error());
  options_ = *options;
  if (const Result<void> opened = open_targets(host); !opened) return report(host, opened.error());
  for (std::uint32_t i = 0; i < options_.threads; ++i) {
    Result<Blocks> blocks = blocks_for(i);
    if (!blocks) return report(host, blocks.error());
    Result<std::unique_ptr<Lane>> lane = Lane::make(options_, targets_, i);
    if (!lane) return report(host, lane.error());
    threads_.push_back({std::move(*lane), std::move(*blocks), std::nullopt, 0});
  }
  say_what_was_used(host);
  return sdk::Outcome::kOk;
}

void StorageProbe::say_what_was_used(const sdk::Host& host) const {
  const Lane& lane = *threads_.front().lane;
  host.log(MILLRACE_LOG_DEBUG, fmt::format("io_uring set up with flags {:#x}; seed {}; {} target(s)",
                                           lane.ring().setup_flags(), options_.seed, targets_.size()));
  if (!lane.ring().deferred() && !options_.sqpoll) host.raise_flag("no-defer-taskrun");
  if (options_.registered_buffers == Registration::kAuto && !lane.buffers_registered())
    host.raise_flag("unregistered-buffers");
  if (targets_.front().nvme) host.raise_flag("nvme-passthrough");
  if (!options_.direct || std::any_of(targets_.begin(), targets_.end(), lies_in_memory))
    host.raise_flag("cache-not-bypassed");
}

template <typename Command, typename SomeBlocks, typename Stopped>
void StorageProbe::run_loop(Thread& thread, SomeBlocks& blocks, const sdk::Host& host, std::uint32_t index,
                            Stopped stopped) {
  Lane& lane = *thread.lane;
  sdk::Recorder recorder = host.recorder();
  if (!options_.rate_per_s) return run_closed_loop<Command>(lane, blocks, recorder, options_.batch, stopped);
  const double share = static_cast<double>(host.ranks()) * options_.threads;
  const Arrivals arrivals(*options_.rate_per_s / share, now_ns(),
                          mix64(options_.seed + 0x5851f42d4c957f2dU * (index + 1)));
  lane.time_service(thread.service_times);
  thread.behind_ns = run_open_loop<Command>(lane, blocks, recorder, arrivals, stopped);
}

void StorageProbe::run_thread(const sdk::Host& host, std::uint32_t index, std::atomic<bool>& failed) {
  Thread& thread = threads_[index];
  Lane& lane = *thread.lane;
  const auto stopped = [&] { return host.cancelled() || failed.load(std::memory_order_relaxed); };
  if (const Result<void> enabled = lane.enable(); !enabled) {
    thread.error = enabled.error();
  } else {
    std::visit(
        [&](auto& blocks) {
          if (targets_.front().nvme)
            run_loop<NvmeCommand>(thread, blocks, host, index, stopped);
          else
            run_loop<FileCommand>(thread, blocks, host, index, stopped);
        },
        thread.blocks);
    thread.error = lane.error();
    lane.release();
  }
  if (thread.error) failed = true;
}

sdk::Outcome StorageProbe::run(sdk::Host& host) {
  const std::int64_t begin = now_ns();
  std::atomic<bool> failed{false};
  std::vector<std::thread> others;  // with one thread the loop runs here, where the core pinned it
  for (std::uint32_t i = 1; i < options_.threads; ++i)
    others.emplace_back([this, &host, i, &failed] { run_thread(host, i, failed); });
  run_thread(host, 0, failed);
  for (std::thread& other : others) other.join();

  std::uint64_t system_calls = 0;
  for (const Thread& thread : threads_) {
    if (thread.error) return report(host, *thread.error);
    system_calls += thread.lane->system_calls();
    if (static_cast<double>(thread.behind_ns) > kBehindShare * static_cast<double>(now_ns() - begin))
      host.raise_flag("rate-not-reached");
  }
  if (options_.rate_per_s) say_service_times(host);
  host.counter("storage:system_calls", static_cast<double>(system_calls));
  if (std::any_of(targets_.begin(), targets_.end(),
                  [](const Target& t) { return t.content_seed && !t.device && !t.nvme; }))
    host.sample("file_bytes", static_cast<double>(targets_.front().bytes));
  if (!options_.dataset.empty()) {
    double bytes = 0;
    for (const Target& target : targets_) bytes += static_cast<double>(target.bytes);
    host.sample("dataset_bytes", bytes);
  }
  if (const Result<void> durable = make_durable(host); !durable) return report(host, durable.error());
  if (!options_.verify) return sdk::Outcome::kOk;
  if (direction_ == Direction::kWrite) {
    if (const Result<void> right = read_back(); !right) return report(host, right.error());
  }
  host.verified(true);
  return sdk::Outcome::kOk;
}

void StorageProbe::say_service_times(const sdk::Host& host) const {
  ServiceTimes all;
  for (const Thread& thread : threads_) all.merge(thread.service_times);
  for (const auto& [name, q] :
       {std::pair{"service_p50_s", 0.5}, {"service_p99_s", 0.99}, {"service_p999_s", 0.999}})
    if (const auto seconds = all.quantile_s(q)) host.sample(name, *seconds);
}

Result<void> StorageProbe::make_durable(const sdk::Host& host) const {
  if (!options_.fsync_end) return {};
  const std::int64_t begin = now_ns();
  for (const Target& target : targets_)
    if (fsync(block_io(target)) != 0) return system_failure(errno, "make " + target.name + " durable");
  host.sample("fsync_s", static_cast<double>(now_ns() - begin) * 1e-9);
  return {};
}

// After writing with --verify: every page of our own files must be one that was written there, before or
// during the measurement.
Result<void> StorageProbe::read_back() const {
  Result<Buffer> buffer = Buffer::allocate(kReadBackBytes, kReadBackBytes);
  if (!buffer) return tl::unexpected(buffer.error());
  for (const Target& target : targets_) {
    const Pages pages(target.content_seed.value_or(0), page_size_for(options_.block_size));
    for (std::uint64_t offset = 0; offset < target.bytes; offset += kReadBackBytes) {
      const auto size = static_cast<std::size_t>(std::min(kReadBackBytes, target.bytes - offset));
      const ssize_t got = pread(block_io(target), buffer->data(), size, static_cast<off_t>(offset));
      if (got != static_cast<ssize_t>(size))
        return system_failure(got < 0 ? errno : EIO,
                              fmt::format("read back {} at offset {}", target.name, offset));
      if (const auto wrong = pages.first_wrong({buffer->data(), size}, offset))
        return failure(fmt::format("wrong data at offset {} of {} after writing", *wrong, target.name),
                       "the drive, its controller or memory corrupts data: trust nothing on it");
    }
  }
  return {};
}

sdk::Outcome StorageProbe::close(sdk::Host&) { return sdk::Outcome::kOk; }

}  // namespace millrace::storage
