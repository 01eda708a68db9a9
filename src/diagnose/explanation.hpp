// SPDX-License-Identifier: Apache-2.0
// The sum behind a verdict, written as an engineer would do it by hand: a list of lines that say something,
// show the arithmetic with its units, and name the measurements that it rests on. Whoever computes a part of
// a diagnosis appends its lines to record::Diagnosis::explanation; the report prints them in order.
//
//   auto& steps = diagnosis.explanation;
//   steps.push_back({part::kDemand, "what one accelerator takes while it never waits",
//                    Sum(figure::count(7)).times(figure::bytes(146.6e6)).over(figure::seconds(0.323))
//                        .equals(figure::rate(3.177e9)), {}});
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "record/result.hpp"

namespace millrace::diagnose {

// Which part of the chain a line belongs to, in the order in which people read them.
namespace part {
inline constexpr const char* kDemand = "demand";
inline constexpr const char* kPath = "path";
inline constexpr const char* kCapacity = "capacity";
inline constexpr const char* kUtilization = "utilization";
inline constexpr const char* kBinding = "binding";
inline constexpr const char* kPrediction = "prediction";
inline constexpr const char* kVerdict = "verdict";
inline constexpr const char* kRelief = "relief";
inline constexpr const char* kProof = "proof";
inline constexpr const char* kLatency = "latency";
}  // namespace part

enum class Unit { kNone, kBytes, kSeconds, kBytesPerSecond, kPercent };

// A number with its unit, and what it counts where it has none ("records").
struct Figure {
  double value = 0;
  Unit unit = Unit::kNone;
  std::string of = {};
  std::vector<double> parts = {};  // of a sum that is written out: "(1.04 + 1.05) GB/s"
};
namespace figure {
Figure count(double value, std::string of = {});
Figure bytes(double value);
Figure seconds(double value);
Figure rate(double bytes_per_s);
Figure sum_of_rates(std::vector<double> bytes_per_s);
Figure sum_of_counts(std::vector<double> values);
Figure percent(double share);  // 0.31 is printed as 31 %
}  // namespace figure

// One line of arithmetic. Terms are printed with six significant digits and the result with four, all bytes
// and rates of a line with one prefix, and seconds as seconds where bytes stand beside them: whoever types
// the numbers into a calculator, units aside, gets the result to its last digit. × and ÷ bind closer than +
// and −, as everywhere.
class Sum {
 public:
  explicit Sum(Figure first);
  Sum& times(Figure next);
  Sum& over(Figure next);
  Sum& plus(Figure next);
  Sum& minus(Figure next);
  // " = result". The result is what the diagnosis itself computed: that the terms give it is the caller's
  // promise, which tests hold it to.
  [[nodiscard]] std::string equals(const Figure& result) const;
  // "A > B": two figures in one unit; "<" and "=" as they compare.
  static std::string compare(const Figure& a, const Figure& b);

 private:
  struct Term {
    std::string sign;  // empty for the first
    Figure figure;
  };
  std::vector<Term> terms_;
};

// What a printed line gives when its terms are typed in: the value of the left side and of the right, in
// bytes, seconds and shares; and by how much the two may differ since both were rounded. Nothing where the
// text is no such line.
struct Checked {
  double left = 0, right = 0, tolerance = 0;
  char relation = '=';  // '=', '<' or '>'
  [[nodiscard]] bool holds() const;
};
std::optional<Checked> check(const std::string& arithmetic);

}  // namespace millrace::diagnose
