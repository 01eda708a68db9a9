// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "units/quantity.hpp"

namespace millrace::storage {
namespace {

constexpr std::uint32_t kDefaultBatch =
    16;  // fio's t/io_uring gains little beyond (reference of the field: 16-32)

// Workers share the paths: one worker has all of them, several have one each (see describe in probe.cpp).
std::vector<std::string> own_paths(const sdk::Host& host) {
  std::vector<std::string> paths = host.list("path");
  if (host.ranks() <= 1) return paths;
  return {paths.at(static_cast<std::size_t>(host.rank()))};
}

Result<void> check(const Options& options) {
  if (options.paths.empty() && options.dataset.empty())
    return failure("nothing to work on was given",
                   options.direction == Direction::kRead
                       ? "give --path FILE, DEVICE or FOLDER, or --dataset FOLDER"
                       : "give --path FOLDER: a temporary file is made there");
  if (!options.paths.empty() && !options.dataset.empty())
    return failure("both --path and --dataset were given", "give one of them");
  if (options.block_size % 512 != 0)
    return failure(fmt::format("--block-size {} is no multiple of 512", options.block_size),
                   "512 bytes is the least that a drive reads or writes");
  if (options.batch > options.queue_depth)
    return failure(
        fmt::format("--batch {} is more than --queue-depth {}", options.batch, options.queue_depth),
        "no more can complete than are in flight");
  if (options.iopoll && !options.direct)
    return failure("--iopoll on needs --direct on", "polling bypasses the page cache");
  if (!options.dataset.empty() && options.pattern == Pattern::kRandom)
    return failure("--dataset reads whole files one after another, not --pattern random",
                   "give the files by --path for random reads");
  if (options.file_size_given && !options.dataset.empty())
    return failure(
        "--file-size is for the temporary file that is made in a folder, and --dataset reads the files there",
        "leave --file-size out");
  if (options.verify && !options.dataset.empty())
    return failure("--verify on cannot know what the files of --dataset should hold",
                   "it checks files that the probe made itself: give a folder by --path");
  if (options.verify && options.direction == Direction::kWrite && !options.prefill)
    return failure("--verify on needs --prefill on", "blocks that were never written have no known content");
  return {};
}

Registration registration(std::string_view text) {
  if (text == "on") return Registration::kOn;
  return text == "off" ? Registration::kOff : Registration::kAuto;
}

constexpr std::uint64_t kDefaultFileSize = 1 << 30;

}  // namespace

Result<Options> options_from(const sdk::Host& host, Direction direction, std::uint64_t seed) {
  Options options;
  options.direction = direction;
  options.paths = own_paths(host);
  options.dataset = host.text("dataset");
  options.destroy = host.list("destroy");
  options.pattern = host.text("pattern") == "random" ? Pattern::kRandom : Pattern::kSequential;
  options.block_size = static_cast<std::uint32_t>(host.bytes("block-size"));
  options.file_size_given = host.given("file-size");
  options.file_size = options.file_size_given ? host.bytes("file-size") : kDefaultFileSize;
  options.queue_depth = static_cast<std::uint32_t>(host.integer("queue-depth"));
  options.threads = static_cast<std::uint32_t>(host.integer("threads"));
  options.batch = host.given("batch") ? static_cast<std::uint32_t>(host.integer("batch"))
                                      : std::clamp(options.queue_depth / 4, 1U, kDefaultBatch);
  options.direct = host.flag("direct");
  options.sqpoll = host.flag("sqpoll");
  options.iopoll = host.flag("iopoll");
  options.registered_files = host.flag("registered-files");
  options.registered_buffers = registration(host.text("registered-buffers"));
  if (host.given("rate")) options.rate_per_s = static_cast<double>(host.integer("rate"));
  options.passes = host.integer("passes");
  options.verify = host.flag("verify");
  options.seed_given = host.given("seed");
  options.seed =
      (host.given("seed") ? host.integer("seed") : seed) + static_cast<std::uint64_t>(host.rank()) * 0x10001;
  if (direction == Direction::kWrite) {
    options.prefill = host.flag("prefill");
    options.fsync_end = host.text("fsync") == "end";
  }
  // What the core checks already, checked again: a zero here would divide.
  options.queue_depth = std::max(options.queue_depth, 1U);
  options.threads = std::max(options.threads, 1U);
  if (options.block_size == 0) return failure("--block-size must be given");
  if (const Result<void> fine = check(options); !fine) return tl::unexpected(fine.error());
  return options;
}

}  // namespace millrace::storage
