// SPDX-License-Identifier: Apache-2.0
#include "modules/collective/cancellation.hpp"

#include <chrono>
#include <thread>

namespace millrace::collective {
namespace {

constexpr std::int64_t kMoment_ns = 500'000'000;

}  // namespace

bool soon_cancelled(const sdk::Host& host) {
  const std::int64_t deadline = host.now_ns() + kMoment_ns;
  while (!host.cancelled() && host.now_ns() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return host.cancelled();
}

sdk::Outcome report(const sdk::Host& host, const Error& error) {
  if (error.exit == Exit::kInterrupted) return sdk::Outcome::kCancelled;
  return error.exit == Exit::kInconclusive ? host.unavailable(error.what, error.hint)
                                           : host.fail(error.what, error.hint);
}

}  // namespace millrace::collective
