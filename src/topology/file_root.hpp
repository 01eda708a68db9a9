// SPDX-License-Identifier: Apache-2.0
// Reads /sys and /proc below a root: "/" for this machine, a folder for a recorded one. Symbolic links are
// followed inside the root, absolute ones too, so that a recorded machine never leaks into the one that looks
// at it.
//
// With a recording, everything that is read, listed or followed is copied at that moment: what discovery
// reads is then by construction what a snapshot holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace millrace::topology {

class FileRoot {
 public:
  static constexpr std::size_t kLargestFile = 16U << 20U;  // no file of /sys or /proc that is read comes near

  explicit FileRoot(std::filesystem::path root = "/") : root_(std::move(root)) {}
  // Copies into the folder `recording`, which is made if missing.
  FileRoot(std::filesystem::path root, std::filesystem::path recording)
      : root_(std::move(root)), recording_(std::move(recording)) {}

  [[nodiscard]] const std::filesystem::path& path() const { return root_; }
  [[nodiscard]] bool is_live() const { return root_ == "/"; }

  // The file's bytes as they are; null where it is missing or cannot be read (sysfs answers some reads by
  // EINVAL).
  // `most` bounds what is read: a device's config space costs a bus transaction for every four bytes.
  [[nodiscard]] std::optional<std::string> bytes(const std::filesystem::path& file,
                                                 std::size_t most = kLargestFile) const;
  // The same without white space at its ends; null for an empty file as well.
  [[nodiscard]] std::optional<std::string> text(const std::filesystem::path& file) const;
  [[nodiscard]] std::vector<std::string> lines(const std::filesystem::path& file) const;
  // The integer that the file starts with, decimal or 0x….
  [[nodiscard]] std::optional<std::int64_t> number(const std::filesystem::path& file) const;

  // Names in a folder, in natural order (nvme2 before nvme10); empty where there is no such folder.
  [[nodiscard]] std::vector<std::string> names(const std::filesystem::path& folder) const;
  [[nodiscard]] bool exists(const std::filesystem::path& file) const;
  // Where the path leads with all links followed, as a path below the root ("/sys/devices/pci0000:00/…").
  [[nodiscard]] std::optional<std::filesystem::path> resolve(const std::filesystem::path& path) const;
  // The last name of where a link leads: link_name("/sys/…/driver") is "nvme".
  [[nodiscard]] std::string link_name(const std::filesystem::path& link) const;

  // Has a recording hold this too: what discovery learns from elsewhere than files. Nothing without a
  // recording.
  void keep(const std::filesystem::path& file, const std::string& content) const {
    record_file(file, content);
  }

 private:
  [[nodiscard]] std::filesystem::path below(const std::filesystem::path& path) const;
  void record_link(const std::filesystem::path& link, const std::filesystem::path& target) const;
  void record_folder(const std::filesystem::path& folder) const;
  void record_file(const std::filesystem::path& file, const std::string& content) const;

  std::filesystem::path root_;
  std::filesystem::path recording_;  // empty: nothing is recorded
};

// "nvme2" < "nvme10": runs of digits compare as numbers.
bool natural_less(std::string_view a, std::string_view b);

}  // namespace millrace::topology
