// SPDX-License-Identifier: Apache-2.0
// The parameters of NCCL's collectives besides those of all collectives.
#pragma once

#include <array>

#include "millrace/probe.hpp"
#include "modules/collective/parameters.hpp"

namespace millrace::nccl {

inline constexpr std::array kEveryNccl{
    sdk::parameter("gpus", MILLRACE_TEXT, "all",
                   "of each host, a rank each: all, or several by commas: 0,gpu:1,0000:41:00.0"),
    sdk::choice("buffers", "plain|registered", "plain",
                "plain: of the driver; registered: of ncclMemAlloc, made known by ncclCommRegister"),
    sdk::parameter("graph", MILLRACE_FLAG, "off", "launch each collective as a CUDA graph"),
    sdk::parameter("blocking", MILLRACE_FLAG, "off",
                   "let NCCL's calls block: less overhead for small arrays, but a hang costs the worker"),
    sdk::choice("algorithm", "default|ring|tree|nvls|nvlstree|collnetdirect|collnetchain|pat", "default",
                "for NCCL_ALGO; default: NCCL's choice, which it does not tell"),
    sdk::choice("protocol", "default|ll|ll128|simple", "default",
                "for NCCL_PROTO; default: NCCL's choice, which it does not tell"),
};
// Of what NCCL 2.28 has calls of its own for.
inline constexpr std::array kForm{
    sdk::choice("form", "call|grouped", "call",
                "call: NCCL's own (2.28); grouped: ncclSend and ncclRecv, as with older NCCLs")};

}  // namespace millrace::nccl
