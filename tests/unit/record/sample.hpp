// SPDX-License-Identifier: Apache-2.0
// A document in which every field differs from its default and every list holds something.
#pragma once

#include <filesystem>
#include <string>

#include "record/document.hpp"
#include "record/journal.hpp"

namespace millrace::record {

Document full_document();
topology::Machine full_machine();
JournalHeader full_header();

// A folder of its own, removed with what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string content_of(const std::filesystem::path& file);
void put_content(const std::filesystem::path& file, const std::string& text);

}  // namespace millrace::record
