// SPDX-License-Identifier: Apache-2.0
#include "process/guarded_call.hpp"

#include "process/guarded_child.hpp"

namespace millrace {

Result<std::string> guarded_call(const std::function<std::string()>& call, Duration timeout) {
  auto child = GuardedChild::start([&call](const GuardedChild::AskedToEnd&) { return call(); });
  if (!child) return tl::unexpected(child.error());
  return child->finish(timeout);
}

}  // namespace millrace
