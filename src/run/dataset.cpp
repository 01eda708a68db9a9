// SPDX-License-Identifier: Apache-2.0
#include "run/dataset.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numbers>
#include <optional>
#include <random>
#include <span>
#include <sstream>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "units/quantity.hpp"

namespace millrace::run {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kFolderPrefix = "millrace-data-";
constexpr std::size_t kBlock = std::size_t{4} << 20;  // of a write
constexpr std::size_t kAlignment = 4096;              // what O_DIRECT asks for at most, on what we know of
constexpr int kZstdLevel = 1;

tl::unexpected<Error> io_failure(const std::string& doing, int reason) {
  const char* hint = reason == ENOSPC || reason == EDQUOT
                         ? "free some space, give another folder, or a lower size cap"
                     : reason == EROFS ? "the file system is read-only: give another folder"
                     : reason == EACCES || reason == EPERM ? "give a folder that you may write to"
                     : reason == ENOENT                    ? "create the folder first"
                     : reason == ENOTDIR                   ? "give a folder"
                                                           : "see the kernel's log for the device";
  return failure(fmt::format("{}: {}", doing, std::strerror(reason)), hint,
                 reason == EIO ? Exit::kInconclusive : Exit::kUsage);
}

// Descriptor, closed at the end of its life.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// xoshiro256** 1.0 by D. Blackman and S. Vigna, seeded by splitmix64: fast, and nothing compresses it.
class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15u;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
      word = z ^ (z >> 31);
    }
  }
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9, t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  double uniform() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1.0p-53; }  // in (0, 1)
  double normal() {                                                                   // Box and Muller
    return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

// The bytes of all records, one after the other. Of every KiB, the given share repeats one word.
class Content {
 public:
  Content(std::uint64_t seed, double compressible)
      : random_(seed), fresh_words_(static_cast<std::size_t>(std::lround((1 - compressible) * kWords))) {}

  void fill(std::span<std::byte> to) {
    std::size_t at = 0;
    for (; at + 8 <= to.size(); at += 8) put(to.data() + at, 8);
    if (at < to.size()) put(to.data() + at, to.size() - at);
  }

 private:
  static constexpr std::size_t kWords = 128;

  void put(std::byte* at, std::size_t size) {
    if (word_++ % kWords < fresh_words_) last_ = random_.next();
    std::memcpy(at, &last_, size);
  }

  Random random_;
  std::size_t fresh_words_, word_ = 0;
  std::uint64_t last_ = 0x6D696C6C72616365u;
};

// Writes one file from its beginning, in large aligned blocks.
class FileWriter {
 public:
  static Result<FileWriter> create(const fs::path& path) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    File file(::open(path.c_str(), kFlags | O_DIRECT, 0600));
    bool direct = true;
    if (!file && errno == EINVAL) {  // no O_DIRECT here; some kernels have created the file by then
      direct = false;
      ::unlink(path.c_str());
      file = File(::open(path.c_str(), kFlags, 0600));
    }
    if (!file) return io_failure(fmt::format("cannot create {}", path.string()), errno);
    auto* memory = static_cast<std::byte*>(std::aligned_alloc(kAlignment, kBlock));
    if (memory == nullptr) return failure("out of memory for a write buffer");
    return FileWriter(path, std::move(file), memory, direct);
  }

  Result<void> append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const std::size_t part = std::min(bytes.size(), kBlock - filled_);
      std::memcpy(buffer_.get() + filled_, bytes.data(), part);
      filled_ += part;
      bytes = bytes.subspan(part);
      if (filled_ == kBlock)
        if (auto written = write_out(kBlock); !written) return written;
    }
    return {};
  }

  // Flushes to the device and returns the file's size.
  Result<std::uint64_t> finish() {
    const std::uint64_t size = offset_ + filled_;
    if (filled_ > 0) {
      const std::size_t padded = (filled_ + kAlignment - 1) / kAlignment * kAlignment;
      std::memset(buffer_.get() + filled_, 0, padded - filled_);
      if (auto written = write_out(padded); !written) return tl::unexpected(written.error());
      if (::ftruncate(file_.fd(), static_cast<off_t>(size)) != 0)
        return io_failure(fmt::format("cannot cut {} to its size", path_.string()), errno);
    }
    if (::fsync(file_.fd()) != 0) return io_failure(fmt::format("cannot flush {}", path_.string()), errno);
    if (!direct_) ::posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_DONTNEED);
    return size;
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  FileWriter(fs::path path, File file, std::byte* memory, bool direct)
      : path_(std::move(path)), file_(std::move(file)), buffer_(memory), direct_(direct) {}

  Result<void> write_out(std::size_t size) {
    for (std::size_t done = 0; done < size;) {
      const ssize_t wrote =
          ::pwrite(file_.fd(), buffer_.get() + done, size - done, static_cast<off_t>(offset_ + done));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0)
        return io_failure(fmt::format("cannot write {} at offset {}", path_.string(), offset_ + done),
                          wrote == 0 ? ENOSPC : errno);
      done += static_cast<std::size_t>(wrote);
    }
    offset_ += size;
    filled_ = 0;
    return {};
  }

  fs::path path_;
  File file_;
  std::unique_ptr<std::byte[], Free> buffer_;
  bool direct_;
  std::size_t filled_ = 0;
  std::uint64_t offset_ = 0;
};

std::string read_text(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  std::string result = text.str();
  while (!result.empty() && result.back() == '\n') result.pop_back();
  return result;
}

// When a process started, in clock ticks since boot: field 22 of its stat (proc(5)). With the pid it names a
// process for good.
std::optional<std::uint64_t> start_ticks(const fs::path& proc, std::int64_t pid) {
  const std::string stat = read_text(proc / std::to_string(pid) / "stat");
  const std::size_t name_end = stat.rfind(')');  // the name, field 2, may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(stat.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i)
    if (!(rest >> field)) return std::nullopt;
  std::uint64_t ticks = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), ticks);
  return error == std::errc{} ? std::optional(ticks) : std::nullopt;
}

std::string host_name() {
  utsname names{};
  return ::uname(&names) == 0 ? names.nodename : "";
}

std::string boot_id(const fs::path& proc) { return read_text(proc / "sys/kernel/random/boot_id"); }

std::string pid_namespace(const fs::path& proc) {
  std::error_code ignored;
  return fs::read_symlink(proc / "self/ns/pid", ignored).string();
}

Result<void> write_text(const fs::path& path, const std::string& text) {
  auto writer = FileWriter::create(path);
  if (!writer) return tl::unexpected(writer.error());
  if (auto wrote = writer->append(std::as_bytes(std::span(text))); !wrote) return wrote;
  if (auto size = writer->finish(); !size) return tl::unexpected(size.error());
  return {};
}

std::string marker_text() {
  const fs::path proc = "/proc";
  const json marker = {{"schema", kMarkerSchema},
                       {"host", host_name()},
                       {"boot_id", boot_id(proc)},
                       {"pid_namespace", pid_namespace(proc)},
                       {"pid", static_cast<std::int64_t>(::getpid())},
                       {"start_ticks", start_ticks(proc, ::getpid()).value_or(0)}};
  return marker.dump() + "\n";
}

// Small and regular, else it is not ours; a symbolic link is not.
std::optional<json> read_marker(const fs::path& folder) {
  std::error_code error;
  const fs::path path = folder / kMarkerName;
  if (fs::symlink_status(path, error).type() != fs::file_type::regular || fs::file_size(path, error) > 4096)
    return std::nullopt;
  json marker = json::parse(read_text(path), nullptr, false);
  if (!marker.is_object() || marker.value("schema", json()) != kMarkerSchema) return std::nullopt;
  return marker;
}

bool named_as_ours(const fs::path& folder) { return folder.filename().string().starts_with(kFolderPrefix); }

bool owner_is_gone(const json& marker, const fs::path& proc) {
  const auto pid = marker.find("pid"), ticks = marker.find("start_ticks");
  if (pid == marker.end() || !pid->is_number_integer() || ticks == marker.end() ||
      !ticks->is_number_integer())
    return false;
  if (marker.value("host", json()) != host_name()) return false;
  if (marker.value("boot_id", json()) != boot_id(proc)) return true;
  if (marker.value("pid_namespace", json()) != pid_namespace(proc)) return false;
  return start_ticks(proc, pid->get<std::int64_t>()) != ticks->get<std::uint64_t>();
}

bool file_named_as_ours(const std::string& name) {
  if (name == kManifestName) return true;
  return name.size() == 15 && name.starts_with("data-") && name.ends_with(".bin") &&
         std::all_of(name.begin() + 5, name.begin() + 11, [](char c) { return c >= '0' && c <= '9'; });
}

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

Result<fs::path> make_folder(const fs::path& directory, const DatasetCalls& calls) {
  std::random_device device;
  for (int attempt = 0;; ++attempt) {
    fs::path folder = directory / fmt::format("{}{}-{:08x}", kFolderPrefix, ::getpid(), device());
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(folder, ignored))) continue;
    if (calls.on_create) calls.on_create(folder);
    if (::mkdir(folder.c_str(), 0700) == 0) return folder;
    if (errno != EEXIST || attempt == 8)
      return io_failure(fmt::format("cannot create a folder in {}", directory.string()), errno);
  }
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
  if (auto wrote = write_text(dataset.directory / kMarkerName, marker_text()); !wrote) return wrote;
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
  // Before a size is drawn for each, in case they are absurdly many.
  const double expected = file_bytes * static_cast<double>(files);
  if (auto room = check_room(request, static_cast<std::uint64_t>(std::min(expected * 0.5, 1e18))); !room)
    return tl::unexpected(room.error());
  const auto sizes = draw_record_bytes(request.record_bytes, request.record_stdev_bytes,
                                       files * request.samples_per_file, request.seed);
  std::uint64_t total = 0;
  for (const std::uint64_t size : sizes) total += size;
  if (auto room = check_room(request, total); !room) return tl::unexpected(room.error());
  auto folder = make_folder(request.directory, calls);
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
  dataset.ours =
      named_as_ours(fs::absolute(directory, error).lexically_normal()) && read_marker(directory).has_value();
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

std::vector<fs::path> find_stale(const fs::path& directory, const fs::path& proc) {
  std::vector<fs::path> stale;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    std::error_code ignored;
    if (!named_as_ours(entry.path()) || entry.symlink_status(ignored).type() != fs::file_type::directory)
      continue;
    const auto marker = read_marker(entry.path());
    if (marker && owner_is_gone(*marker, proc)) stale.push_back(entry.path());
  }
  std::sort(stale.begin(), stale.end());
  return stale;
}

Result<void> remove_ours(const fs::path& given) {
  std::error_code error;
  const fs::path folder = given.has_filename() ? given : given.parent_path();
  if (!named_as_ours(folder) || fs::symlink_status(folder, error).type() != fs::file_type::directory)
    return failure(fmt::format("{} is not a data set that Millrace made", folder.string()),
                   "remove it yourself");
  const bool empty = fs::is_empty(folder, error);  // killed before the marker was written
  if (!empty && !read_marker(folder))
    return failure(fmt::format("{} bears our name but not our marker", folder.string()),
                   "remove it yourself");
  // By descriptor and without following links, so that nothing that is swapped in meanwhile leads elsewhere.
  const File at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!at) return io_failure(fmt::format("cannot open {}", folder.string()), errno);
  std::size_t foreign = 0;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    struct stat info {};
    if (name == kMarkerName) continue;
    const bool ours = file_named_as_ours(name) &&
                      ::fstatat(at.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                      S_ISREG(info.st_mode);
    if (!ours || ::unlinkat(at.fd(), name.c_str(), 0) != 0) ++foreign;
  }
  if (foreign > 0)
    return failure(fmt::format("left {} entries in {} that are not ours", foreign, folder.string()),
                   "look at them, and remove the folder yourself");
  if (!empty && ::unlinkat(at.fd(), kMarkerName, 0) != 0)
    return io_failure(fmt::format("cannot remove {}", (folder / kMarkerName).string()), errno);
  if (::rmdir(folder.c_str()) != 0)
    return io_failure(fmt::format("cannot remove {}", folder.string()), errno);
  return {};
}

}  // namespace millrace::run
