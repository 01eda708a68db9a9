// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <time.h>

#include <algorithm>

#include "modules/cufile/failure.hpp"
#include "modules/gds/engine.hpp"
#include "modules/storage/clock.hpp"

namespace millrace::gds {
namespace {

constexpr std::int64_t kLook_ns = 100'000'000;  // how long cuFile waits before the time-out is looked at

class BatchEngine : public Engine {
 public:
  BatchEngine(const cufile::Api& calls, const Settings& settings)
      : calls_(calls),
        opcode_(settings.storage.direction == storage::Direction::kRead ? CUFILE_READ : CUFILE_WRITE),
        timeout_ns_(settings.timeout_ns) {}
  ~BatchEngine() override {
    for (const CUfileBatchHandle_t handle : handles_) calls_.batch_destroy(handle);
  }

  Result<void> set_up(std::size_t depth) {
    if (depth > 1) groups_ = {depth - depth / 2, depth / 2};
    for (const std::size_t slots : groups_) {
      CUfileBatchHandle_t handle = nullptr;
      if (const auto error = calls_.batch_set_up(&handle, static_cast<unsigned>(slots));
          error.err != CU_FILE_SUCCESS)
        return cufile::cufile_failure(error, fmt::format("set a batch of {} operations up", slots));
      handles_.push_back(handle);
      parameters_.emplace_back(slots);
      counts_.push_back(0);
    }
    events_.resize(groups_.front());
    return {};
  }

  [[nodiscard]] std::span<const std::size_t> groups() const override { return groups_; }

  Result<void> submit(std::size_t group, std::span<const Transfer> transfers) override {
    std::vector<CUfileIOParams_t>& all = parameters_[group];
    for (std::size_t i = 0; i < transfers.size(); ++i) {
      CUfileIOParams_t& one = all[i];
      one = {};
      one.mode = CUFILE_BATCH;
      one.u.batch.devPtr_base = transfers[i].buffer;
      one.u.batch.file_offset = static_cast<off_t>(transfers[i].file_offset);
      one.u.batch.size = transfers[i].size;
      one.fh = transfers[i].file->handle();
      one.opcode = opcode_;
      one.cookie = &one;
    }
    counts_[group] = transfers.size();
    if (const auto error =
            calls_.batch_submit(handles_[group], static_cast<unsigned>(transfers.size()), all.data(), 0);
        error.err != CU_FILE_SUCCESS)
      return cufile::cufile_failure(error, fmt::format("submit a batch of {} operations", transfers.size()));
    return {};
  }

  Result<void> wait(std::size_t group, const Done& done) override {
    const std::int64_t deadline = storage::now_ns() + timeout_ns_;
    for (std::size_t left = counts_[group]; left > 0;) {
      auto seen = static_cast<unsigned>(left);  // in: room; out: how many
      timespec look{0, kLook_ns};
      if (const auto error = calls_.batch_get_status(handles_[group], 1, &seen, events_.data(), &look);
          error.err != CU_FILE_SUCCESS)
        return cufile::cufile_failure(error, "learn what became of a batch");
      for (unsigned i = 0; i < seen; ++i)
        if (auto taken = take(events_[i], group, done, left); !taken) return taken;
      if (seen == 0 && storage::now_ns() > deadline) return tl::unexpected(timed_out("batch", timeout_ns_));
    }
    return {};
  }

  void abandon() override { handles_.clear(); }

 private:
  Result<void> take(const CUfileIOEvents_t& event, std::size_t group, const Done& done, std::size_t& left) {
    if ((event.status & (CUFILE_WAITING | CUFILE_PENDING)) != 0) return {};
    --left;
    const auto slot = static_cast<std::size_t>(static_cast<const CUfileIOParams_t*>(event.cookie) -
                                               parameters_[group].data());
    auto result = static_cast<ssize_t>(event.ret);
    if (event.status != CUFILE_COMPLETE && result >= 0) result = -static_cast<ssize_t>(CU_FILE_IO_ERROR);
    return done(slot, result, 0);
  }

  const cufile::Api& calls_;
  CUfileOpcode_t opcode_;
  std::int64_t timeout_ns_;
  std::vector<std::size_t> groups_{1};
  std::vector<CUfileBatchHandle_t> handles_;
  std::vector<std::vector<CUfileIOParams_t>> parameters_;  // must stay where they are until a batch is done
  std::vector<std::size_t> counts_;                        // submitted, of each group
  std::vector<CUfileIOEvents_t> events_;
};

}  // namespace

Result<std::unique_ptr<Engine>> make_batch_engine(const cufile::Api& calls, const Settings& settings) {
  auto engine = std::make_unique<BatchEngine>(calls, settings);
  if (Result<void> ready = engine->set_up(settings.storage.queue_depth); !ready)
    return tl::unexpected(ready.error());
  return engine;
}

}  // namespace millrace::gds
