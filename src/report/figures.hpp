// SPDX-License-Identifier: Apache-2.0
// Figures as people read them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::report {

std::string rate(double bytes_per_s);                 // "1.05 GB/s"
std::string rate(std::optional<double> bytes_per_s);  // null: "unknown"
std::string span(double low, double high);  // of rates: "1.03–1.07 GB/s", "980 MB/s – 1.02 GB/s"
std::string span_of_frequencies(double low, double high);  // "1.2–1.3 k/s"
std::string span_of_shares(double low, double high);       // "49–51 %"
std::string percent(double share);         // "33 %", "8.3 %", ">999 %"; 100 % of nothing that falls short
std::string points(double share);          // signed, of a difference of shares: "+0.4 points"
std::string seconds(double s);             // "1.24 ms"
std::string factor(double times);          // "2.8 ×"
std::string upper(std::string_view text);  // "H100"

}  // namespace millrace::report
