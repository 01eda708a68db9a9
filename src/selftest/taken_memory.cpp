// SPDX-License-Identifier: Apache-2.0
#include "selftest/taken_memory.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <utility>

#include "record/document.hpp"

namespace millrace::selftest {
namespace {

constexpr const char* kInMemory = "/dev/shm";
constexpr std::uint64_t kRoom = std::uint64_t{3} << 30;  // free there
constexpr const char* kSizeCap = "1GiB";                 // of the data
// Steps of many milliseconds: waking the consumer costs none of them.
constexpr std::uint64_t kLargeRecord = 8'000'000;
constexpr int kReaders = 4;
constexpr Duration kCopyingTime{30'000'000'000};  // for half a second of it, and its set-up

tl::unexpected<Error> cannot(std::string why) { return failure(std::move(why), {}, Exit::kInconclusive); }

// proc(5): MemAvailable is what can be had without swapping.
std::uint64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string label;
  for (std::uint64_t kib = 0; file >> label >> kib; file.ignore(64, '\n'))
    if (label == "MemAvailable:") return kib * 1024;
  return 0;
}

// The copy stage of the pipeline by itself, data staged already.
Result<double> copying_rate(const Bench& bench, const std::filesystem::path& work,
                            const std::vector<int>& cpus) {
  const std::filesystem::path result = work / "copying.json";
  auto child = Child::start({bench.binary, "measure", "ingest.pipeline", "--source", "synthetic",
                             "--record-size", std::to_string(kLargeRecord), "--batch", "8", "--duration",
                             "500ms", "--target", "0", "--quiet", "--json", result},
                            work, {{}, bench.interrupted, cpus});
  if (!child) return tl::unexpected(child.error());
  const auto code = child->wait(kCopyingTime);
  if (!code) return tl::unexpected(code.error());
  if (*code != 0)
    return failure(fmt::format("measuring the copying ended with {}: {}", *code, child->output()), {},
                   Exit::kCheckFailed);
  const auto document = record::read_document(result);
  if (!document) return tl::unexpected(document.error());
  if (document->measurements.empty())
    return failure("the copying's document has no measurement", {}, Exit::kCheckFailed);
  return document->measurements.front().throughput_bytes_per_s.mean;
}

}  // namespace

std::string TakenMemory::text() const {
  return fmt::format("{} neighbour{} that cop{} leave{} copying {} of {}", halves.neighbours.size(),
                     halves.neighbours.size() == 1 ? "" : "s", halves.neighbours.size() == 1 ? "ies" : "y",
                     halves.neighbours.size() == 1 ? "s" : "", to_text(BytesPerSecond{beside}),
                     to_text(BytesPerSecond{alone}));
}

Result<TakenMemory> take_memory(const Bench& bench, const std::filesystem::path& work) {
  TakenMemory taken;
  taken.halves = halves_of_this_machine();
  if (taken.halves.neighbours.empty())
    return cannot("there is one core here, and none for a neighbour that takes memory bandwidth");
  const std::uint64_t free = available_memory();
  const std::uint64_t needed = Neighbours::memory_bytes(taken.halves.neighbours.size());
  if (needed > free / 2)
    return cannot(fmt::format("{} neighbours that copy take {} of memory, {} are free",
                              taken.halves.neighbours.size(), to_binary({needed}), to_binary({free})));
  const auto alone = copying_rate(bench, work, taken.halves.ours);
  if (!alone) return tl::unexpected(alone.error());
  taken.neighbours = std::make_unique<Neighbours>(taken.halves.neighbours);
  const auto beside = copying_rate(bench, work, taken.halves.ours);
  if (!beside) return tl::unexpected(beside.error());
  taken.alone = *alone;
  taken.beside = *beside;
  if (taken.beside > (1 - kLeastLossToPlant) * taken.alone)
    return cannot(
        fmt::format("{}, and less than {:.0f} % lost tells nothing", taken.text(), 100 * kLeastLossToPlant));
  return taken;
}

Trial trial_beside(const TakenMemory& taken) {
  Trial trial;
  trial.record_bytes = kLargeRecord;
  trial.read_threads = kReaders;
  trial.cpus = taken.halves.ours;
  trial.options = {"--size-cap", kSizeCap};
  trial.compute_s = trial.step_bytes() / taken.alone;
  return trial;
}

Result<Work> work_in_memory() {
  struct statfs info {};
  if (statfs(kInMemory, &info) != 0 || info.f_type != TMPFS_MAGIC || access(kInMemory, W_OK) != 0)
    return cannot(fmt::format("{} is no file system in memory that can be written to", kInMemory));
  if (const std::uint64_t free = info.f_bavail * static_cast<std::uint64_t>(info.f_bsize); free < kRoom)
    return cannot(
        fmt::format("{} has {} free, {} are needed", kInMemory, to_binary({free}), to_binary({kRoom})));
  return Work::make(kInMemory);
}

}  // namespace millrace::selftest
