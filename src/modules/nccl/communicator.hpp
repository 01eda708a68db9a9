// SPDX-License-Identifier: Apache-2.0
// A rank's NCCL communicator. It is non-blocking unless asked otherwise: a call that is not over says so, and
// is asked again until it is, the time-out is over (then the communicator is aborted), or the run is stopped.
// (NCCL User Guide, "Creating a communicator with options" and "Fault Tolerance".)
#pragma once

#include <nccl.h>

#include <functional>
#include <string>

#include "millrace/probe.hpp"
#include "modules/nccl/settings.hpp"
#include "units/result.hpp"

namespace millrace::nccl {

// Where the ranks are. `local` counts those of this rank's host that come before it: it takes that GPU.
struct Meeting {
  ncclUniqueId id{};
  int local = 0;
};
// Every rank calls it: rank 0's id travels by the host's exchange.
Result<Meeting> meet(const sdk::Host& host, const Settings& settings);

class Communicator {
 public:
  // The rank's GPU's context is current.
  static Result<Communicator> connect(const sdk::Host& host, const Settings& settings,
                                      const Meeting& meeting);
  Communicator() = default;
  Communicator(Communicator&& other) noexcept { *this = std::move(other); }
  Communicator& operator=(Communicator&& other) noexcept;
  ~Communicator() { abort(); }

  // What a call came to that said `said`: waits until NCCL is no longer busy with it. `doing`: "all_reduce".
  Result<void> settle(ncclResult_t said, const std::string& doing);
  // What went wrong in the background, if anything did.
  Result<void> check(const std::string& doing);
  // Waits for what the GPU does, looking after NCCL meanwhile. After the time-out it aborts.
  Result<void> wait_until(const std::function<Result<bool>()>& is_done, const std::string& doing);

  // All ranks are done: flushes and frees. What does not end in time is aborted.
  Result<void> close();
  void abort();

  [[nodiscard]] ncclComm_t handle() const { return handle_; }
  [[nodiscard]] bool aborted() const { return aborted_; }

 private:
  Error too_late(const std::string& doing, std::int64_t waited_ns) const;
  [[nodiscard]] std::string of_rank(const std::string& doing) const;
  Error failed(ncclResult_t result, const std::string& doing);

  sdk::Host host_{nullptr};  // a view: it may outlive the one that it was made from
  ncclComm_t handle_ = nullptr;
  std::int64_t timeout_ns_ = 0, longest_ns_ = 0;
  bool aborted_ = false;
};

}  // namespace millrace::nccl
