// SPDX-License-Identifier: Apache-2.0
#include "registry.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "cuda.hpp"
#include "misuse.hpp"

namespace millrace::standin {

Registry& Registry::instance() {
  static auto* const registry = new Registry;
  return *registry;
}

CUfileOpError Registry::add_file(int fd, CUfileHandle_t& handle) {
  struct stat info {};
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fstat(fd, &info) != 0) return CU_FILE_INVALID_VALUE;
  if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode)) return CU_FILE_INVALID_FILE_TYPE;
  if (info.st_nlink == 0) return CU_FILE_INVALID_FILE_TYPE;  // "if filepath is not valid"
  if ((flags & O_DIRECT) == 0) return CU_FILE_INVALID_FILE_OPEN_FLAG;
  const std::scoped_lock hold(mutex_);
  const bool twice =
      std::any_of(files_.begin(), files_.end(), [&](const auto& one) { return one.second->fd == fd; });
  if (twice) return CU_FILE_HANDLE_ALREADY_REGISTERED;
  auto file = std::make_unique<File>(File{fd, (flags & O_ACCMODE) != O_RDONLY});
  handle = file.get();
  files_.emplace(handle, std::move(file));
  return CU_FILE_SUCCESS;
}

void Registry::remove_file(CUfileHandle_t handle) {
  const std::scoped_lock hold(mutex_);
  if (files_.erase(handle) == 0) misuse("a file is deregistered that is not registered");
}

File Registry::file(CUfileHandle_t handle) {
  const std::scoped_lock hold(mutex_);
  const auto found = files_.find(handle);
  if (found == files_.end()) misuse("a file is used that is not registered, or not any more");
  if (fcntl(found->second->fd, F_GETFL) < 0) misuse("a file was closed before it was deregistered");
  return *found->second;
}

CUfileOpError Registry::add_piece(const void* base, std::size_t size) {
  const auto allocation = allocation_of(base);
  if (!allocation) return CU_FILE_CUDA_POINTER_INVALID;
  const auto begin = reinterpret_cast<std::uint64_t>(base);
  if (size == 0 || begin + size > allocation->begin + allocation->size)
    return CU_FILE_CUDA_POINTER_RANGE_ERROR;
  const std::scoped_lock hold(mutex_);
  if (!pieces_.emplace(base, Piece{allocation->gpu, begin, size}).second)
    return CU_FILE_MEMORY_ALREADY_REGISTERED;
  return CU_FILE_SUCCESS;
}

CUfileOpError Registry::remove_piece(const void* base) {
  if (!allocation_of(base)) misuse("GPU memory was freed before it was deregistered");
  const std::scoped_lock hold(mutex_);
  return pieces_.erase(base) == 1 ? CU_FILE_SUCCESS : CU_FILE_MEMORY_NOT_REGISTERED;
}

std::optional<Piece> Registry::piece(const void* base) {
  const std::scoped_lock hold(mutex_);
  const auto found = pieces_.find(base);
  if (found == pieces_.end()) return std::nullopt;
  return found->second;
}

bool Registry::empty() {
  const std::scoped_lock hold(mutex_);
  return files_.empty() && pieces_.empty();
}

}  // namespace millrace::standin
