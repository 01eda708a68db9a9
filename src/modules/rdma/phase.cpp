// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/phase.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "units/quantity.hpp"

namespace millrace::rdma {
namespace {

// Far less than the core leaves a worker whose measurement has failed: it would end it, and blame it.
constexpr std::int64_t kLastWords_ns = 1'000'000'000;

}  // namespace

Result<void> finish_phase(const sdk::Host& host, LinkEnd& end, bool heed_cancel) {
  if (auto said = end.control().say_done(); !said) return said;
  const std::int64_t deadline = host.now_ns() + end.settings().timeout_ns;
  std::int64_t last_words_until = 0;
  for (;;) {
    const std::int64_t now = host.now_ns();
    if (host.given_up() && last_words_until == 0) last_words_until = now + kLastWords_ns;
    Result<void> tended = end.control().tend(now);
    if (end.control().other_was_done() && (end.control().is_heard() || !tended)) return {};
    if (!tended) return tended;
    if (heed_cancel && host.cancelled()) return {};
    if (last_words_until != 0 && now >= last_words_until) return {};
    if (now >= deadline)
      return failure(fmt::format("{} did not end its part within {}", end.there(),
                                 to_text(Duration{end.settings().timeout_ns})),
                     "it may be stuck or far slower: look at its host, or give a longer --timeout");
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

}  // namespace millrace::rdma
