// SPDX-License-Identifier: Apache-2.0
// What a program does that the vendor's library refuses, or that would hang or corrupt.
#pragma once

#include <string>

#include "nccl/vendor.hpp"

namespace millrace::standin::nccl {

// Refused: says on stderr what it was, and gives back what the vendor's library would.
ncclResult_t misuse(ncclResult_t result, const std::string& what);

// What the real library would answer with a hang, a crash or wrong data: says what it was, and aborts.
[[noreturn]] void die(const std::string& what);

// What ncclGetLastError says: of this process.
void set_last_error(const std::string& text);
const char* last_error();

}  // namespace millrace::standin::nccl
