// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/communicator.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "modules/collective/cancellation.hpp"
#include "modules/nccl/nccl_failure.hpp"
#include "modules/nccl/unique_id.hpp"
#include "units/quantity.hpp"

namespace millrace::nccl {
namespace {

// When the run is stopped, ranks still end what they had agreed on; one that cannot is given up after this.
constexpr std::int64_t kGrace_ns = 2'000'000'000;
constexpr std::int64_t kFirstNap_ns = 10'000, kLongestNap_ns = 200'000;
constexpr int kLooksAwake = 200;   // some tens of microseconds, which a small collective takes
constexpr int kLooksBetween = 16;  // at the GPU, for each look at the communicator

// Between two looks: at first only lets others have the CPU, then sleeps longer and longer.
class Pause {
 public:
  void operator()() {
    if (++looks_ <= kLooksAwake) {
      sched_yield();
      return;
    }
    const timespec time{0, nap_ns_};
    nanosleep(&time, nullptr);
    nap_ns_ = std::min(nap_ns_ + nap_ns_ / 4, kLongestNap_ns);
  }

 private:
  int looks_ = 0;
  std::int64_t nap_ns_ = kFirstNap_ns;
};

// A deadline that comes nearer when the run is stopped.
class Patience {
 public:
  Patience(const sdk::Host& host, std::int64_t timeout_ns, std::int64_t longest_ns)
      : host_(host),
        timeout_ns_(timeout_ns),
        deadline_(host.now_ns() + timeout_ns),
        grace_(std::max(kGrace_ns, 4 * longest_ns)) {}
  bool is_over() {
    const std::int64_t now = host_.now_ns();
    if (!stopped_ && host_.cancelled()) {
      stopped_ = true;
      stop_deadline_ = now + grace_;
    }
    return now >= deadline_ || (stopped_ && now >= stop_deadline_);
  }
  // The time that was over.
  [[nodiscard]] std::int64_t waited_ns() const {
    return stopped_ && stop_deadline_ < deadline_ ? grace_ : timeout_ns_;
  }

 private:
  const sdk::Host& host_;
  std::int64_t timeout_ns_, deadline_, grace_, stop_deadline_ = 0;
  bool stopped_ = false;
};

}  // namespace

Result<Meeting> meet(const sdk::Host& host, const Settings& settings) {
  Meeting meeting;
  std::string mine(1, static_cast<char>(host.host_index()));
  if (host.rank() == 0) {
    if (const ncclResult_t made = ncclGetUniqueId(&meeting.id); made != ncclSuccess)
      return tl::unexpected(nccl_failure(made, "ncclGetUniqueId", nullptr));
    mine.append(meeting.id.internal, sizeof(meeting.id.internal));
  }
  const std::vector<std::string> all = host.exchange(mine, settings.timeout_ns);
  if (all.empty() && host.cancelled()) return collective::stopped_from_outside();
  if (all.empty()) return failure("the other ranks did not come to the meeting", "see their output");
  if (all[0].size() != 1 + sizeof(meeting.id.internal))
    return failure("rank 0 sent no id of NCCL's", "run the same version of Millrace on all hosts");
  std::memcpy(meeting.id.internal, all[0].data() + 1, sizeof(meeting.id.internal));
  // Rank 0 is on host 0: what it says here came from another host.
  const auto may_use = [&](const std::string& address) { return host.may_use_address(address); };
  if (host.host_index() > 0)
    if (auto fine = check_unique_id({meeting.id.internal, sizeof(meeting.id.internal)}, may_use); !fine)
      return tl::unexpected(fine.error());
  for (int rank = 0; rank < host.rank(); ++rank)
    meeting.local += all[static_cast<std::size_t>(rank)].front() == mine.front() ? 1 : 0;
  return meeting;
}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  std::swap(host_, other.host_);
  std::swap(handle_, other.handle_);
  std::swap(timeout_ns_, other.timeout_ns_);
  std::swap(longest_ns_, other.longest_ns_);
  std::swap(aborted_, other.aborted_);
  return *this;
}

Result<Communicator> Communicator::connect(const sdk::Host& host, const Settings& settings,
                                           const Meeting& meeting) {
  Communicator communicator;
  communicator.host_ = host;
  communicator.timeout_ns_ = settings.timeout_ns;
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = settings.blocking ? 1 : 0;
  const ncclResult_t said =
      ncclCommInitRankConfig(&communicator.handle_, host.ranks(), meeting.id, host.rank(), &config);
  if (auto connected = communicator.settle(said, "connecting (ncclCommInitRankConfig)"); !connected)
    return tl::unexpected(connected.error());
  return communicator;
}

std::string Communicator::of_rank(const std::string& doing) const {
  return fmt::format("rank {}, {}", host_.rank(), doing);
}

Error Communicator::too_late(const std::string& doing, std::int64_t waited_ns) const {
  return {fmt::format("{}: not over after {}", of_rank(doing), to_text(Duration{waited_ns})),
          "a rank hangs, is far slower, or never came: see what the others say; NCCL_DEBUG=INFO in the "
          "environment tells more, --timeout waits for longer",
          Exit::kUsage};
}

Error Communicator::failed(ncclResult_t result, const std::string& doing) {
  Error error = nccl_failure(result, of_rank(doing), handle_);
  abort();
  if (is_a_consequence(result) && collective::soon_cancelled(host_))
    return collective::stopped_from_outside().value();
  return error;
}

Result<void> Communicator::settle(ncclResult_t said, const std::string& doing) {
  Patience patience(host_, timeout_ns_, longest_ns_);
  for (Pause pause; said == ncclInProgress; pause()) {
    if (patience.is_over()) {
      abort();
      return tl::unexpected(too_late(doing, patience.waited_ns()));
    }
    if (const ncclResult_t asked = ncclCommGetAsyncError(handle_, &said); asked != ncclSuccess) said = asked;
  }
  if (said != ncclSuccess) return tl::unexpected(failed(said, doing));
  return {};
}

Result<void> Communicator::check(const std::string& doing) {
  ncclResult_t state = ncclSuccess;
  if (const ncclResult_t asked = ncclCommGetAsyncError(handle_, &state); asked != ncclSuccess) state = asked;
  if (state != ncclSuccess && state != ncclInProgress) return tl::unexpected(failed(state, doing));
  return {};
}

Result<void> Communicator::wait_until(const std::function<Result<bool>()>& is_done,
                                      const std::string& doing) {
  Patience patience(host_, timeout_ns_, longest_ns_);
  const std::int64_t began_ns = host_.now_ns();
  Pause pause;
  for (int looks = 1;; ++looks) {
    const auto done = is_done();
    if (!done) {
      abort();
      return tl::unexpected(done.error());
    }
    if (*done) break;
    if (looks % kLooksBetween == 0)
      if (auto fine = check(doing); !fine) return fine;
    if (patience.is_over()) {
      abort();
      return tl::unexpected(too_late(doing, patience.waited_ns()));
    }
    pause();
  }
  longest_ns_ = std::max(longest_ns_, host_.now_ns() - began_ns);
  return {};
}

Result<void> Communicator::close() {
  if (handle_ == nullptr || aborted_) return {};
  if (auto flushed = settle(ncclCommFinalize(handle_), "closing (ncclCommFinalize)"); !flushed)
    return flushed;
  const ncclResult_t freed = ncclCommDestroy(std::exchange(handle_, nullptr));
  if (freed != ncclSuccess && freed != ncclInProgress)
    return tl::unexpected(nccl_failure(freed, of_rank("closing (ncclCommDestroy)"), nullptr));
  return {};
}

void Communicator::abort() {
  if (handle_ == nullptr || aborted_) return;
  aborted_ = true;
  ncclCommAbort(std::exchange(handle_, nullptr));
}

}  // namespace millrace::nccl
