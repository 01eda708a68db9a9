// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/direct_access.hpp"

#include "millrace/module_abi.h"

#ifdef MILLRACE_WITH_CUFILE

#include <fmt/format.h>

#include "modules/cufile/direct_reads.hpp"

namespace millrace::gpu {
namespace {

class CuFileAccess : public DirectAccess {
 public:
  CuFileAccess(OpenGpu& gpu, const cufile::Uuid& uuid) : gpu_(gpu), reads_(uuid) {}

  Result<std::size_t> read(int fd, std::uint64_t offset, void* pointer, std::size_t size) override {
    const auto range = gpu_.allocation_of(pointer);
    if (!range)
      return failure(fmt::format("a direct read goes to memory that is not {}'s", gpu_.device().id()),
                     "this is a bug of the probe");
    if (auto current = gpu_.make_current(); !current) return tl::unexpected(current.error());
    const auto at =
        static_cast<std::size_t>(static_cast<std::byte*>(pointer) - static_cast<std::byte*>(range->begin));
    return reads_.read(fd, offset, range->begin, range->size, at, size);
  }

  [[nodiscard]] int path() const override {
    switch (reads_.path().path) {
      case cufile::DirectPath::kDirect:
        return MILLRACE_PATH_DIRECT;
      case cufile::DirectPath::kCompatibility:
        return MILLRACE_PATH_COMPATIBILITY;
      case cufile::DirectPath::kUnproven:
        break;
    }
    return MILLRACE_PATH_UNPROVEN;
  }

  void forget(void* allocation) override { reads_.forget(allocation); }

 private:
  OpenGpu& gpu_;
  cufile::DirectReads reads_;
};

}  // namespace

std::unique_ptr<DirectAccess> DirectAccess::of(OpenGpu& gpu) {
  const auto uuid = cufile::uuid_from(gpu.device().uuid);
  if (!uuid || !cufile::DirectReads::available()) return nullptr;
  return std::make_unique<CuFileAccess>(gpu, *uuid);
}

}  // namespace millrace::gpu

#else

namespace millrace::gpu {

std::unique_ptr<DirectAccess> DirectAccess::of(OpenGpu&) { return nullptr; }

}  // namespace millrace::gpu

#endif
