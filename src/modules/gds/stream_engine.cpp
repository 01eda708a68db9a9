// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <deque>
#include <utility>

#include "modules/cuda/stream.hpp"
#include "modules/cufile/failure.hpp"
#include "modules/gds/engine.hpp"

namespace millrace::gds {
namespace {

// All of a transfer is known when it is submitted, and aligned: what cuFile need not look at again.
constexpr unsigned kFixed = CU_FILE_STREAM_FIXED_BUF_OFFSET | CU_FILE_STREAM_FIXED_FILE_OFFSET |
                            CU_FILE_STREAM_FIXED_FILE_SIZE | CU_FILE_STREAM_PAGE_ALIGNED_INPUTS;

// What cuFile reads and writes while a transfer is under way: it stays where it is.
struct Slot {
  std::size_t size = 0;
  off_t file_offset = 0, at = 0;
  ssize_t done = 0;
};

class StreamEngine : public Engine {
 public:
  StreamEngine(const cufile::Api& calls, const Settings& settings)
      : calls_(calls),
        reads_(settings.storage.direction == storage::Direction::kRead),
        timeout_ns_(settings.timeout_ns),
        groups_(settings.storage.queue_depth, 1),
        slots_(settings.storage.queue_depth) {}
  ~StreamEngine() override {
    for (const cuda::Stream& stream : streams_)
      if (stream.handle() != nullptr) static_cast<void>(calls_.stream_deregister(stream.handle()));
  }

  Result<void> set_up() {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      auto stream = cuda::Stream::make();
      if (!stream) return tl::unexpected(stream.error());
      if (const auto error = calls_.stream_register(stream->handle(), kFixed); error.err != CU_FILE_SUCCESS)
        return cufile::cufile_failure(error, "register a stream with cuFile");
      streams_.push_back(std::move(*stream));
    }
    return {};
  }

  [[nodiscard]] std::span<const std::size_t> groups() const override { return groups_; }

  Result<void> submit(std::size_t group, std::span<const Transfer> transfers) override {
    const Transfer& transfer = transfers.front();
    Slot& slot = slots_[group];
    slot = {transfer.size, static_cast<off_t>(transfer.file_offset), 0, 0};
    const CUstream stream = streams_[group].handle();
    const auto call = reads_ ? calls_.read_async : calls_.write_async;
    const CUfileError_t error = call(transfer.file->handle(), transfer.buffer, &slot.size, &slot.file_offset,
                                     &slot.at, &slot.done, stream);
    if (error.err == CU_FILE_SUCCESS) return {};
    return cufile::cufile_failure(
        error, fmt::format("queue {} bytes at offset {} in a stream", transfer.size, transfer.file_offset));
  }

  Result<void> wait(std::size_t group, const Done& done) override {
    const auto is_done = [&] { return streams_[group].is_done(); };
    if (auto waited = cuda::wait_until(is_done, timeout_ns_, "--calls stream: an operation"); !waited)
      return tl::unexpected(waited.error());
    return done(0, slots_[group].done, 0);
  }

  void abandon() override {
    for (cuda::Stream& stream : streams_) stream.abandon();
  }

 private:
  const cufile::Api& calls_;
  bool reads_;
  std::int64_t timeout_ns_;
  std::vector<std::size_t> groups_;
  std::vector<Slot> slots_;
  std::deque<cuda::Stream> streams_;
};

}  // namespace

Result<std::unique_ptr<Engine>> make_stream_engine(const cufile::Api& calls, const Settings& settings) {
  auto engine = std::make_unique<StreamEngine>(calls, settings);
  if (Result<void> ready = engine->set_up(); !ready) return tl::unexpected(ready.error());
  return engine;
}

}  // namespace millrace::gds
