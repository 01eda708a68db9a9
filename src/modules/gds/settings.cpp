// SPDX-License-Identifier: Apache-2.0
#include "modules/gds/settings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "modules/cufile/region.hpp"

namespace millrace::gds {
namespace {

// A recorder each, of which a worker has 256.
constexpr std::uint32_t kMostLanes = 256;
constexpr std::uint32_t kMostStreams = 256;  // of a worker

Calls calls_of(std::string_view text) {
  if (text == "batch") return Calls::kBatch;
  return text == "stream" ? Calls::kStream : Calls::kSync;
}

cufile::Mode mode_of(std::string_view text) {
  if (text == "direct") return cufile::Mode::kDirect;
  return text == "compatibility" ? cufile::Mode::kCompatibility : cufile::Mode::kAuto;
}

Result<void> check(const Settings& settings) {
  const storage::Options& options = settings.storage;
  if (options.paths.empty())
    return failure("nothing to work on was given",
                   options.direction == storage::Direction::kRead
                       ? "give --path FILE or FOLDER"
                       : "give --path FOLDER: a temporary file is made there");
  if (options.block_size % cufile::kAlignment != 0 || options.block_size == 0)
    return failure(
        fmt::format("--block-size {} is no multiple of {}", options.block_size, cufile::kAlignment),
        "direct transfers are aligned to 4 KiB in size, file and buffer");
  if (settings.calls != Calls::kBatch && std::uint64_t{options.threads} * options.queue_depth >
                                             (settings.calls == Calls::kSync ? kMostLanes : kMostStreams))
    return failure(
        fmt::format("--threads x --queue-depth is more than {}", kMostLanes),
        "each operation in flight takes a thread (or stream): --calls batch reaches greater depths");
  if (options.verify && options.direction == storage::Direction::kWrite && !options.prefill)
    return failure("--verify on needs --prefill on", "blocks that were never written have no known content");
  return {};
}

}  // namespace

Result<Settings> settings_from(const sdk::Host& host, storage::Direction direction, std::uint64_t seed) {
  Settings settings;
  storage::Options& options = settings.storage;
  options.direction = direction;
  options.paths = host.list("path");
  options.pattern =
      host.text("pattern") == "random" ? storage::Pattern::kRandom : storage::Pattern::kSequential;
  options.block_size = static_cast<std::uint32_t>(host.bytes("block-size"));
  options.file_size = host.bytes("file-size");
  options.queue_depth = std::max(static_cast<std::uint32_t>(host.integer("queue-depth")), 1U);
  options.threads = std::max(static_cast<std::uint32_t>(host.integer("threads")), 1U);
  options.batch = 1;
  options.passes = host.integer("passes");
  options.verify = host.flag("verify");
  options.seed_given = host.given("seed");
  options.seed =
      (host.given("seed") ? host.integer("seed") : seed) + static_cast<std::uint64_t>(host.rank()) * 0x10001;
  if (direction == storage::Direction::kWrite) {
    options.prefill = host.flag("prefill");
    options.fsync_end = host.text("fsync") == "end";
  }
  settings.calls = calls_of(host.text("calls"));
  settings.mode = mode_of(host.text("mode"));
  settings.gpus = host.text("gpu");
  settings.timeout_ns = host.duration_ns("timeout");
  if (const Result<void> fine = check(settings); !fine) return tl::unexpected(fine.error());
  if (settings.calls == Calls::kSync) {
    options.threads *= options.queue_depth;
    options.queue_depth = 1;
  }
  return settings;
}

Result<std::vector<cuda::Device>> gpus_of(const Settings& settings) {
  auto all = cuda::devices();
  if (!all || settings.gpus == "all") return all;
  std::vector<cuda::Device> chosen;
  std::string_view rest = settings.gpus;
  while (true) {
    const std::size_t end = rest.find(',');
    auto device = cuda::find_device(*all, rest.substr(0, end));
    if (!device) return tl::unexpected(device.error());
    const bool twice = std::any_of(chosen.begin(), chosen.end(),
                                   [&](const cuda::Device& one) { return one.index == device->index; });
    if (!twice) chosen.push_back(std::move(*device));
    if (end == std::string_view::npos) return chosen;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace millrace::gds
