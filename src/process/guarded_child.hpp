// SPDX-License-Identifier: Apache-2.0
// Runs code that may crash or hang (a vendor's library) in a forked child that lives until it is asked to
// end, and brings back what it answers then. guarded_call.hpp is the short form, for code that ends by
// itself.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace {

class GuardedChild {
 public:
  // In the child: waits at most so long, and says whether it was asked to end.
  using AskedToEnd = std::function<bool(Duration)>;

  // Forks; the caller must be single-threaded. The child's standard output and error are dropped; it dies
  // with its parent.
  static Result<GuardedChild> start(const std::function<std::string(const AskedToEnd&)>& call);

  GuardedChild(GuardedChild&& other) noexcept;
  GuardedChild& operator=(GuardedChild&&) = delete;
  GuardedChild(const GuardedChild&) = delete;
  GuardedChild& operator=(const GuardedChild&) = delete;
  ~GuardedChild();  // ends it

  // Asks it to end, and gives what the call returned, or an Error that says what became of it: "crashed
  // (SIGSEGV)", "did not answer within 5 s", "threw an exception: …". The child and what it started in its
  // process group are gone then, except where the kernel does not let go of it (a driver that hangs): that
  // one is left behind.
  Result<std::string> finish(Duration timeout);

 private:
  GuardedChild(pid_t child, int answer, int end) : child_(child), answer_(answer), end_(end) {}
  [[nodiscard]] std::optional<std::string> read_answer(Duration timeout) const;
  std::optional<int> reap();

  pid_t child_;
  int answer_;  // from the child
  int end_;     // closed: it is asked to end
};

}  // namespace millrace
