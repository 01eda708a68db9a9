// SPDX-License-Identifier: Apache-2.0
#include "modules/ingest/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <utility>

#include "modules/ingest/consumer.hpp"
#include "modules/ingest/direct_reader.hpp"
#include "modules/ingest/preparation.hpp"
#include "modules/ingest/synthetic.hpp"
#include "units/quantity.hpp"

namespace millrace::ingest {
namespace {

using sdk::Outcome;

// What the kernel thinks can be allocated or cached without swapping.
std::uint64_t available_memory() {
  std::ifstream in("/proc/meminfo");
  std::string key, unit;
  for (std::uint64_t kib = 0; in >> key >> kib; std::getline(in, unit))
    if (key == "MemAvailable:") return kib * 1024;
  return std::numeric_limits<std::uint64_t>::max();
}

// Threads of one stage, with the sum of their times.
class Stage {
 public:
  template <typename Body>
  void start(std::size_t threads, Body body) {
    times_.resize(threads);
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i, body] { times_[i] = body(); });
  }
  StageTimes join() {
    threads_.clear();
    StageTimes sum;
    for (const StageTimes& times : times_) sum.add(times);
    return sum;
  }

 private:
  std::vector<StageTimes> times_;
  std::vector<std::jthread> threads_;
};

}  // namespace

std::vector<Extent> extents_of(const Settings& settings, const Index& index, std::size_t rank) {
  return shard(cut_extents(index, settings.block_size), index.size(), rank, settings.accelerators,
               settings.seed);
}

Pipeline::Pipeline(sdk::Host& host, Settings settings, Index index)
    : settings_(std::move(settings)), index_(std::move(index)) {
  state_ = prepare(host);
}

Pipeline::~Pipeline() = default;

Result<void> Pipeline::prepare(sdk::Host& host) {
  extents_ = extents_of(settings_, index_, static_cast<std::size_t>(host.rank()));
  plan_.extents = extents_;
  layout_ = layout_of(settings_, extents_);
  memory_ = host.memory(settings_.to);
  if (!memory_)
    return failure(fmt::format("there is no memory {}", settings_.to), "`millrace probes` lists them");
  if (settings_.way == Way::kDirect && !memory_.reads_directly())
    return failure(fmt::format("nothing can be read directly into {}", settings_.to),
                   "it takes a GPU and libcufile.so.0 (nvidia-gds); --way staged goes through host memory",
                   Exit::kInconclusive);
  plumbing_ = std::make_unique<Plumbing>(layout_, settings_.prep != Prep::kNone);
  if (auto allocated = allocate(); !allocated) return allocated;
  if (settings_.source == Source::kCached) return warm_up(host);
  return {};
}

Result<void> Pipeline::allocate() {
  // Of direct reads, one registered piece of the device's own memory that is indexed.
  const int place = settings_.way == Way::kDirect ? MILLRACE_MEMORY_DEVICE : MILLRACE_MEMORY_STAGING;
  stored_ = sdk::Buffer(memory_, place, layout_.stored_buffers * layout_.stored_bytes);
  if (layout_.prepared_buffers > 0)
    prepared_ =
        sdk::Buffer(memory_, MILLRACE_MEMORY_STAGING, layout_.prepared_buffers * layout_.prepared_bytes);
  device_ = sdk::Buffer(memory_, MILLRACE_MEMORY_DEVICE, kDeviceBatches * layout_.batch_bytes);
  if (settings_.verify) verifier_ = std::make_unique<Verifier>(settings_, layout_, memory_);
  if (stored_.data() == nullptr || device_.data() == nullptr || (verifier_ && !verifier_->ready()) ||
      (layout_.prepared_buffers > 0 && prepared_.data() == nullptr))
    return failure("the memory for the pipeline's buffers is not to be had", "lower --prefetch or --batch");
  std::int64_t none = 0;
  for (std::size_t i = 0; i < layout_.stored_buffers; ++i) {
    Staged staged{stored_.data() + i * layout_.stored_bytes, nullptr, 0};
    if (settings_.source == Source::kSynthetic) {
      staged.extent = &extents_[i % extents_.size()];
      if (auto filled = prefill(staged); !filled) return filled;
    }
    plumbing_->free_stored.push(staged, none);
  }
  for (std::size_t i = 0; i < layout_.prepared_buffers; ++i)
    plumbing_->free_prepared.push(prepared_.data() + i * layout_.prepared_bytes, none);
  for (std::size_t i = 0; i < kDeviceBatches; ++i)
    plumbing_->free_batches.push(device_.data() + i * layout_.batch_bytes, none);
  return {};
}

Result<void> Pipeline::warm_up(sdk::Host& host) const {
  std::uint64_t bytes = 0;
  for (const IndexedFile& file : index_)
    for (const Record& record : file.records) bytes += record.bytes;
  const std::uint64_t available = available_memory();
  if (bytes > available / 10 * 9)
    return failure(fmt::format("the data set ({}) does not fit the page cache ({} available)",
                               to_si(Bytes{bytes}), to_si(Bytes{available})),
                   "use --source cold, or a smaller data set");
  const IndexedFile* last = nullptr;
  for (const Extent& extent : extents_) {
    if (extent.file == last) continue;
    last = extent.file;
    if (auto warmed = warm(last->path, host); !warmed) return warmed;
  }
  return {};
}

StageTimes Pipeline::prepare_records() {
  StageClock clock;
  Preparation preparation(settings_.prep, settings_.prep_passes);
  const bool copies = makes_copy(settings_.prep);
  Parcel parcel;
  while (plumbing_->read.pop(parcel, clock.input_ns)) {
    if (copies && !plumbing_->free_prepared.pop(parcel.prepared, clock.output_ns)) break;
    std::uint64_t stored = 0, content = 0;
    for (const Record& record : parcel.extent->records) {
      const std::span<std::byte> to(copies ? parcel.prepared + content : nullptr,
                                    copies ? record.content_bytes : 0);
      if (const auto done = preparation.prepare({parcel.stored.data() + stored, record.bytes}, to, record);
          !done) {
        plumbing_->fail(
            {fmt::format("cannot prepare the record at offset {} of {}: {}", parcel.extent->offset + stored,
                         parcel.extent->file->path.string(), done.error().what),
             done.error().hint, Exit::kUsage});
        return clock.stop();
      }
      stored += record.bytes;
      content += record.content_bytes;
    }
    clock.bytes += stored;
    // The stored bytes have done their service.
    if (copies && !plumbing_->free_stored.push(std::exchange(parcel.stored, {}), clock.output_ns)) break;
    if (!plumbing_->prepared.push(parcel, clock.output_ns)) break;
  }
  return clock.stop();
}

Outcome Pipeline::run(sdk::Host& host) {
  Plumbing& plumbing = *plumbing_;
  for (auto* queue : {&plumbing.read, &plumbing.prepared}) queue->restart();
  plumbing.ready.restart();
  const bool prepares = settings_.prep != Prep::kNone;
  Copier copier(settings_, plumbing, memory_, verifier_.get());
  Consumer consumer(settings_, plumbing, memory_);
  Stage reading, preparing, copying;
  if (settings_.source == Source::kDevice) return compute_only(host, consumer);
  if (settings_.source == Source::kSynthetic)
    reading.start(1, [&] { return hand_out(plumbing); });
  else if (settings_.way == Way::kDirect)
    reading.start(settings_.read_threads,
                  [&] { return DirectReader(settings_, plumbing, plan_, memory_).run(); });
  else
    reading.start(settings_.read_threads, [&] { return Reader(settings_, layout_, plumbing, plan_).run(); });
  if (prepares) preparing.start(settings_.prep_threads, [this] { return prepare_records(); });
  copying.start(1, [&] { return copier.run(); });

  const Outcome outcome = consumer.run(host);
  plumbing.stop();
  const StageTimes read = reading.join(), prepared = preparing.join(), copied = copying.join();
  if (const auto error = plumbing.error()) return host.fail(error->what, error->hint);
  if (outcome != Outcome::kOk) return outcome;

  report_stage(host, "read", "cpu:read", settings_.source == Source::kSynthetic ? 1 : settings_.read_threads,
               read, plumbing.read_output.mean_fill());
  if (prepares)
    report_stage(host, "prep", "cpu:prep", settings_.prep_threads, prepared, plumbing.prepared.mean_fill());
  report_stage(host, "copy", "cpu:copy", 1, copied, plumbing.ready.mean_fill());
  report_stage(host, "compute", "", 1, consumer.times(), -1);
  consumer.report(host);
  if (plan_.cache_not_bypassed) host.raise_flag("cache-not-bypassed");
  if (settings_.way == Way::kDirect) host.raise_flag(flag_of_path(memory_.direct_path()));
  if (settings_.verify) host.verified(copier.verified());
  return Outcome::kOk;
}

Outcome Pipeline::compute_only(sdk::Host& host, Consumer& consumer) {
  std::uint64_t bytes = 0, records = 0;
  for (const Extent& extent : extents_) {
    bytes += extent.bytes;
    records += extent.records.size();
  }
  std::jthread handing(
      [&] { hand_over(*plumbing_, bytes * settings_.batch / std::max<std::uint64_t>(records, 1)); });
  const Outcome outcome = consumer.run(host);
  plumbing_->stop();
  handing.join();
  if (outcome != Outcome::kOk) return outcome;
  report_stage(host, "compute", "", 1, consumer.times(), -1);
  consumer.report(host);
  return Outcome::kOk;
}

void Pipeline::report_stage(sdk::Host& host, const char* name, const char* resource, std::size_t threads,
                            const StageTimes& times, double fill) const {
  const auto seconds = [](std::int64_t ns) { return static_cast<double>(ns) * 1e-9; };
  host.stage({sizeof(millrace_stage), static_cast<std::uint32_t>(threads), name, resource,
              seconds(times.wall_ns), seconds(times.busy_ns), seconds(times.input_ns),
              seconds(times.output_ns), seconds(times.cpu_ns), times.bytes, fill});
}

}  // namespace millrace::ingest
