// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/newer_calls.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <string>

namespace millrace::nccl {
namespace {

NewerCalls find_calls() {
  NewerCalls calls;
  // The one that this module is linked to is loaded; it is only found, and never closed.
  void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_NOLOAD);
  if (library == nullptr) return calls;
  const auto find = [library](auto& call, const char* name) {
    call = reinterpret_cast<std::remove_reference_t<decltype(call)>>(dlsym(library, name));
  };
  find(calls.all_to_all, "ncclAlltoAll");
  find(calls.gather, "ncclGather");
  find(calls.scatter, "ncclScatter");
  find(calls.mem_alloc, "ncclMemAlloc");
  find(calls.mem_free, "ncclMemFree");
  find(calls.comm_register, "ncclCommRegister");
  find(calls.comm_deregister, "ncclCommDeregister");
  return calls;
}

// nccl.h, NCCL_VERSION: up to 2.8 two digits less.
std::string text_of_version() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess || version <= 0) return "unknown";
  if (version < 10'000) return fmt::format("{}.{}.{}", version / 1000, version / 100 % 10, version % 100);
  return fmt::format("{}.{}.{}", version / 10'000, version / 100 % 100, version % 100);
}

}  // namespace

const NewerCalls& newer_calls() {
  static const NewerCalls calls = find_calls();
  return calls;
}

const char* library_version() {
  static const std::string text = text_of_version();
  return text.c_str();
}

}  // namespace millrace::nccl
