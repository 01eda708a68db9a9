// SPDX-License-Identifier: Apache-2.0
#include "run/dataset.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "run/dataset_folder.hpp"
#include "run/dataset_writer.hpp"
#include "units/quantity.hpp"

namespace millrace::run {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int kZstdLevel = 1;

Result<void> check_room(const DatasetRequest& request, std::uint64_t wanted) {
  if (request.max_bytes > 0 && wanted > request.max_bytes)
    return failure(fmt::format("the data set takes {}, the size cap is {}", to_si(Bytes{wanted}),
                               to_si(Bytes{request.max_bytes})),
                   "raise the cap, or ask for a smaller data set");
  struct statvfs space {};
  if (::statvfs(request.directory.c_str(), &space) != 0)
    return io_failure(fmt::format("cannot use {}", request.directory.string()), errno);
  if ((space.f_flag & ST_RDONLY) != 0)
    return io_failure(fmt::format("cannot write to {}", request.directory.string()), EROFS);
  const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize;
  const std::uint64_t margin =
      wanted / 50 + (std::uint64_t{16} << 20);  // the file system's own, and others' writes
  if (wanted + margin > free)
    return failure(fmt::format("the data set takes {}, but {} has {} free", to_si(Bytes{wanted}),
                               request.directory.string(), to_si(Bytes{free})),
                   "free some space, give another folder, or ask for a smaller data set");
  return {};
}

// Makes the files of one data set in its folder.
class Maker {
 public:
  Maker(const DatasetRequest& request, const DatasetCalls& calls, std::uint64_t total)
      : request_(request), calls_(calls), total_(total), content_(request.seed, request.compressible) {}

  Result<DatasetFile> make_file(const fs::path& path, std::span<const std::uint64_t> sizes) {
    if (calls_.on_create) calls_.on_create(path);
    auto writer = FileWriter::create(path);
    if (!writer) return tl::unexpected(writer.error());
    DatasetFile file{path, 0, {}};
    json record_bytes = json::array(), content_bytes = json::array(), hashes = json::array();
    for (const std::uint64_t size : sizes) {
      std::uint64_t hash = 0;
      const auto stored =
          request_.zstd ? append_frame(*writer, size, content_bytes, hash) : append_raw(*writer, size, hash);
      if (!stored) return tl::unexpected(stored.error());
      file.record_bytes.push_back(*stored);
      record_bytes.push_back(*stored);
      hashes.push_back(fmt::format("{:016x}", hash));
    }
    const auto size = writer->finish();
    if (!size) return tl::unexpected(size.error());
    file.bytes = *size;
    json entry = {{"name", path.filename().string()}, {"record_bytes", record_bytes}, {"xxh64", hashes}};
    if (request_.zstd) entry["content_bytes"] = content_bytes;
    manifest_files_.push_back(std::move(entry));
    return file;
  }

  [[nodiscard]] std::string manifest() const {
    const json manifest = {
        {"schema", kManifestSchema}, {"content", request_.zstd ? "zstd" : "raw"}, {"files", manifest_files_}};
    return manifest.dump() + "\n";
  }

 private:
  Result<void> advance(std::uint64_t bytes) {
    done_ += bytes;
    if (calls_.progress) calls_.progress(std::min(done_, total_), total_);
    if (calls_.cancelled && calls_.cancelled())
      return failure("stopped while the data set was being written", "", Exit::kInterrupted);
    return {};
  }

  Result<std::uint64_t> append_raw(FileWriter& writer, std::uint64_t size, std::uint64_t& hash) {
    XXH64_state_t state;
    XXH64_reset(&state, 0);
    for (std::uint64_t done = 0; done < size;) {
      const std::size_t part = std::min<std::uint64_t>(size - done, chunk_.size());
      const std::span<std::byte> bytes(chunk_.data(), part);
      content_.fill(bytes);
      XXH64_update(&state, bytes.data(), part);
      if (auto wrote = writer.append(bytes); !wrote) return tl::unexpected(wrote.error());
      if (auto on = advance(part); !on) return tl::unexpected(on.error());
      done += part;
    }
    hash = XXH64_digest(&state);
    return size;
  }

  // One frame that is about `size` bytes when stored.
  Result<std::uint64_t> append_frame(FileWriter& writer, std::uint64_t size, json& content_bytes,
                                     std::uint64_t& hash) {
    plain_.resize(
        static_cast<std::size_t>(std::lround(static_cast<double>(size) / (1 - request_.compressible))));
    frame_.resize(ZSTD_compressBound(plain_.size()));
    content_.fill(plain_);
    const std::size_t stored =
        ZSTD_compress(frame_.data(), frame_.size(), plain_.data(), plain_.size(), kZstdLevel);
    if (ZSTD_isError(stored) != 0) return failure(fmt::format("zstd: {}", ZSTD_getErrorName(stored)));
    hash = XXH64(frame_.data(), stored, 0);
    content_bytes.push_back(plain_.size());
    if (auto wrote = writer.append({frame_.data(), stored}); !wrote) return tl::unexpected(wrote.error());
    if (auto on = advance(size); !on) return tl::unexpected(on.error());
    return stored;
  }

  const DatasetRequest& request_;
  const DatasetCalls& calls_;
  std::uint64_t total_, done_ = 0;
  Content content_;
  std::vector<std::byte> chunk_ = std::vector<std::byte>(std::size_t{1} << 20), plain_, frame_;
  json manifest_files_ = json::array();
};

Result<void> fill_folder(const DatasetRequest& request, const DatasetCalls& calls,
                         std::span<const std::uint64_t> sizes, std::uint64_t total, Dataset& dataset) {
  Maker maker(request, calls, total);
  for (std::size_t first = 0; first < sizes.size(); first += request.samples_per_file) {
    const fs::path path = dataset.directory / fmt::format("data-{:06}.bin", first / request.samples_per_file);
    auto file = maker.make_file(path, sizes.subspan(first, request.samples_per_file));
    if (!file) return tl::unexpected(file.error());
    dataset.bytes += file->bytes;
    dataset.records += file->record_bytes.size();
    dataset.files.push_back(std::move(*file));
  }
  if (calls.on_create) calls.on_create(dataset.directory / kManifestName);
  if (auto wrote = write_text(dataset.directory / kManifestName, maker.manifest()); !wrote) return wrote;
  const File folder(::open(dataset.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.fd()) != 0)
    return io_failure(fmt::format("cannot flush {}", dataset.directory.string()), errno);
  return {};
}

}  // namespace

std::vector<std::uint64_t> draw_record_bytes(double mean, double stdev, std::uint64_t count,
                                             std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint64_t> sizes(count);
  for (std::uint64_t& size : sizes) {
    double drawn = mean;
    if (stdev > 0) do
        drawn = mean + stdev * random.normal();
      while (drawn < 0.1 * mean || drawn > 1.9 * mean);
    size = std::max<std::uint64_t>(static_cast<std::uint64_t>(std::llround(drawn)), 1);
  }
  return sizes;
}

Result<Dataset> make_dataset(const DatasetRequest& request, const DatasetCalls& calls) {
  if (!(request.record_bytes >= 1) || request.samples_per_file == 0 || !(request.record_stdev_bytes >= 0))
    return failure("a data set needs records of at least one byte, and at least one of them in a file");
  if (!(request.compressible >= 0 && request.compressible < 1))
    return failure(fmt::format("{} of the bytes cannot be compressible", request.compressible),
                   "give 0 to below 1");
  const double file_bytes = request.record_bytes * static_cast<double>(request.samples_per_file);
  const auto by_size = static_cast<std::uint64_t>(static_cast<double>(request.total_bytes) / file_bytes);
  const std::uint64_t files = request.files > 0 ? request.files : std::max<std::uint64_t>(by_size, 1);
  if (files > 1'000'000) return failure("a data set of more than a million files", "make the records larger");
  // Before a size is drawn for each: absurdly many records are so many that their sum is the expected one.
  const double expected = file_bytes * static_cast<double>(files);
  if (expected / request.record_bytes > 1e7)
    if (auto room = check_room(request, static_cast<std::uint64_t>(std::min(expected, 1e18))); !room)
      return tl::unexpected(room.error());
  const auto sizes = draw_record_bytes(request.record_bytes, request.record_stdev_bytes,
                                       files * request.samples_per_file, request.seed);
  std::uint64_t total = 0;
  for (const std::uint64_t size : sizes) total += size;
  if (auto room = check_room(request, total); !room) return tl::unexpected(room.error());
  auto folder = make_marked_folder(request.directory, calls.on_create);
  if (!folder) return tl::unexpected(folder.error());
  Dataset dataset;
  dataset.directory = *folder;
  dataset.ours = true;
  if (auto filled = fill_folder(request, calls, sizes, total, dataset); !filled) {
    static_cast<void>(remove_ours(*folder));  // the failure that counts is the first
    return tl::unexpected(filled.error());
  }
  return dataset;
}

Result<Dataset> open_dataset(const fs::path& directory) {
  std::error_code error;
  if (!fs::is_directory(directory, error))
    return failure(fmt::format("{} is no folder", directory.string()),
                   "give the folder that holds the data set");
  Dataset dataset;
  dataset.directory = directory;
  dataset.ours = is_ours(directory);
  fs::recursive_directory_iterator at(directory, error), end;
  for (; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.')) {
      if (at->is_directory(error)) at.disable_recursion_pending();
      continue;
    }
    if (name == kManifestName || !at->is_regular_file(error)) continue;
    const std::uint64_t size = at->file_size(error);
    if (error) break;
    if (size > 0) dataset.files.push_back({at->path(), size, {}});
  }
  if (error) return failure(fmt::format("cannot list {}: {}", directory.string(), error.message()));
  if (dataset.files.empty())
    return failure(fmt::format("{} holds no files to read", directory.string()),
                   "give a folder that holds data");
  std::sort(dataset.files.begin(), dataset.files.end(),
            [](const DatasetFile& a, const DatasetFile& b) { return a.path < b.path; });
  for (const DatasetFile& file : dataset.files) dataset.bytes += file.bytes;
  return dataset;
}

}  // namespace millrace::run
