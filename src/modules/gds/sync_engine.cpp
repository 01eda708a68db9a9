// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "modules/gds/engine.hpp"

namespace millrace::gds {
namespace {

class SyncEngine : public Engine {
 public:
  SyncEngine(const cufile::Api& calls, storage::Direction direction)
      : calls_(calls), reads_(direction == storage::Direction::kRead) {}

  [[nodiscard]] std::span<const std::size_t> groups() const override { return kOne; }

  Result<void> submit(std::size_t, std::span<const Transfer> transfers) override {
    transfer_ = transfers.front();
    return {};
  }

  Result<void> wait(std::size_t, const Done& done) override {
    const auto file_offset = static_cast<off_t>(transfer_.file_offset);
    errno = 0;
    const ssize_t result =
        reads_ ? calls_.read(transfer_.file->handle(), transfer_.buffer, transfer_.size, file_offset, 0)
               : calls_.write(transfer_.file->handle(), transfer_.buffer, transfer_.size, file_offset, 0);
    return done(0, result, errno);
  }

 private:
  static constexpr std::size_t kOne[] = {1};

  const cufile::Api& calls_;
  bool reads_;
  Transfer transfer_;
};

}  // namespace

std::unique_ptr<Engine> make_sync_engine(const cufile::Api& calls, const Settings& settings) {
  return std::make_unique<SyncEngine>(calls, settings.storage.direction);
}

}  // namespace millrace::gds
