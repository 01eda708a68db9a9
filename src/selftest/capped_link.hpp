// SPDX-License-Identifier: Apache-2.0
// Two network namespaces joined by a virtual cable (veth) that lets through so much and no more (tc-tbf): a
// slow link between two hosts, on one machine. Needs root, ip and tc. Its addresses are private and seen
// nowhere else.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "selftest/child.hpp"
#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace::selftest {

class CappedLink {
 public:
  // Errors (Exit::kInconclusive): why this machine makes none. `work`: for what the commands print.
  static Result<CappedLink> create(const std::filesystem::path& work, BytesPerSecond cap);
  CappedLink(CappedLink&& other) noexcept;
  CappedLink(const CappedLink&) = delete;
  CappedLink& operator=(CappedLink&&) = delete;
  CappedLink& operator=(const CappedLink&) = delete;
  ~CappedLink();  // both namespaces are gone, and the cable with them

  // A command as it runs on one of the two ends.
  [[nodiscard]] std::vector<std::string> near(const std::vector<std::string>& command) const;
  [[nodiscard]] std::vector<std::string> far(const std::vector<std::string>& command) const;
  [[nodiscard]] static std::string far_address();

 private:
  CappedLink(std::filesystem::path work, std::string name) : work_(std::move(work)), name_(std::move(name)) {}
  std::filesystem::path work_;
  std::string name_;  // of both namespaces, with an ending
};

}  // namespace millrace::selftest
