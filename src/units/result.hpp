// SPDX-License-Identifier: Apache-2.0
// Expected failures are values: what went wrong, where, and the way out.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace millrace {

// The process's exit codes; an Error carries the one that its kind of failure ends with.
enum class Exit : int {
  kOk = 0,
  kCheckFailed = 1,   // a check failed, or a starved verdict with --fail-if-starved
  kUsage = 2,         // bad input: flag, file, document
  kInconclusive = 3,  // nothing conclusive, or nothing measurable on this machine
  kInterrupted = 130,
};

struct Error {
  std::string what;  // one sentence: what failed, where (file and position, flag, device)
  std::string hint;  // what to do about it; may be empty
  Exit exit = Exit::kUsage;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> failure(std::string what, std::string hint = {}, Exit exit = Exit::kUsage) {
  return tl::unexpected<Error>(Error{std::move(what), std::move(hint), exit});
}

}  // namespace millrace
