// SPDX-License-Identifier: Apache-2.0
#include "record/read_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "record/descriptor.hpp"
#include "units/quantity.hpp"

namespace millrace::record {
namespace {

Result<std::size_t> size_of(int fd, const std::filesystem::path& file, std::uint64_t most) {
  struct stat status = {};
  if (fstat(fd, &status) != 0) return failure(fmt::format("{}: {}", file.native(), std::strerror(errno)));
  if (S_ISDIR(status.st_mode)) return failure(file.native() + ": is a folder", "name a file in it");
  if (!S_ISREG(status.st_mode)) {
    return failure(file.native() + ": is not a regular file", "save what it gives to a file, and name that");
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > most) {
    return failure(fmt::format("{}: {} bytes are more than the {} that are read", file.native(), size,
                               to_binary({most})),
                   most == kMostOfDocument
                       ? "a document of a thousand hosts takes a few hundred MB: is this one?"
                       : "is it the right file?");
  }
  return static_cast<std::size_t>(size);
}

}  // namespace

Result<FileText> read_file(const std::filesystem::path& file, std::uint64_t most) {
  // Without O_NONBLOCK, opening a pipe would wait for a writer.
  const Descriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return failure(fmt::format("{}: {}", file.native(), std::strerror(errno)),
                   errno == ENOENT ? "check the spelling of its name" : "");
  }
  const Result<std::size_t> size = size_of(fd.get(), file, most);
  if (!size) return tl::unexpected(size.error());
  std::unique_ptr<char[]> bytes(new (std::nothrow) char[*size + FileText::kPadding]);
  if (!bytes) return failure(fmt::format("{}: no memory for its {} bytes", file.native(), *size));
  std::size_t filled = 0;
  while (filled < *size) {
    const ssize_t got = ::read(fd.get(), bytes.get() + filled, *size - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(fmt::format("{}: {}", file.native(), std::strerror(errno)));
    if (got == 0) break;  // it shrank: what is left is judged as it is
    filled += static_cast<std::size_t>(got);
  }
  std::memset(bytes.get() + filled, 0, *size - filled + FileText::kPadding);
  return FileText(std::move(bytes), filled);
}

}  // namespace millrace::record
