// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/record_index.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <random>

#include "modules/ingest/normalize.hpp"

namespace millrace::ingest {
namespace fs = std::filesystem;

namespace {

constexpr const char* kManifest = "millrace-dataset.json";
constexpr std::size_t kMaxFrameHeader =
    18;  // zstd's format, RFC 8878, section 3.1.1: magic number and header
constexpr const char* kSchema = "millrace.dataset/1";

tl::unexpected<Error> bad_manifest(const fs::path& manifest, const std::string& why) {
  return failure(fmt::format("{}: {}", manifest.string(), why), "make the data set anew");
}

// One "files" entry. simdjson's errors are turned into sentences by the caller's `where`.
Result<IndexedFile> parse_file(const fs::path& manifest, simdjson::dom::element entry, bool zstd) {
  std::string_view name;
  if (entry["name"].get(name) != simdjson::SUCCESS || name.empty() || name.find('/') != name.npos ||
      name == "..")
    return bad_manifest(manifest, "a file without a plain name");
  IndexedFile file{manifest.parent_path() / name, {}, 0};
  simdjson::dom::array sizes;
  if (entry["record_bytes"].get(sizes) != simdjson::SUCCESS)
    return bad_manifest(manifest, fmt::format("{}: no record_bytes", name));
  std::uint64_t total = 0;
  for (const auto element : sizes) {
    Record record;
    if (element.get(record.bytes) != simdjson::SUCCESS || record.bytes == 0)
      return bad_manifest(manifest, fmt::format("{}: a record size that is no positive integer", name));
    total += record.bytes;
    file.records.push_back(record);
  }
  simdjson::dom::array contents, hashes;
  if (zstd) {
    if (entry["content_bytes"].get(contents) != simdjson::SUCCESS || contents.size() != file.records.size())
      return bad_manifest(manifest, fmt::format("{}: content_bytes do not match record_bytes", name));
    std::size_t r = 0;
    for (const auto element : contents)
      if (element.get(file.records[r++].content_bytes) != simdjson::SUCCESS)
        return bad_manifest(manifest, fmt::format("{}: a content size that is no integer", name));
  }
  if (entry["xxh64"].get(hashes) == simdjson::SUCCESS && hashes.size() == file.records.size()) {
    std::size_t r = 0;
    for (const auto element : hashes) {
      std::string_view text;
      Record& record = file.records[r++];
      if (element.get(text) != simdjson::SUCCESS ||
          std::from_chars(text.data(), text.data() + text.size(), record.xxh64, 16).ec != std::errc{})
        return bad_manifest(manifest, fmt::format("{}: a checksum that is not hexadecimal", name));
      record.hashed = true;
    }
  }
  std::error_code error;
  const std::uint64_t size = fs::file_size(file.path, error);
  if (error) return bad_manifest(manifest, fmt::format("{}: {}", name, error.message()));
  if (size != total)
    return bad_manifest(manifest, fmt::format("{} has {} bytes, its records {}", name, size, total));
  return file;
}

struct Manifest {
  Index files;
  bool zstd = false;
};

Result<Manifest> read_manifest(const fs::path& path) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.load(path.string()).get(root); error != simdjson::SUCCESS)
    return bad_manifest(path, simdjson::error_message(error));
  std::string_view schema, content;
  simdjson::dom::array files;
  if (root["schema"].get(schema) != simdjson::SUCCESS || schema != kSchema)
    return bad_manifest(path, fmt::format("its schema is not {}", kSchema));
  if (root["content"].get(content) != simdjson::SUCCESS || root["files"].get(files) != simdjson::SUCCESS)
    return bad_manifest(path, "no content or files");
  Manifest manifest{{}, content == "zstd"};
  for (const auto entry : files) {
    auto file = parse_file(path, entry, manifest.zstd);
    if (!file) return tl::unexpected(file.error());
    if (!file->records.empty()) manifest.files.push_back(std::move(*file));
  }
  return manifest;
}

// The user's own files: neither hidden nor empty.
Result<std::vector<std::pair<fs::path, std::uint64_t>>> list_files(const fs::path& root) {
  std::vector<std::pair<fs::path, std::uint64_t>> files;
  std::error_code error;
  if (fs::is_regular_file(root, error)) {
    files.emplace_back(root, fs::file_size(root, error));
    return files;
  }
  fs::recursive_directory_iterator at(root, error), end;
  for (; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with('.')) {
      if (at->is_directory(error)) at.disable_recursion_pending();
    } else if (at->is_regular_file(error)) {
      const std::uint64_t size = at->file_size(error);
      if (size > 0) files.emplace_back(at->path(), size);
    }
  }
  if (error) return failure(fmt::format("cannot list {}: {}", root.string(), error.message()));
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Record> cut(std::uint64_t file_bytes, const Settings& settings) {
  const std::uint64_t share = std::max<std::uint64_t>(file_bytes / settings.samples_per_file, 1);
  const std::uint64_t wanted =
      settings.record_bytes > 0 ? static_cast<std::uint64_t>(settings.record_bytes) : share;
  const std::uint64_t size = std::min(wanted, file_bytes);
  std::vector<Record> records(file_bytes / size);  // what is left over at the end is no record
  for (Record& record : records) record.bytes = size;
  return records;
}

// Decompressed sizes from the frames' own headers.
Result<void> read_frame_sizes(IndexedFile& file) {
  std::ifstream in(file.path, std::ios::binary);
  std::uint64_t offset = 0;
  for (std::size_t r = 0; r < file.records.size(); ++r) {
    std::array<char, kMaxFrameHeader> header{};
    in.clear();
    in.seekg(static_cast<std::streamoff>(offset));
    in.read(header.data(),
            static_cast<std::streamsize>(std::min<std::uint64_t>(header.size(), file.records[r].bytes)));
    const unsigned long long size =
        ZSTD_getFrameContentSize(header.data(), static_cast<std::size_t>(in.gcount()));
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
      return failure(
          fmt::format("{}: record {} at offset {} is no zstd frame of known size", file.path.string(), r,
                      offset),
          "compress each record as one frame from a file, not from a stream, or use another --prep");
    file.records[r].content_bytes = size;
    offset += file.records[r].bytes;
  }
  return {};
}

Result<void> set_content_sizes(Index& index, const Settings& settings, bool known) {
  for (IndexedFile& file : index) {
    if (settings.prep == Prep::kDecompress) {
      if (known) continue;
      if (auto sizes = read_frame_sizes(file); !sizes) return sizes;
    } else {
      for (Record& record : file.records)
        record.content_bytes =
            settings.prep == Prep::kNormalize ? normalized_bytes(record.bytes) : record.bytes;
    }
  }
  return {};
}

Result<Index> index_folder(const fs::path& root, const Settings& settings) {
  std::error_code error;
  if (!fs::exists(root, error))
    return failure(fmt::format("--dataset {}: {}", root.string(), error ? error.message() : "does not exist"),
                   "give the folder that holds the data set");
  Manifest manifest;
  if (fs::is_regular_file(root / kManifest, error)) {
    auto read = read_manifest(root / kManifest);
    if (!read) return tl::unexpected(read.error());
    manifest = std::move(*read);
  } else {
    auto files = list_files(root);
    if (!files) return tl::unexpected(files.error());
    for (const auto& [path, bytes] : *files) manifest.files.push_back({path, cut(bytes, settings), 0});
  }
  if (manifest.files.empty())
    return failure(fmt::format("--dataset {} holds no data", root.string()),
                   "give a folder that holds files");
  if (auto sized = set_content_sizes(manifest.files, settings, manifest.zstd); !sized)
    return tl::unexpected(sized.error());
  return std::move(manifest.files);
}

}  // namespace

Result<Index> index_dataset(const Settings& settings) {
  Index whole;
  for (std::size_t folder = 0; folder < settings.datasets.size(); ++folder) {
    auto part = index_folder(settings.datasets[folder], settings);
    if (!part) return part;
    for (IndexedFile& file : *part) {
      file.folder = folder;
      whole.push_back(std::move(file));
    }
  }
  return whole;
}

Index synthetic_index(const Settings& settings, std::uint64_t count) {
  std::mt19937_64 engine(settings.seed);
  std::normal_distribution<double> sizes(settings.record_bytes, std::max(settings.record_stdev_bytes, 1e-9));
  IndexedFile file;
  for (std::uint64_t r = 0; r < count; ++r) {
    double size = settings.record_bytes;
    if (settings.record_stdev_bytes > 0) do
        size = sizes(engine);
      while (size < 0.1 * settings.record_bytes || size > 1.9 * settings.record_bytes);
    file.records.push_back(
        {std::max<std::uint64_t>(static_cast<std::uint64_t>(std::llround(size)), 1), 0, 0, false});
  }
  Index index{std::move(file)};
  static_cast<void>(set_content_sizes(index, settings, true));
  return index;
}

}  // namespace millrace::ingest
