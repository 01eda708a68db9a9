// SPDX-License-Identifier: Apache-2.0
#include "driver.hpp"
#include "machine/clock.hpp"
#include "misuse.hpp"
#include "transfer.hpp"

using namespace millrace::standin;

namespace {

ssize_t call(const Request& request) {
  check_not_forked();
  if (!is_open()) return -CU_FILE_DRIVER_NOT_INITIALIZED;
  std::int64_t ready = now_ns();
  return transfer(request, ready);
}

}  // namespace

ssize_t cuFileRead(CUfileHandle_t file, void* base, size_t size, off_t file_offset, off_t at) {
  return call({"cuFileRead", true, file, base, size, file_offset, at});
}

ssize_t cuFileWrite(CUfileHandle_t file, const void* base, size_t size, off_t file_offset, off_t at) {
  return call({"cuFileWrite", false, file, base, size, file_offset, at});
}
