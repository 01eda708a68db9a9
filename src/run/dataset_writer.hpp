// SPDX-License-Identifier: Apache-2.0
// What a made data set consists of: bytes that do or do not compress, written in large blocks past the page
// cache.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numbers>
#include <span>
#include <string>
#include <utility>

#include "units/result.hpp"

namespace millrace::run {

// An I/O error as a value: `doing`, errno's text, and the way out that belongs to it.
tl::unexpected<Error> io_failure(const std::string& doing, int reason);

// Descriptor, closed at the end of its life.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// xoshiro256** 1.0 by D. Blackman and S. Vigna, seeded by splitmix64: fast, and nothing compresses it.
class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15u;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
      word = z ^ (z >> 31);
    }
  }
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9, t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  double uniform() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1.0p-53; }  // in (0, 1)
  double normal() {                                                                   // Box and Muller
    return std::sqrt(-2 * std::log(uniform())) * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

// The bytes of all records, one after the other. Of every KiB, the given share repeats one word.
class Content {
 public:
  Content(std::uint64_t seed, double compressible)
      : random_(seed), fresh_words_(static_cast<std::size_t>(std::lround((1 - compressible) * kWords))) {}

  void fill(std::span<std::byte> to) {
    std::size_t at = 0;
    for (; at + 8 <= to.size(); at += 8) put(to.data() + at, 8);
    if (at < to.size()) put(to.data() + at, to.size() - at);
  }

 private:
  static constexpr std::size_t kWords = 128;

  void put(std::byte* at, std::size_t size) {
    if (word_++ % kWords < fresh_words_) last_ = random_.next();
    std::memcpy(at, &last_, size);
  }

  Random random_;
  std::size_t fresh_words_, word_ = 0;
  std::uint64_t last_ = 0x6D696C6C72616365u;
};

// Writes one new file from its beginning, in large aligned blocks; O_DIRECT where the file system has it. An
// existing file or link of that name is an error.
class FileWriter {
 public:
  static Result<FileWriter> create(const std::filesystem::path& path);
  Result<void> append(std::span<const std::byte> bytes);
  // Flushes to the device and returns the file's size.
  Result<std::uint64_t> finish();

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };

  FileWriter(std::filesystem::path path, File file, std::byte* memory, bool direct)
      : path_(std::move(path)), file_(std::move(file)), buffer_(memory), direct_(direct) {}
  Result<void> write_out(std::size_t size);

  std::filesystem::path path_;
  File file_;
  std::unique_ptr<std::byte[], Free> buffer_;
  bool direct_;
  std::size_t filled_ = 0;
  std::uint64_t offset_ = 0;
};

// A whole small file.
Result<void> write_text(const std::filesystem::path& path, const std::string& text);

}  // namespace millrace::run
