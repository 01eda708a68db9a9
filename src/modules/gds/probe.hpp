// SPDX-License-Identifier: Apache-2.0
// storage.gds_read and storage.gds_write: one implementation, told apart by the direction.
#pragma once

#include <memory>

#include "millrace/probe.hpp"
#include "modules/gds/settings.hpp"

namespace millrace::gds {

struct Worker;  // what a worker holds open

class GdsProbe : public sdk::Probe {
 public:
  ~GdsProbe() override;
  sdk::Outcome open(sdk::Host& host) override;
  sdk::Outcome run(sdk::Host& host) override;
  sdk::Outcome close(sdk::Host& host) override;

 protected:
  explicit GdsProbe(storage::Direction direction);
  static sdk::Outcome describe(sdk::Host& host, storage::Direction direction);

 private:
  storage::Direction direction_;
  Settings settings_;
  std::unique_ptr<Worker> worker_;
};

class ReadProbe : public GdsProbe {
 public:
  ReadProbe() : GdsProbe(storage::Direction::kRead) {}
  static sdk::Outcome describe(sdk::Host& host) {
    return GdsProbe::describe(host, storage::Direction::kRead);
  }
};

class WriteProbe : public GdsProbe {
 public:
  WriteProbe() : GdsProbe(storage::Direction::kWrite) {}
  static sdk::Outcome describe(sdk::Host& host) {
    return GdsProbe::describe(host, storage::Direction::kWrite);
  }
};

}  // namespace millrace::gds
