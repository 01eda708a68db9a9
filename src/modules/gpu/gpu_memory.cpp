// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/gpu_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>

#include "modules/cuda/driver.hpp"
#include "modules/cuda/failure.hpp"
#include "modules/gpu/device_memory.hpp"
#include "modules/gpu/direct_access.hpp"

namespace millrace::gpu {
namespace {

struct Self {
  const millrace_host* host;
  std::unique_ptr<OpenGpu> gpu;
  std::unique_ptr<DirectAccess> direct;  // null: there is no way past host memory
};
Self& self_of(void* self) { return *static_cast<Self*>(self); }

int32_t failed(const millrace_host* host, const Error& error) {
  host->fail(host->context, error.what.c_str(), error.hint.c_str());
  return error.exit == Exit::kInconclusive ? MILLRACE_UNAVAILABLE : MILLRACE_FAILED;
}

// Nothing is thrown across the interface.
template <typename Body>
int32_t guarded(const millrace_host* host, Body body) {
  try {
    const Result<void> done = body();
    return done ? MILLRACE_OK : (failed(host, done.error()), MILLRACE_FAILED);
  } catch (const std::exception& error) {
    return (failed(host, {error.what(), "this is a bug of the module: please report it"}), MILLRACE_FAILED);
  }
}

template <typename T, typename U>
Result<void> give(Result<T> result, U* to) {
  if (!result) return tl::unexpected(result.error());
  *to = static_cast<U>(*result);
  return {};
}

int32_t allocate(void* self, int32_t place, std::size_t size, void** pointer) {
  return guarded(self_of(self).host, [&] {
    return give(self_of(self).gpu->allocate(place == MILLRACE_MEMORY_STAGING, size), pointer);
  });
}
int32_t release(void* self, void* pointer) {
  if (self_of(self).direct) self_of(self).direct->forget(pointer);
  return guarded(self_of(self).host, [&] { return self_of(self).gpu->release(pointer); });
}
int32_t register_host(void* self, void* pointer, std::size_t size) {
  return guarded(self_of(self).host, [&] { return self_of(self).gpu->register_host(pointer, size); });
}
int32_t unregister_host(void* self, void* pointer) {
  return guarded(self_of(self).host, [&] { return self_of(self).gpu->unregister_host(pointer); });
}
int32_t copy_async(void* self, void* to, const void* from, std::size_t size, uint64_t* ticket) {
  return guarded(self_of(self).host, [&] { return give(self_of(self).gpu->copy(to, from, size), ticket); });
}
int32_t wait(void* self, uint64_t ticket, int64_t timeout_ns) {
  return guarded(self_of(self).host, [&] { return self_of(self).gpu->wait(ticket, timeout_ns); });
}
int32_t busy_for(void* self, int64_t ns, int64_t* actual_ns) {
  return guarded(self_of(self).host, [&] { return give(self_of(self).gpu->busy_for(ns), actual_ns); });
}
int32_t export_dmabuf(void* self, void* pointer, std::size_t size, int32_t* fd) {
  return guarded(self_of(self).host,
                 [&] { return give(self_of(self).gpu->export_dmabuf(pointer, size), fd); });
}

int32_t read_direct(void* self, int32_t fd, uint64_t offset, void* pointer, std::size_t size,
                    std::size_t* done) {
  return guarded(self_of(self).host,
                 [&] { return give(self_of(self).direct->read(fd, offset, pointer, size), done); });
}
int32_t direct_path(void* self) { return self_of(self).direct->path(); }

int32_t detect(const millrace_host* host) {
  const auto found = cuda::devices();
  return found ? MILLRACE_OK : failed(host, found.error());
}

// Indices are those of discovery, where a GPU that CUDA_VISIBLE_DEVICES hides keeps its number.
uint32_t device_count(const millrace_host*) {
  const auto found = cuda::devices();
  return found ? static_cast<uint32_t>(found->back().index + 1) : 0;
}

Result<cuda::Device> device_at(uint32_t index) {
  const auto found = cuda::devices();
  if (!found) return tl::unexpected(found.error());
  return cuda::find_device(*found, std::to_string(index));
}

int32_t device(const millrace_host* host, uint32_t index, millrace_memory_device* out) {
  const auto found = device_at(index);
  if (!found) return failed(host, found.error());
  out->numa_node = found->numa_node;
  out->bytes = found->bytes;
  std::snprintf(out->name, sizeof out->name, "%s", found->name.c_str());
  std::snprintf(out->pci, sizeof out->pci, "%s", found->pci.c_str());
  return MILLRACE_OK;
}

int32_t open(const millrace_host* host, uint32_t index, millrace_memory* memory) {
  return guarded(host, [&]() -> Result<void> {
    const auto found = device_at(index);
    if (!found) return tl::unexpected(found.error());
    auto gpu = OpenGpu::open(*found);
    if (!gpu) return tl::unexpected(gpu.error());
    if (!(*gpu)->has_kernels())
      host->log(host->context, MILLRACE_LOG_INFO,
                fmt::format("{}: without kernels its compute time is a timed wait", found->id()).c_str());
    auto self = std::make_unique<Self>(Self{host, std::move(*gpu), nullptr});
    self->direct = DirectAccess::of(*self->gpu);
    *memory = {};
    memory->struct_size = sizeof(millrace_memory);
    memory->stand_in = found->stand_in ? 1 : 0;
    if (self->direct) {
      memory->read_direct = read_direct;
      memory->direct_path = direct_path;
    }
    memory->self = self.release();
    memory->allocate = allocate;
    memory->release = release;
    memory->register_host = register_host;
    memory->unregister_host = unregister_host;
    memory->copy_async = copy_async;
    memory->wait = wait;
    memory->busy_for = busy_for;
    memory->export_dmabuf = export_dmabuf;
    return {};
  });
}

int32_t close(const millrace_host*, millrace_memory* memory) {
  delete static_cast<Self*>(memory->self);
  memory->self = nullptr;
  return MILLRACE_OK;
}

}  // namespace

const millrace_memory_module& memory_module() {
  static const millrace_memory_module module{
      sizeof(millrace_memory_module), 0, "gpu", "1.0", detect, device_count, device, open, close};
  return module;
}

}  // namespace millrace::gpu
