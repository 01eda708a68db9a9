// SPDX-License-Identifier: Apache-2.0
#include "driver.hpp"
#include "misuse.hpp"
#include "registry.hpp"

using namespace millrace::standin;

CUfileError_t cuFileHandleRegister(CUfileHandle_t* handle, CUfileDescr_t* descriptor) {
  if (const auto refused = refused_call("cuFileHandleRegister", -1)) return {*refused, CUDA_SUCCESS};
  if (handle == nullptr || descriptor == nullptr || descriptor->type != CU_FILE_HANDLE_TYPE_OPAQUE_FD)
    return {CU_FILE_INVALID_VALUE, CUDA_SUCCESS};
  return {Registry::instance().add_file(descriptor->handle.fd, *handle), CUDA_SUCCESS};
}

void cuFileHandleDeregister(CUfileHandle_t handle) {
  check_not_forked();
  Registry::instance().remove_file(handle);
}

CUfileError_t cuFileBufRegister(const void* base, size_t size, int) {
  if (const auto refused = refused_call("cuFileBufRegister", -1)) return {*refused, CUDA_SUCCESS};
  return {Registry::instance().add_piece(base, size), CUDA_SUCCESS};
}

CUfileError_t cuFileBufDeregister(const void* base) {
  check_not_forked();
  return {Registry::instance().remove_piece(base), CUDA_SUCCESS};
}
