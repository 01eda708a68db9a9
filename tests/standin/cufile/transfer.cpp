// SPDX-License-Identifier: Apache-2.0
#include "transfer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "counts.hpp"
#include "cuda.hpp"
#include "driver.hpp"
#include "machine/machine.hpp"
#include "misuse.hpp"
#include "registry.hpp"

namespace millrace::standin {
namespace {

constexpr std::size_t kAlignment = 4096;

struct Freed {
  void operator()(void* memory) const { std::free(memory); }
};

// Through a buffer of this process, since the kernel may refuse direct I/O into a shared mapping of another
// file system.
ssize_t move_bytes(const File& file, bool reads, char* gpu, std::size_t size, off_t offset) {
  const std::unique_ptr<char, Freed> buffer(static_cast<char*>(std::aligned_alloc(kAlignment, size)));
  if (buffer == nullptr) {
    errno = ENOMEM;
    return -1;
  }
  if (!reads) std::memcpy(buffer.get(), gpu, size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        reads ? pread(file.fd, buffer.get() + done, size - done, offset + static_cast<off_t>(done))
              : pwrite(file.fd, buffer.get() + done, size - done, offset + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
    if (done % kAlignment != 0) break;  // the end of the file
  }
  if (reads) std::memcpy(gpu, buffer.get(), done);
  return static_cast<ssize_t>(done);
}

// The file without O_DIRECT; itself where it cannot be opened again.
class Buffered {
 public:
  explicit Buffered(const File& file)
      : fd_(open(("/proc/self/fd/" + std::to_string(file.fd)).c_str(),
                 (file.writable ? O_RDWR : O_RDONLY) | O_CLOEXEC)),
        file_(file) {
    if (fd_ >= 0) file_.fd = fd_;
  }
  Buffered(const Buffered&) = delete;
  Buffered& operator=(const Buffered&) = delete;
  ~Buffered() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] const File& file() const { return file_; }

 private:
  int fd_;
  File file_;
};

Path way_of(int gpu, bool reads) {
  Machine& machine = Machine::instance();
  Path way = reads ? machine.host_to_gpu(gpu) : machine.gpu_to_host(gpu);
  const nlohmann::json& document = machine.description().document;
  if (const auto found = document.find("cufile"); found != document.end() && found->contains("drive"))
    way = way + machine.link(found->at("drive"));
  return way;
}

bool bounces() {
  static std::atomic<std::uint64_t> transfers{0};
  const nlohmann::json& document = Machine::instance().description().document;
  const auto found = document.find("cufile");
  const std::uint64_t every = found == document.end() ? 0 : found->value("bounces", std::uint64_t{0});
  return every > 0 && ++transfers % every == 0;
}

void count(int gpu, bool reads, bool direct, ssize_t bytes) {
  WayCounts& counts = reads ? counts_of(gpu).reads : counts_of(gpu).writes;
  ++counts.all;
  if (bytes < 0) {
    ++counts.failed;
    return;
  }
  counts.bytes += static_cast<std::uint64_t>(bytes);
  const nlohmann::json& document = Machine::instance().description().document;
  const auto found = document.find("cufile");
  const bool p2p = found != document.end() && found->value("by", "nvidia-fs") == "p2p";
  ++(direct ? (p2p ? counts.p2p : counts.nvidia_fs) : counts.posix);
}

ssize_t refused(const FaultDescription& fault) {
  if (const auto error = error_named(fault.error)) return -static_cast<ssize_t>(*error);
  errno = fault.error == "ENOSPC" ? ENOSPC : EIO;
  return -1;
}

}  // namespace

void check_request(const Request& request) {
  const std::string call(request.call);
  if (request.size % kAlignment != 0 || static_cast<std::size_t>(request.file_offset) % kAlignment != 0 ||
      static_cast<std::size_t>(request.at) % kAlignment != 0)
    misuse(call +
           ": size, file offset or buffer offset is no multiple of 4096: it would go through host memory");
  const auto piece = Registry::instance().piece(request.base);
  if (!piece)
    misuse(call + ": the GPU memory is not registered, or not any more: it would go through host memory");
  if (!allocation_of(request.base)) misuse(call + ": the GPU memory was freed");
}

ssize_t transfer(const Request& request, std::int64_t& ready_ns) {
  Machine& machine = Machine::instance();
  check_request(request);
  File file = Registry::instance().file(request.file);
  const Piece piece = *Registry::instance().piece(request.base);
  if (static_cast<std::uint64_t>(request.at) + request.size > piece.size)
    return -CU_FILE_INVALID_MAPPING_RANGE;
  if (!request.reads && !file.writable) {
    errno = EBADF;
    return -1;
  }
  const auto fault = machine.fault("cufile", request.call, piece.gpu);
  if (fault && fault->what == FaultKind::kHang)
    while (true) pause();
  if (machine.is_lost(piece.gpu)) return -CU_FILE_CUDA_DRIVER_ERROR;
  const bool direct = goes_direct() && !bounces();
  std::optional<Buffered> buffered;
  if (!direct && request.may_be_buffered) file = buffered.emplace(file).file();
  char* const gpu = reinterpret_cast<char*>(piece.begin) + request.at;
  const ssize_t done = fault && fault->what == FaultKind::kError
                           ? refused(*fault)
                           : move_bytes(file, request.reads, gpu, request.size, request.file_offset);
  count(piece.gpu, request.reads, direct, done);
  if (done <= 0) return done;
  if (fault && fault->what == FaultKind::kWrongData) {
    if (request.reads)
      gpu[done / 2] = static_cast<char>(gpu[done / 2] ^ 1);
    else {  // another place's page, the last where the first belongs; of one page, a bit of it
      char* last = gpu + done - kAlignment;
      if (last == gpu) last[kAlignment / 2] = static_cast<char>(last[kAlignment / 2] ^ 1);
      static_cast<void>(move_bytes(file, false, last, kAlignment, request.file_offset));
    }
  }
  const double slower = fault && fault->what == FaultKind::kSlow ? fault->factor : 1;
  ready_ns =
      machine.transfer(way_of(piece.gpu, request.reads), static_cast<std::uint64_t>(done), ready_ns, slower);
  sleep_until(ready_ns);
  return done;
}

}  // namespace millrace::standin
