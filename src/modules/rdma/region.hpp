// SPDX-License-Identifier: Apache-2.0
// The memory that messages lie in: the host's, on pages that are there before the measuring, or a device's
// that a memory module lends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "millrace/probe.hpp"
#include "modules/rdma/verbs.hpp"
#include "units/result.hpp"

namespace millrace::rdma {

class Region {
 public:
  Region() = default;  // none
  // Zeroed; `huge`: from the kernel's reserved huge pages, and if there are too few, from others.
  static Result<Region> in_host(std::size_t size, bool huge);
  // In the memory that the host knows by `name`.
  static Result<Region> in_device(const sdk::Host& host, const std::string& name, std::size_t size);

  Region(Region&& other) noexcept;
  Region& operator=(Region&& other) noexcept;
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region();

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const std::string& memory() const { return memory_; }
  [[nodiscard]] bool on_device() const { return device_.has_value(); }
  [[nodiscard]] bool on_huge_pages() const { return huge_; }

  // Copies between the region and the CPU's memory.
  Result<void> put(std::size_t offset, std::span<const std::byte> bytes) const;
  Result<void> get(std::size_t offset, std::span<std::byte> bytes) const;

  struct Registered {
    MemoryRegion region;
    bool by_dmabuf = false;
  };
  // For local writes and `remote` access (IBV_ACCESS_*). A device's memory goes by dma-buf where the memory
  // module exports one, else by address (nvidia_peermem).
  [[nodiscard]] Result<Registered> registered(ibv_pd* domain, int remote, bool relaxed_ordering) const;

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0, mapped_ = 0;  // mapped_: of host memory
  std::string memory_ = "host";
  bool huge_ = false;
  std::optional<sdk::Memory> device_;
};

}  // namespace millrace::rdma
