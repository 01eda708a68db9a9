// SPDX-License-Identifier: Apache-2.0
// One line on standard error that tells what is under way, rewritten in place on a terminal.
#pragma once

#include <cstdint>
#include <string>

#include "units/quantity.hpp"

namespace millrace::cli {

class Progress {
 public:
  // `live`: rewrite one line; else a line per step. `on` false: silent.
  Progress(bool on, bool live) : on_(on), live_(live) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  void expect(int steps, Duration whole);  // how much there is to do
  void doing(const std::string& what) { doing_ = what; }
  void update(Duration elapsed, double bytes_per_s);
  void finish_step(const std::string& what, const std::string& outcome);  // "1.05 GB/s"
  void clear();

 private:
  void draw(const std::string& line);
  bool on_, live_;
  int steps_ = 0, done_ = 0;
  std::string doing_;
  std::size_t drawn_ = 0;
  std::int64_t last_draw_ns_ = 0;
};

}  // namespace millrace::cli
