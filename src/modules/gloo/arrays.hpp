// SPDX-License-Identifier: Apache-2.0
// A rank's arrays: a collective of each turn works on the next pair, so that what it reads was last touched a
// whole region ago. A single small pair would measure the cache.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "modules/gloo/settings.hpp"
#include "units/result.hpp"

namespace millrace::gloo {

struct Turn {
  std::span<std::byte> input, output;  // in place: the input lies within the output, or is it
};

struct ArraysPlan {
  std::size_t turns = 1;
  std::size_t output_at = 0;  // within a turn's memory; 0 in place
  std::size_t turn_bytes = 0;
  std::size_t touched_bytes = 0;  // of all turns, with what Gloo keeps for each; of the rank with the least
};

ArraysPlan plan_arrays(const Settings& settings, int rank);
// What the worker allocates, Gloo's own arrays with it.
std::uint64_t memory_of(const Settings& settings);

class Arrays {
 public:
  static Result<Arrays> allocate(const Settings& settings, int rank);
  [[nodiscard]] const std::vector<Turn>& turns() const { return turns_; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
  std::vector<Turn> turns_;
};

}  // namespace millrace::gloo
