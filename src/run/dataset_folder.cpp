// SPDX-License-Identifier: Apache-2.0
#include "run/dataset_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sstream>
#include <string>

#include "run/dataset.hpp"
#include "run/dataset_writer.hpp"

namespace millrace::run {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kFolderPrefix = "millrace-data-";

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

}  // namespace

Result<fs::path> make_marked_folder(const fs::path& directory,
                                    const std::function<void(const fs::path&)>& on_create) {
  std::random_device device;
  for (int attempt = 0;; ++attempt) {
    fs::path folder = directory / fmt::format("{}{}-{:08x}", kFolderPrefix, ::getpid(), device());
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(folder, ignored))) continue;
    if (on_create) on_create(folder);
    if (::mkdir(folder.c_str(), 0700) == 0) {
      if (auto marked = write_text(folder / kMarkerName, marker_text()); !marked) {
        ::unlink((folder / kMarkerName).c_str());
        ::rmdir(folder.c_str());
        return tl::unexpected(marked.error());
      }
      return folder;
    }
    if (errno != EEXIST || attempt == 8)
      return io_failure(fmt::format("cannot create a folder in {}", directory.string()), errno);
  }
}

bool is_ours(const fs::path& folder) {
  return named_as_ours(fs::absolute(folder).lexically_normal()) && read_marker(folder).has_value();
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
