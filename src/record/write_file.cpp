// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "record/descriptor.hpp"
#include "record/document.hpp"
#include "record/write_all.hpp"

namespace millrace::record {
namespace {

namespace fs = std::filesystem;

Error cannot_write(const std::string& file, int error) {
  std::string hint;
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      hint = "make the folder first, or name another";
      break;
    case EROFS:
      hint = "the file system is mounted read-only: name a file on another one";
      break;
    case EACCES:
    case EPERM:
      hint = "name a file in a folder that you may write to";
      break;
    case ENOSPC:
    case EDQUOT:
      hint = "make room there, or name a file on another file system";
      break;
    case EISDIR:
      hint = "name a file in it";
      break;
    default:
      break;
  }
  return {fmt::format("cannot write {}: {}", file, std::strerror(error)), hint};
}

tl::unexpected<Error> refused(const fs::path& file, int error) {
  return tl::unexpected(cannot_write(file.native(), error));
}

// What is written in the end: a link is followed, so that what it points to is replaced and not the link.
fs::path target_of(const fs::path& file) {
  std::error_code error;
  if (fs::is_symlink(fs::symlink_status(file, error))) {
    if (fs::path target = fs::weakly_canonical(file, error); !error) return target;
  }
  return file;
}

// The mode and owner of what stands at the target; a file that is not there yet gets the umask's.
struct Standing {
  bool exists = false;
  struct stat status = {};
};

Standing look_at(const fs::path& target) {
  Standing standing;
  standing.exists = stat(target.c_str(), &standing.status) == 0;
  return standing;
}

// A file beside the target, which the destructor removes unless it was renamed to the target.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target) {
    static std::atomic<unsigned> count = 0;
    // O_EXCL and the process's number: two runs that write the same document do not share one.
    for (int attempt = 0; attempt < 100 && !fd_; ++attempt) {
      path_ = target.parent_path() /
              fmt::format(".{}.{}-{}.tmp", target.filename().native(), getpid(), count.fetch_add(1));
      fd_ = Descriptor(open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
      if (!fd_ && errno != EEXIST) break;
    }
    error_ = fd_ ? 0 : errno;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (fd_) unlink(path_.c_str());
  }
  [[nodiscard]] int error() const { return error_; }

  // All of these return an errno, 0 when it went well.
  int fill(std::string_view text, const Standing& standing) {
    if (standing.exists) {
      // The owner may only be kept by root; a mode that grants more than before must not stay behind if it is
      // not.
      if (fchown(fd_.get(), standing.status.st_uid, standing.status.st_gid) != 0 && errno != EPERM)
        return errno;
      if (fchmod(fd_.get(), standing.status.st_mode & 0777) != 0) return errno;
    }
    if (const int error = write_all(fd_.get(), text)) return error;
    return fsync(fd_.get()) == 0 ? 0 : errno;
  }
  int rename_to(const fs::path& target) {
    if (rename(path_.c_str(), target.c_str()) != 0) return errno;
    fd_ = Descriptor();
    return 0;
  }

 private:
  fs::path path_;
  Descriptor fd_;
  int error_ = 0;
};

// A device or a pipe (/dev/null, /dev/stdout, >(command)) is written to; a rename would put a file in its
// place.
Result<void> write_through(std::string_view text, const fs::path& target) {
  const Descriptor fd(open(target.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return refused(target, errno);
  if (const int error = write_all(fd.get(), text)) return refused(target, error);
  return {};
}

Result<void> write_to_stdout(std::string_view text) {
  std::fflush(stdout);
  const int error = write_all(STDOUT_FILENO, text);
  if (error == 0) return {};
  return tl::unexpected(cannot_write("standard output", error));
}

}  // namespace

Result<void> write_text(std::string_view text, const fs::path& file) {
  if (file == "-") return write_to_stdout(text);
  const fs::path target = target_of(file);
  const Standing standing = look_at(target);
  if (target.empty() || target.filename().empty()) return refused(file, EISDIR);
  if (standing.exists && S_ISDIR(standing.status.st_mode)) return refused(file, EISDIR);
  if (standing.exists && !S_ISREG(standing.status.st_mode)) return write_through(text, target);
  TemporaryFile temporary(target);
  if (temporary.error() != 0) return refused(file, temporary.error());
  if (const int error = temporary.fill(text, standing)) return refused(file, error);
  if (const int error = temporary.rename_to(target)) return refused(file, error);
  if (const int error = sync_folder_of(target)) return refused(file, error);
  return {};
}

Result<void> write_document(const Document& document, const fs::path& file) {
  return write_text(to_json(document), file);
}

Result<void> check_writable(const fs::path& file) {
  if (file == "-") {
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) return {};
    return failure("cannot write to standard output: it is closed or read-only",
                   "name a file instead of \"-\"");
  }
  const fs::path target = target_of(file);
  const Standing standing = look_at(target);
  if (target.empty() || target.filename().empty()) return refused(file, EISDIR);
  if (standing.exists && S_ISDIR(standing.status.st_mode)) return refused(file, EISDIR);
  if (standing.exists && faccessat(AT_FDCWD, target.c_str(), W_OK, AT_EACCESS) != 0)
    return refused(file, errno);
  if (standing.exists && !S_ISREG(standing.status.st_mode)) return {};
  // Permissions, quotas, inodes and read-only mounts are best asked by doing it.
  const TemporaryFile temporary(target);
  if (temporary.error() != 0) return refused(file, temporary.error());
  return {};
}

}  // namespace millrace::record
