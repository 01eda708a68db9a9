// SPDX-License-Identifier: Apache-2.0
#include "modules/host/host_memory.hpp"

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>

#include "modules/host/pages.hpp"
#include "modules/host/stream_copy.hpp"
#include "modules/host/timed_wait.hpp"

namespace millrace::host {
namespace {

constexpr std::size_t kStreamFrom = std::size_t{64} << 10;  // smaller copies are cheaper through the cache

class HostMemory {
 public:
  explicit HostMemory(const millrace_host* host) : host_(host) {}

  int32_t allocate(std::size_t size, void** pointer) {
    auto pages = Pages::allocate(size);
    if (!pages) return fail(pages.error().what.c_str(), pages.error().hint.c_str());
    *pointer = pages->data();
    const std::scoped_lock hold(mutex_);
    allocations_.emplace(*pointer, std::move(*pages));
    return MILLRACE_OK;
  }

  int32_t release(void* pointer) {
    const std::scoped_lock hold(mutex_);
    if (allocations_.erase(pointer) == 1) return MILLRACE_OK;
    return fail("host memory was released that had not been allocated", "this is a bug of the probe");
  }

  int32_t fail(const char* what, const char* hint) const {
    host_->fail(host_->context, what, hint);
    return MILLRACE_FAILED;
  }

 private:
  const millrace_host* host_;
  std::mutex mutex_;
  std::unordered_map<void*, Pages> allocations_;
};

HostMemory& self_of(void* self) { return *static_cast<HostMemory*>(self); }

int32_t allocate(void* self, int32_t, std::size_t size, void** pointer) {
  try {
    return self_of(self).allocate(size, pointer);
  } catch (const std::exception& error) {
    return self_of(self).fail(error.what(), "free memory");
  }
}

int32_t release(void* self, void* pointer) { return self_of(self).release(pointer); }
int32_t register_host(void*, void*, std::size_t) { return MILLRACE_OK; }  // a core copies from anywhere
int32_t unregister_host(void*, void*) { return MILLRACE_OK; }

int32_t copy_async(void*, void* to, const void* from, std::size_t size, uint64_t* ticket) {
  static const CopyFunction stream = stream_copy().copy;
  static const CopyFunction plain = [](std::byte* t, const std::byte* f, std::size_t n) {
    __builtin_memcpy(t, f, n);
  };
  (size >= kStreamFrom ? stream : plain)(static_cast<std::byte*>(to), static_cast<const std::byte*>(from),
                                         size);
  *ticket = 0;
  return MILLRACE_OK;
}

int32_t wait(void*, uint64_t, int64_t) { return MILLRACE_OK; }  // copies are complete on return

int32_t busy_for(void*, int64_t ns, int64_t* actual_ns) {
  *actual_ns = wait_for(ns);
  return MILLRACE_OK;
}

int32_t detect(const millrace_host*) { return MILLRACE_OK; }
uint32_t device_count(const millrace_host*) { return 1; }

int32_t device(const millrace_host* host, uint32_t index, millrace_memory_device* device) {
  if (index != 0) {
    host->fail(host->context, "there is one host memory, of index 0", "");
    return MILLRACE_FAILED;
  }
  device->numa_node = -1;  // allocations lie on the node of whoever allocates
  device->bytes =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::snprintf(device->name, sizeof device->name, "host memory (stand-in)");
  device->pci[0] = '\0';
  return MILLRACE_OK;
}

int32_t open(const millrace_host* host, uint32_t index, millrace_memory* memory) {
  millrace_memory_device found{};
  if (device(host, index, &found) != MILLRACE_OK) return MILLRACE_FAILED;
  auto* self = new (std::nothrow) HostMemory(host);
  if (self == nullptr) return MILLRACE_FAILED;
  *memory = {sizeof(millrace_memory),
             1,
             self,
             allocate,
             release,
             register_host,
             unregister_host,
             copy_async,
             wait,
             busy_for,
             nullptr,
             nullptr,
             nullptr};
  return MILLRACE_OK;
}

int32_t close(const millrace_host*, millrace_memory* memory) {
  delete static_cast<HostMemory*>(memory->self);
  memory->self = nullptr;
  return MILLRACE_OK;
}

}  // namespace

const millrace_memory_module& memory_module() {
  static const millrace_memory_module module{
      sizeof(millrace_memory_module), 0, "host", "1.0", detect, device_count, device, open, close};
  return module;
}

}  // namespace millrace::host
