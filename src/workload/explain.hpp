// SPDX-License-Identifier: Apache-2.0
// A workload in words and sums, so that one can follow it with a calculator.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "workload/profile.hpp"

namespace millrace::workload {

// On `ranks` accelerators; 0: on a count that suits it (eight times the fewest that hold it; a mix: its
// site's). Of ranks that cannot be split it says so in place of the sums.
std::string explain_on(const Profile& profile, std::int64_t ranks);

// By kind; explain_on chooses.
std::string explain_input(const Profile& profile);
std::string explain_training(const Profile& profile, std::int64_t ranks);
std::string explain_checkpoint(const Profile& profile, std::int64_t ranks);  // and a restore
std::string explain_cold_start(const Profile& profile);
std::string explain_serving(const Profile& profile);
std::string explain_mix(const Profile& profile, std::int64_t ranks);

// Lines of a key and its text, wrapped with the text kept in its column.
class Lines {
 public:
  explicit Lines(const Profile& profile);  // begins with the name and what it is
  void add(std::string_view key, std::string_view text);
  void sources(const Profile& profile, const std::vector<std::string>& more);
  [[nodiscard]] const std::string& text() const { return out_; }

 private:
  std::string out_;
};

// "70.55e9": digits and a power of a thousand, as a calculator takes it; below 10,000 as it is.
std::string figure(double value);
std::string grouped(double whole);  // "16,777,216"
std::string bytes_text(double bytes);
std::string rate_text(double bytes_per_s);
std::string time_text(double seconds);  // seconds above one, for the calculator; "5,034 s (83.9 min)"
std::string share_text(double share);   // "2.1 %"

}  // namespace millrace::workload
