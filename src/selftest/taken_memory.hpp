// SPDX-License-Identifier: Apache-2.0
// Memory bandwidth that neighbours take: what the pipeline's own copying keeps of its rate beside them tells
// whether this machine lets that be planted.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "selftest/neighbours.hpp"
#include "selftest/trial.hpp"
#include "units/result.hpp"

namespace millrace::selftest {

// Where less than this is lost nobody could tell it from chance, and it is not planted.
inline constexpr double kLeastLossToPlant = 0.15;

// Neighbours that copy for as long as this lives.
struct TakenMemory {
  CoreHalves halves;
  double alone = 0, beside = 0;  // bytes/s that one accelerator's copying moves
  std::unique_ptr<Neighbours> neighbours;
  // "8 neighbours that copy leave copying 5.1 of 7.8 GB/s"
  [[nodiscard]] std::string text() const;
};

// Errors (Exit::kInconclusive): this machine does not let it be planted, with the figures that show it.
Result<TakenMemory> take_memory(const Bench& bench, const std::filesystem::path& work);

// A run whose data lie in memory, so that no drive gives out first, and that needs what copying moves alone.
Trial trial_beside(const TakenMemory& taken);

// A folder in memory with room for that run. Errors (Exit::kInconclusive): there is none.
Result<Work> work_in_memory();

}  // namespace millrace::selftest
