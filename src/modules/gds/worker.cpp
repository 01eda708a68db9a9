// SPDX-License-Identifier: Apache-2.0
#include "modules/gds/worker.hpp"

#include <fcntl.h>

#include <utility>

#include "modules/cufile/direct_reads.hpp"
#include "modules/storage/page_cache.hpp"
#include "modules/storage/test_file.hpp"

namespace millrace::gds {
namespace {

Result<storage::Target> open_target(const sdk::Host& host, const std::string& path, std::uint64_t index,
                                    const storage::Options& options) {
  const Result<storage::PathKind> kind = storage::kind_of(path);
  if (!kind) return tl::unexpected(kind.error());
  const bool read = options.direction == storage::Direction::kRead;
  if (*kind != storage::PathKind::kFolder) return storage::open_for_reading(path, options);
  // It keeps its name: cuFile looks a file up by it.
  const Result<storage::Target> file =
      storage::make_test_file(host, path, options, index, read || options.prefill, storage::Name::kKept);
  if (!file) return tl::unexpected(file.error());
  return storage::reopen(*file, read ? O_RDONLY : O_RDWR, options);
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::make(const sdk::Host& host, const Settings& settings) {
  auto gpus = gpus_of(settings);
  if (!gpus) return tl::unexpected(gpus.error());
  const cuda::Device& device = gpus->at(static_cast<std::size_t>(host.rank()));
  host.ends_on(device.stand_in ? "stand-in" : "gpu");
  auto context = cuda::Context::of(device);
  if (!context) return tl::unexpected(context.error());
  auto worker = std::make_unique<Worker>();
  worker->context = std::move(*context);
  worker->gpu = cufile::uuid_from(device.uuid).value_or(cufile::Uuid{});
  auto driver = cufile::Driver::open(settings.mode);
  if (!driver) return tl::unexpected(driver.error());
  worker->driver.emplace(std::move(*driver));
  if (Result<void> opened = worker->open_files(host, settings); !opened)
    return tl::unexpected(opened.error());
  if (Result<void> made = worker->make_lanes(settings); !made) return tl::unexpected(made.error());
  worker->cached_before = worker->cached_now();
  return worker;
}

double Worker::cached_now() const {
  double share = 0, bytes = 0;
  for (const storage::Target& target : targets) {
    share += storage::cached_share(target.fd.get(), target.bytes) * static_cast<double>(target.bytes);
    bytes += static_cast<double>(target.bytes);
  }
  return bytes > 0 ? share / bytes : 0;
}

Result<void> Worker::open_files(const sdk::Host& host, const Settings& settings) {
  const std::vector<std::string>& paths = settings.storage.paths;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    auto target = open_target(host, paths[i], i, settings.storage);
    if (!target) return tl::unexpected(target.error());
    targets.push_back(std::move(*target));
  }
  for (const storage::Target& target : targets) {
    auto file = cufile::RegisteredFile::make(driver->calls(), target.fd.get(), target.name);
    if (!file) return tl::unexpected(file.error());
    files.push_back(std::move(*file));
  }
  return {};
}

Result<void> Worker::make_lanes(const Settings& settings) {
  auto made = Slots::make(context, driver->calls(), settings);
  if (!made) return tl::unexpected(made.error());
  slots.emplace(std::move(*made));
  if (settings.storage.verify) written.emplace(targets, settings.storage.block_size);
  const Shared shared{&settings, targets, files, &*slots, written ? &*written : nullptr};
  for (std::size_t i = 0; i < settings.storage.threads; ++i) {
    auto lane = Lane::make(shared, driver->calls(), i);
    if (!lane) return tl::unexpected(lane.error());
    lanes.push_back(std::move(*lane));
  }
  return {};
}

}  // namespace millrace::gds
