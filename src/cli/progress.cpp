// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "run/shared_state.hpp"

namespace millrace::cli {

void Progress::expect(int steps, Duration whole) {
  steps_ = steps;
  done_ = 0;
  if (on_) fmt::print(stderr, "{} measurements, about {}\n", steps, to_text(whole));
}

void Progress::update(Duration elapsed, double bytes_per_s) {
  const std::int64_t now = run::monotonic_ns();
  if (!on_ || !live_ || now - last_draw_ns_ < 200'000'000)
    return;  // five times a second: a measurement is under way
  last_draw_ns_ = now;
  const std::string where = steps_ > 0 ? fmt::format("[{}/{}] ", done_ + 1, steps_) : std::string();
  draw(fmt::format("{}{}  {:.1f} s  {}", where, doing_, elapsed.seconds(),
                   bytes_per_s > 0 ? to_text(BytesPerSecond{bytes_per_s}) : std::string()));
}

void Progress::finish_step(const std::string& what, const std::string& outcome) {
  clear();
  const std::string where = steps_ > 0 ? fmt::format("[{}/{}] ", ++done_, steps_) : std::string();
  if (on_) fmt::print(stderr, "{}{}: {}\n", where, what, outcome);
}

void Progress::clear() {
  if (drawn_ == 0) return;
  fmt::print(stderr, "\r{:{}}\r", "", drawn_);
  std::fflush(stderr);
  drawn_ = 0;
}

void Progress::draw(const std::string& line) {
  const std::size_t before = drawn_;
  fmt::print(stderr, "\r{:<{}}", line, before);
  std::fflush(stderr);
  drawn_ = line.size();
}

}  // namespace millrace::cli
