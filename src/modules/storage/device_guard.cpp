// SPDX-License-Identifier: Apache-2.0
#include "modules/storage/device_guard.hpp"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "modules/storage/passthrough.hpp"
#include "modules/storage/system_failure.hpp"

namespace millrace::storage {
namespace {

namespace fs = std::filesystem;

std::optional<dev_t> block_device(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return std::nullopt;
  return status.st_rdev;
}

// The path itself, or the block device of the namespace of which it is the generic device.
std::string block_path(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0 || !S_ISCHR(status.st_mode)) return path;
  const Result<NvmeNamespace> space = nvme_namespace(status.st_rdev, path);
  return space ? space->block_device : path;
}

fs::path sysfs_of(dev_t device) { return fmt::format("/sys/dev/block/{}:{}", major(device), minor(device)); }

std::optional<dev_t> device_number_in(const fs::path& sysfs_entry) {
  std::ifstream file(sysfs_entry / "dev");
  unsigned int major_number = 0, minor_number = 0;
  char colon = 0;
  if (!(file >> major_number >> colon >> minor_number)) return std::nullopt;
  return makedev(major_number, minor_number);
}

// The device, its partitions, and all that is built on them.
void add_family(dev_t device, std::set<dev_t>& family) {
  if (!family.insert(device).second) return;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(sysfs_of(device), error))
    if (fs::exists(entry.path() / "partition", error))
      if (const auto partition = device_number_in(entry.path())) add_family(*partition, family);
  for (const auto& entry : fs::directory_iterator(sysfs_of(device) / "holders", error))
    if (const auto holder = device_number_in(entry.path())) add_family(*holder, family);
}

// Mount points and sources have spaces and backslashes in octal: \040.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// The mount point of one of the devices, by number or (btrfs shows a number of its own) by source.
std::optional<std::string> mounted_at(const std::set<dev_t>& family) {
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string id, parent, number, root, point, field, type, source;
    fields >> id >> parent >> number >> root >> point;
    while (fields >> field && field != "-") {
    }
    fields >> type >> source;
    const std::size_t colon = number.find(':');
    if (colon == std::string::npos) continue;
    const dev_t device = makedev(static_cast<unsigned>(std::stoul(number)),
                                 static_cast<unsigned>(std::stoul(number.substr(colon + 1))));
    const std::optional<dev_t> by_source =
        source.starts_with('/') ? block_device(unescaped(source)) : std::nullopt;
    if (family.contains(device) || (by_source && family.contains(*by_source))) return unescaped(point);
  }
  return std::nullopt;
}

bool is_swap(const std::set<dev_t>& family) {
  std::ifstream table("/proc/swaps");
  std::string line;
  std::getline(table, line);  // the heading
  while (std::getline(table, line)) {
    const std::optional<dev_t> device = block_device(unescaped(line.substr(0, line.find_first_of(" \t"))));
    if (device && family.contains(*device)) return true;
  }
  return false;
}

// What libblkid recognises on the device: "ext4", "a partition table (gpt)"; empty: nothing.
Result<std::string> signature_on(const std::string& device) {
  struct FreeProbe {
    void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
  };
  const std::unique_ptr<std::remove_pointer_t<blkid_probe>, FreeProbe> probe(
      blkid_new_probe_from_filename(device.c_str()));
  if (!probe) return system_failure(errno, "look for a file system on " + device);
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(),
                                    BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_BADCSUM);
  blkid_probe_enable_partitions(probe.get(), 1);
  // 0: something, 1: nothing, -2: more than one thing, -1: error.
  const int found = blkid_do_safeprobe(probe.get());
  if (found == 1) return std::string();
  if (found == -2) return std::string("more than one signature");
  if (found != 0)
    return failure("cannot tell whether " + device + " holds a file system",
                   "libblkid could not read it: see dmesg");
  const char* value = nullptr;
  if (blkid_probe_lookup_value(probe.get(), "TYPE", &value, nullptr) == 0) return std::string(value);
  if (blkid_probe_lookup_value(probe.get(), "PTTYPE", &value, nullptr) == 0)
    return fmt::format("a partition table ({})", value);
  return std::string("a signature that libblkid recognises");
}

// Others may claim a device for a moment, and the kernel lets go of one that was registered with an io_uring
// a moment after that has ended: an earlier repeat of this very measurement. Who uses the device holds on to
// it.
FileDescriptor claim(const std::string& device, int flags) {
  constexpr int kAttempts = 100;
  for (int attempt = 1;; ++attempt) {
    const int fd = open(device.c_str(), flags);
    if (fd >= 0 || errno != EBUSY || attempt == kAttempts) return FileDescriptor(fd);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

Result<void> check_destroyable(const std::string& device, const std::vector<std::string>& destroy) {
  const std::string block = block_path(device);
  const std::optional<dev_t> number = block_device(block);
  if (!number) return failure(device + " is no block device", "give a block device, or a folder for a file");
  const bool named = std::any_of(destroy.begin(), destroy.end(), [&](const std::string& name) {
    return block_device(block_path(name)) == number;
  });
  if (!named)
    return failure(
        fmt::format("{} is a {}: writing would destroy what it holds", device,
                    block == device ? "block device" : "drive's generic device"),
        fmt::format("give a folder for a temporary file; or, if all that is on the device may be lost, "
                    "--destroy {}",
                    device));
  std::set<dev_t> family;
  add_family(*number, family);
  if (const auto point = mounted_at(family))
    return failure(fmt::format("{} is mounted at {}: it is not overwritten", device, *point),
                   "unmount it first");
  if (is_swap(family)) return failure(device + " is swap space: it is not overwritten", "swapoff it first");
  if (family.size() > 1)
    return failure(
        fmt::format("{} has partitions, or other devices are built on it: it is not overwritten", device),
        "take them apart first: lsblk " + block);
  const Result<std::string> signature = signature_on(block);
  if (!signature) return tl::unexpected(signature.error());
  if (!signature->empty())
    return failure(fmt::format("{} holds {}: it is not overwritten", device, *signature),
                   "if that may be lost, remove it yourself: wipefs --all " + block);
  return {};
}

Result<Target> open_for_destroying(const std::string& device, const Options& options) {
  if (const Result<void> fine = check_destroyable(device, options.destroy); !fine)
    return tl::unexpected(fine.error());
  const std::string block = block_path(device);
  FileDescriptor claimed = claim(block, O_RDWR | O_EXCL | O_CLOEXEC | (options.direct ? O_DIRECT : 0));
  if (!claimed) return system_failure(errno, "claim " + block + " for writing");
  Target target;
  if (block == device) {
    target.name = device;
    target.device = true;
    target.fd = std::move(claimed);
    if (ioctl(target.fd.get(), BLKGETSIZE64, &target.bytes) != 0)
      return system_failure(errno, "read the size of " + device);
    if (const Result<void> fine = check_direct(target, options); !fine) return tl::unexpected(fine.error());
  } else {
    Result<Target> generic = open_generic(device, options);
    if (!generic) return generic;
    target = std::move(*generic);
    target.beside = std::move(claimed);
  }
  target.content_seed = options.seed;
  if (target.bytes < options.block_size)
    return failure(device + " is smaller than one block", "give a smaller --block-size");
  return target;
}

}  // namespace millrace::storage
