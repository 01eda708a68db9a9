// SPDX-License-Identifier: Apache-2.0
// The files and the pieces of GPU memory that are registered.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "vendor.hpp"

namespace millrace::standin {

struct File {
  int fd = -1;
  bool writable = false;
};

struct Piece {
  int gpu = 0;
  std::uint64_t begin = 0, size = 0;
};

class Registry {
 public:
  static Registry& instance();

  CUfileOpError add_file(int fd, CUfileHandle_t& handle);
  void remove_file(CUfileHandle_t handle);
  File file(CUfileHandle_t handle);  // ends the process where there is none

  CUfileOpError add_piece(const void* base, std::size_t size);
  CUfileOpError remove_piece(const void* base);
  // The registered piece that begins at `base`; nothing where there is none.
  std::optional<Piece> piece(const void* base);

  [[nodiscard]] bool empty();

 private:
  std::mutex mutex_;
  std::map<CUfileHandle_t, std::unique_ptr<File>> files_;
  std::map<const void*, Piece> pieces_;
};

}  // namespace millrace::standin
