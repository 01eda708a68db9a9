// SPDX-License-Identifier: Apache-2.0
// What the calls of the stand-in for NVML share: the machine, its handles, and when a call fails. Beside the
// keys that all stand-ins read, of a GPU:
//   pcie             {"generation", "width": what it could; "now_generation", "now_width"}
//   nvlinks[]        {"state": "active" | "down", "errors": n}
//   clocks_mhz       {"sm", "memory"}: the most; power_w, power_limit_w, temperature_c,
//   slowdown_temperature_c ecc              {"enabled", "corrected", "uncorrected"}; remapped_rows
//   {"corrected", "uncorrected", "pending",
//                    "failure"}; persistence
//   p2p              {"read": status, "write": status}: "ok" or the vendor's number; absent: all reach each
//   other
// and of the machine:
//   throttle         {"gpu", "reasons": ["sw_thermal"], "clocks_mhz": {"sm"}}, or a list of them
// Energy is power_w since the machine was started, as if it had always drawn it.
#pragma once

// The vendor's declarations must show, whatever this build hides.
#pragma GCC visibility push(default)
#define NVML_NO_UNVERSIONED_FUNC_DEFS
#include <nvml.h>
#pragma GCC visibility pop

#include <nlohmann/json.hpp>
#include <optional>

#include "machine/machine.hpp"

namespace millrace::standin::nvml {

// Of nvmlInit and nvmlShutdown, which count.
void started();
bool stopped();  // false: it was not started

nlohmann::json key(const nlohmann::json& object, const char* name, nlohmann::json otherwise);

nvmlDevice_t handle_of(int gpu);
int gpu_of(nvmlDevice_t device);  // -1: no handle of this library

struct Throttle {
  unsigned long long reasons = 0;
  std::optional<unsigned> sm_clock_mhz;
};
Throttle throttle_of(int gpu);

// A call about one GPU: counts it, plays the faults it is to have, and gives what it must return then.
class Call {
 public:
  Call(const char* name, nvmlDevice_t device, bool arguments_ok);
  [[nodiscard]] bool fails() const { return result_ != NVML_SUCCESS; }
  [[nodiscard]] nvmlReturn_t result() const { return result_; }
  [[nodiscard]] int gpu() const { return gpu_; }
  [[nodiscard]] const GpuDescription& description() const;
  [[nodiscard]] const nlohmann::json& json() const;  // what the machine's file says of the GPU

 private:
  int gpu_;
  nvmlReturn_t result_ = NVML_SUCCESS;
};

// The same of a call about the whole machine.
nvmlReturn_t of_machine(const char* name, bool arguments_ok);

nvmlReturn_t put_text(const std::string& text, char* into, unsigned length);
void put_pci(const std::string& address, nvmlPciInfo_t& into);

}  // namespace millrace::standin::nvml
