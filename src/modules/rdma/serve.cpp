// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/serve.hpp"

#include <chrono>
#include <thread>

namespace millrace::rdma {

Result<void> serve(const sdk::Host& host, Phase& phase) {
  while (!phase.is_over(host.now_ns())) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return phase.error();
}

}  // namespace millrace::rdma
