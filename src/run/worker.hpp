// SPDX-License-Identifier: Apache-2.0
// The worker process: pinned, it opens one module, runs one probe and reports. The core starts it as
// `millrace worker` with the channel as descriptor 3 and the shared state as descriptor 4.
#pragma once

namespace millrace::run {

inline constexpr int kWorkerChannelFd = 3;
inline constexpr int kWorkerStateFd = 4;

// Returns the process's exit status: 0 whenever a report was sent.
int worker_main();

}  // namespace millrace::run
