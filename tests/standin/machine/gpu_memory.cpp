// SPDX-License-Identifier: Apache-2.0
#include "machine/gpu_memory.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace millrace::standin {
namespace {

constexpr std::uint64_t kFirstWindow = 0x2000'0000'0000;  // no loader, heap, stack or sanitizer has it
constexpr std::uint64_t kWindow = 1ULL << 40;
constexpr std::uint64_t kUnit = 64 << 10;

std::uint64_t window_of(int gpu) { return kFirstWindow + static_cast<std::uint64_t>(gpu) * kWindow; }
std::uint64_t whole(std::uint64_t size) {
  return (std::max<std::uint64_t>(size, 1) + kUnit - 1) / kUnit * kUnit;
}

[[noreturn]] void cannot(const char* what) {
  std::fprintf(stderr, "stand-in: the GPUs' memory cannot be %s: %s\n", what, std::strerror(errno));
  std::abort();
}

}  // namespace

GpuMemory& GpuMemory::instance() {
  static auto* const memory = new GpuMemory;
  return *memory;
}

GpuMemory::GpuMemory() : machine_(Machine::instance()) {
  for (const GpuDescription& gpu : machine_.description().gpus) {
    const std::string file = machine_.state_file() + ".gpu" + std::to_string(gpu.index);
    const int fd = machine_.state_file().empty() ? memfd_create("standin-gpu", MFD_CLOEXEC)
                                                 : open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) cannot("made");
    if (ftruncate(fd, static_cast<off_t>(gpu.memory_bytes)) != 0) cannot("sized");
    void* const wanted = reinterpret_cast<void*>(window_of(gpu.index));
    if (mmap(wanted, gpu.memory_bytes, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE, fd, 0) != wanted)
      cannot("mapped");
    files_.push_back(fd);
  }
}

void GpuMemory::drop_dead(GpuState& gpu) const {
  for (MemoryBlock& block : gpu.blocks)
    if (block.size > 0 && kill(block.owner, 0) != 0 && errno == ESRCH) block.size = 0;
}

std::optional<std::uint64_t> GpuMemory::allocate(int gpu, std::uint64_t size) {
  GpuState& state = machine_.gpu(gpu);
  const std::uint64_t all = machine_.description().gpus[static_cast<std::size_t>(gpu)].memory_bytes;
  const Hold hold(machine_.state());
  drop_dead(state);
  std::vector<const MemoryBlock*> used;
  MemoryBlock* slot = nullptr;
  for (MemoryBlock& block : state.blocks)
    if (block.size > 0)
      used.push_back(&block);
    else if (slot == nullptr)
      slot = &block;
  if (slot == nullptr) return std::nullopt;
  std::sort(used.begin(), used.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
  std::uint64_t at = kUnit;  // the window's first byte is no valid pointer
  for (const MemoryBlock* block : used) {
    if (block->offset >= at + whole(size)) break;
    at = block->offset + whole(block->size);
  }
  if (at + whole(size) > all) return std::nullopt;
  *slot = {at, std::max<std::uint64_t>(size, 1), getpid(), 0};
  return window_of(gpu) + at;
}

bool GpuMemory::free(std::uint64_t address) {
  const int gpu = gpu_of(address);
  if (gpu < 0) return false;
  const Hold hold(machine_.state());
  for (MemoryBlock& block : machine_.gpu(gpu).blocks) {
    if (block.size == 0 || window_of(gpu) + block.offset != address || block.owner != getpid()) continue;
    fallocate(files_[static_cast<std::size_t>(gpu)], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              static_cast<off_t>(block.offset), static_cast<off_t>(whole(block.size)));
    block.size = 0;
    return true;
  }
  return false;
}

std::optional<GpuMemory::Range> GpuMemory::find(std::uint64_t address) {
  const int gpu = gpu_of(address);
  if (gpu < 0) return std::nullopt;
  const std::uint64_t offset = address - window_of(gpu);
  const Hold hold(machine_.state());
  for (const MemoryBlock& block : machine_.gpu(gpu).blocks)
    if (block.size > 0 && offset >= block.offset && offset < block.offset + block.size)
      return Range{gpu, window_of(gpu) + block.offset, block.size, block.owner};
  return std::nullopt;
}

int GpuMemory::gpu_of(std::uint64_t address) const {
  if (address < kFirstWindow) return -1;
  const std::uint64_t gpu = (address - kFirstWindow) / kWindow;
  return gpu < files_.size() ? static_cast<int>(gpu) : -1;
}

std::uint64_t GpuMemory::free_bytes(int gpu) {
  GpuState& state = machine_.gpu(gpu);
  const Hold hold(machine_.state());
  drop_dead(state);
  std::uint64_t used = kUnit;
  for (const MemoryBlock& block : state.blocks)
    if (block.size > 0) used += whole(block.size);
  return machine_.description().gpus[static_cast<std::size_t>(gpu)].memory_bytes - used;
}

}  // namespace millrace::standin
