// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/settings.hpp"

namespace millrace::ingest {
namespace {

Source source_of(std::string_view text) {
  if (text == "synthetic") return Source::kSynthetic;
  if (text == "device") return Source::kDevice;
  return text == "cached" ? Source::kCached : Source::kCold;
}

Prep prep_of(std::string_view text) {
  if (text == "checksum") return Prep::kChecksum;
  if (text == "decompress") return Prep::kDecompress;
  return text == "normalize" ? Prep::kNormalize : Prep::kNone;
}

}  // namespace

Settings settings_of(const sdk::Host& host) {
  Settings s;
  s.datasets = host.list("dataset");
  s.source = source_of(host.text("source"));
  s.record_bytes = static_cast<double>(host.bytes("record-size"));
  s.record_stdev_bytes = static_cast<double>(host.bytes("record-stdev"));
  s.samples_per_file = host.integer("samples-per-file");
  s.batch = host.integer("batch");
  s.compute_ns = host.duration_ns("compute");
  s.accelerators = host.integer("accelerators");
  s.read_threads = host.integer("read-threads");
  s.prep = prep_of(host.text("prep"));
  s.prep_threads = host.integer("prep-threads");
  s.prep_passes = static_cast<unsigned>(host.integer("prep-passes"));
  s.prefetch = host.integer("prefetch");
  s.block_size = host.bytes("block-size") / 4096 * 4096;
  s.queue_depth = static_cast<unsigned>(host.integer("queue-depth"));
  s.steps = host.integer("steps");
  s.to = host.text("to");
  s.way = host.text("way") == "direct" ? Way::kDirect : Way::kStaged;
  s.seed = host.integer("seed");
  s.verify = host.flag("verify");
  return s;
}

}  // namespace millrace::ingest
