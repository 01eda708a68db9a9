// SPDX-License-Identifier: Apache-2.0
// Whether the driver is open and which way it goes: "cufile" of the machine's description,
//   direct       false: every transfer goes through host memory, and nothing but the counts says so
//   by           "nvidia-fs" (default) or "p2p": what the direct ones are counted as
//   counts       false: it counts nothing, as before 1.15
//   bounces      N: each N-th transfer goes through host memory though the path is direct
//   drive        id of one of links[]: what every byte crosses besides the GPU's own links
#pragma once

#include <optional>
#include <string_view>

#include "vendor.hpp"

namespace millrace::standin {

// What a call has to answer before anything else: that the driver is closed, that the thread has no context,
// or the error of a fault. A fault that hangs is played here. `gpu` -1: of no GPU.
std::optional<CUfileOpError> refused_call(std::string_view call, int gpu);

// A CUfileOpError by its name; nothing where there is none such.
std::optional<CUfileOpError> error_named(std::string_view name);

bool is_open();
bool goes_direct();  // by the description and by what cuFileSetParameterBool said
bool counts();

}  // namespace millrace::standin
