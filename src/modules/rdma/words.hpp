// SPDX-License-Identifier: Apache-2.0
// What went wrong on an RDMA link, in words, with the way out. Pure functions of what was seen.
#pragma once

#include <infiniband/verbs.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "units/result.hpp"

namespace millrace::rdma {

// "mlx5_0 port 1"
std::string port_text(const std::string& device, unsigned port);

// "PORT_DOWN" and so on, as `ibv_devinfo` has it, less the prefix.
std::string state_text(ibv_port_state state);

// Why there is no device to be had: from what sysfs lists, and what libibverbs does.
Error no_devices(std::span<const std::string> in_sysfs);

// `wanted` is none of `present`.
Error no_such_device(const std::string& wanted, std::span<const std::string> present);
Error no_such_port(const std::string& device, unsigned wanted, unsigned ports);
// `interface`: of the network, "" where unknown.
Error port_not_active(const std::string& device, unsigned port, ibv_port_state state,
                      const std::string& interface);
Error no_active_port(std::span<const std::string> devices);
Error no_roce_v2_gid(const std::string& device, unsigned port, const std::string& interface);

// ibv_reg_mr or ibv_reg_dmabuf_mr refused `bytes`. `locked_limit`: RLIMIT_MEMLOCK, nothing where there is
// none.
Error registration_refused(int error, std::uint64_t bytes, const std::string& memory,
                           const std::string& device, std::optional<std::uint64_t> locked_limit);

// A completion with an error. `doing`: "writing to", "reading from"; `here`, `there`: the ports.
struct Completion {
  ibv_wc_status status = IBV_WC_SUCCESS;
  std::uint32_t vendor_error = 0;
  std::string doing, here, there;
  std::optional<ibv_port_state> port_state;  // of this end's port, looked up afterwards
};
Error completion_error(const Completion& completion);
// Of a port that was up when the measurement began: "rxe0 port 1 of 10.9.0.1 is DOWN now".
Error port_went_down(const std::string& here, ibv_port_state state);

// Whether the error only follows from another one on the same queue pair.
inline bool is_flushed(ibv_wc_status status) { return status == IBV_WC_WR_FLUSH_ERR; }

}  // namespace millrace::rdma
