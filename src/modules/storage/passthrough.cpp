// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/passthrough.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <limits>

#include "modules/storage/buffers.hpp"
#include "modules/storage/command.hpp"
#include "modules/storage/nvme_status.hpp"
#include "modules/storage/ring.hpp"
#include "modules/storage/system_failure.hpp"

namespace millrace::storage {
namespace {

std::string hint_for(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "NVMe passthrough needs root (CAP_SYS_ADMIN)";
    case EINVAL:
      return "the kernel refuses the command: give a smaller --block-size, or read the block device, "
             "/dev/nvmeXnY";
    case EINTR:  // of a command that the kernel has cancelled: no signal comes here
    case ENODEV:
      return "was the drive reset or removed? See dmesg";
    case EOPNOTSUPP:
    case ENOTTY:
      return "the kernel passes no commands through to this device: Linux 5.19 or newer; or read the block "
             "device, /dev/nvmeXnY";
    default:
      return {};
  }
}

constexpr std::int32_t kNotRegistered = std::numeric_limits<std::int32_t>::min();

// What one read of the first block came to: NvmeCommand's result, or kNotRegistered where the buffer could
// not be registered at all.
Result<std::int32_t> read_first_block(const Target& target, std::uint32_t block_size, bool registered) {
  Result<Buffer> buffer = Buffer::allocate(block_size, block_size);
  if (!buffer) return tl::unexpected(buffer.error());
  const Result<std::unique_ptr<Ring>> made = Ring::make({.depth = 1, .wide = true});
  if (!made) return tl::unexpected(made.error());
  Ring& ring = **made;
  const iovec whole = {buffer->data(), buffer->size()};
  if (registered && ring.register_buffers({&whole, 1}) != 0) return kNotRegistered;
  if (const Result<void> enabled = ring.enable(); !enabled) return tl::unexpected(enabled.error());

  NvmeCommand::fill_constants(ring.entry<NvmeCommand::kEntryShift>(0),
                              {.direction = Direction::kRead, .registered_buffers = registered});
  NvmeCommand::fill(ring.next<NvmeCommand::kEntryShift>(), address_of(target),
                    {.request = block_size, .expected = block_size}, {.data = buffer->data()});
  ring.publish();
  std::int32_t result = 0;
  std::uint32_t submitted = 0, reaped = 0;
  while (reaped == 0) {
    const int entered = ring.enter(1 - submitted, 1);
    if (entered < 0 && entered != -EINTR && entered != -EAGAIN)
      return system_failure(-entered, "submit to io_uring");
    submitted += entered > 0 ? 1 : 0;
    reaped += ring.reap<NvmeCommand::kEntryShift>(
        [&](std::uint64_t, std::int32_t completion) { result = completion; });
  }
  return result;
}

}  // namespace

tl::unexpected<Error> passthrough_failure(std::int32_t result, const std::string& what) {
  if (result < 0) return system_failure(-result, what, hint_for(-result));
  const auto status = static_cast<std::uint32_t>(result);
  return failure(fmt::format("cannot {}: {}", what, nvme_status_text(status)), nvme_status_hint(status));
}

Result<void> try_generic(Target& target, const Options& options) {
  const bool wanted = options.registered_buffers != Registration::kOff;
  Result<std::int32_t> result = read_first_block(target, options.block_size, wanted);
  if (wanted && result && *result < 0) {
    target.takes_registered_buffers = *result == kNotRegistered;  // else it is the command that failed
    result = read_first_block(target, options.block_size, false);
  }
  if (!result) return tl::unexpected(result.error());
  if (*result != 0)
    return passthrough_failure(*result,
                               fmt::format("read the first {} bytes of {}", options.block_size, target.name));
  return {};
}

Result<Target> open_generic(const std::string& path, const Options& options) {
  if (!options.direct)
    return failure(fmt::format("--direct off: {} has no page cache to read through", path),
                   "give --direct on, or the block device, /dev/nvmeXnY");
  Target target;
  target.name = path;
  target.device = true;
  target.fd = FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!target.fd) return system_failure(errno, "open " + path);
  struct stat status = {};
  if (fstat(target.fd.get(), &status) != 0) return system_failure(errno, "use " + path);
  const Result<NvmeNamespace> space = nvme_namespace(status.st_rdev, path);
  if (!space) return tl::unexpected(space.error());
  if (space->bytes == 0)
    return failure(path + " is empty", "the namespace has no capacity, or a format that the kernel lacks");
  // The kernel knows it: nothing is sent to the drive.
  if (const int id = ioctl(target.fd.get(), NVME_IOCTL_ID);
      id < 0 || static_cast<std::uint32_t>(id) != space->id)
    return failure(fmt::format("{} and {} are not the same namespace", path, space->block_device),
                   fmt::format("read it as a block device: --path {}", space->block_device));
  if (const Result<void> fine = check_transfer(*space, options.block_size, path); !fine)
    return tl::unexpected(fine.error());
  target.bytes = space->bytes;
  target.nvme = *space;
  if (const Result<void> fine = try_generic(target, options); !fine) return tl::unexpected(fine.error());
  return target;
}

}  // namespace millrace::storage
