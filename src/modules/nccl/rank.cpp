// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/rank.hpp"

#include <fmt/format.h>

#include <bit>
#include <string>
#include <utility>

namespace millrace::nccl {
namespace {

// Host memory of a worker: what the driver and NCCL keep, seen to be some hundreds of MiB.
constexpr std::uint64_t kHostMemory = 512ULL << 20;

// NCCL multiplies floats by 1/n before it adds them up: exact only where n is a power of two. And of more
// than 60 ranks the pattern has none (pattern.hpp).
bool is_exact(const Settings& s) {
  if (s.operation != collective::Operation::kAverage) return true;
  const bool whole = s.type == collective::ElementType::kInt8 || s.type == collective::ElementType::kInt32;
  return s.ranks <= 60 && (whole || std::has_single_bit(static_cast<unsigned>(s.ranks)));
}

std::string endpoint_of(const sdk::Host& host, const cuda::Device& gpu) {
  for (std::uint32_t i = 0; const millrace_endpoint* endpoint = host.endpoint(i); ++i)
    if (std::string_view(endpoint->kind) == "gpu" && cuda::canonical_pci(endpoint->pci) == gpu.pci)
      return endpoint->id;
  return gpu.id();
}

}  // namespace

sdk::Outcome add_ranks(const sdk::Host& host, const Settings& settings) {
  for (const cuda::Device& gpu : settings.gpus) {
    const std::string endpoint = endpoint_of(host, gpu);
    const sdk::Outcome added = host.add_worker({.role = "rank",
                                                .from = endpoint,
                                                .to = endpoint,
                                                .numa_node = gpu.numa_node,
                                                .threads = 2,  // NCCL's own moves bytes between hosts
                                                .memory_bytes = kHostMemory});
    if (added != sdk::Outcome::kOk) return added;
  }
  return sdk::Outcome::kOk;
}

Result<std::unique_ptr<Rank>> Rank::open(const sdk::Host& host, Settings settings) {
  auto rank = std::make_unique<Rank>();
  rank->settings = std::move(settings);
  Settings& s = rank->settings;
  s.ranks = host.ranks();
  if (s.root >= s.ranks)
    return failure(fmt::format("--root {} is none of the {} ranks", s.root, s.ranks), "give a smaller one");
  if (s.verify && !is_exact(s)) {
    s.verify = false;
    host.log(MILLRACE_LOG_WARNING,
             fmt::format("not verified: an average over {} ranks is not exact by NCCL's way", s.ranks));
  }
  set_environment(host, s);
  const auto meeting = meet(host, s);
  if (!meeting) return tl::unexpected(meeting.error());
  if (static_cast<std::size_t>(meeting->local) >= s.gpus.size())
    return failure(fmt::format("rank {} has no GPU: {} are shown to it", host.rank(), s.gpus.size()),
                   "CUDA_VISIBLE_DEVICES must be the same for all of a host's workers");
  const cuda::Device& gpu = s.gpus[static_cast<std::size_t>(meeting->local)];
  host.ends_on(gpu.stand_in ? "stand-in" : "gpu");
  auto context = cuda::Context::of(gpu);
  if (!context) return tl::unexpected(context.error());
  rank->context = std::move(*context);
  auto stream = cuda::Stream::make();
  if (!stream) return tl::unexpected(stream.error());
  rank->stream = std::move(*stream);
  auto communicator = Communicator::connect(host, s, *meeting);
  if (!communicator) {
    rank->context.abandon();
    return tl::unexpected(communicator.error());
  }
  rank->communicator = std::move(*communicator);
  auto buffers = Buffers::allocate(s, host.rank(), rank->context, rank->communicator);
  if (!buffers) return tl::unexpected(buffers.error());
  rank->buffers = std::move(*buffers);
  auto launches = Launches::make(s, host.rank(), rank->buffers, rank->communicator, rank->stream.handle());
  if (!launches) return tl::unexpected(launches.error());
  rank->launches = std::move(*launches);
  auto timeline =
      Timeline::make(host, rank->communicator, rank->stream, std::string(collective::name_of(s.collective)));
  if (!timeline) return tl::unexpected(timeline.error());
  rank->timeline = std::move(*timeline);
  return rank;
}

Result<void> Rank::close() {
  if (communicator.aborted()) return {};
  launches = {};
  buffers.release();
  return communicator.close();
}

Rank::~Rank() {
  if (!communicator.aborted()) return;
  timeline.abandon();
  launches.abandon();
  buffers.abandon();
  stream.abandon();
  context.abandon();
}

}  // namespace millrace::nccl
