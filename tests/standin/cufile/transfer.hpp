// SPDX-License-Identifier: Apache-2.0
// One transfer between a file and GPU memory: checked, done for real, and as long as the machine's links
// take.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "vendor.hpp"

namespace millrace::standin {

struct Request {
  std::string_view call;  // "cuFileRead", as faults name it
  bool reads = true;
  CUfileHandle_t file = nullptr;
  const void* base = nullptr;
  std::size_t size = 0;
  off_t file_offset = 0, at = 0;
  // Through the page cache where it goes through host memory, as batches of cuFile 1.15.1 do.
  bool may_be_buffered = false;
};

// Ends the process over what the vendor's library refuses by doing it another way than was meant: a size or
// an offset that is no multiple of 4096, memory that is not registered.
void check_request(const Request& request);

// As cuFileRead answers: bytes, -1 with errno, or the negative of a CUfileOpError. `ready_ns`: when it could
// begin; on return, when its last byte had crossed, from which the next may begin.
ssize_t transfer(const Request& request, std::int64_t& ready_ns);

}  // namespace millrace::standin
