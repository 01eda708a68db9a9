// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/launches.hpp"

#include <string>

#include "modules/cuda/failure.hpp"
#include "modules/nccl/enqueue.hpp"

namespace millrace::nccl {

Result<Launches> Launches::make(const Settings& settings, int rank, const Buffers& buffers,
                                Communicator& communicator, CUstream stream) {
  Launches launches;
  launches.settings_ = &settings;
  launches.rank_ = rank;
  launches.buffers_ = &buffers;
  launches.communicator_ = &communicator;
  launches.stream_ = stream;
  if (!settings.graph) return launches;
  for (const Turn& turn : buffers.turns()) {
    auto graph = launches.capture(turn);
    if (!graph) return tl::unexpected(graph.error());
    launches.graphs_.push_back(std::move(*graph));
  }
  return launches;
}

Result<Launches::Graph> Launches::capture(const Turn& turn) const {
  const std::string doing = "capturing a collective as a CUDA graph";
  // Other threads of NCCL may allocate meanwhile: only this one's calls are watched.
  if (auto began = cuda::check(cuStreamBeginCapture(stream_, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), doing);
      !began)
    return tl::unexpected(began.error());
  const auto put =
      communicator_->settle(enqueue(*settings_, rank_, turn, communicator_->handle(), stream_), doing);
  CUgraph graph = nullptr;
  const auto ended = cuda::check(cuStreamEndCapture(stream_, &graph), doing);
  if (!put) return tl::unexpected(put.error());
  if (!ended) return tl::unexpected(ended.error());
  CUgraphExec executable = nullptr;
  const auto made = cuda::check(cuGraphInstantiate(&executable, graph, 0), doing);
  cuGraphDestroy(graph);
  if (!made) return tl::unexpected(made.error());
  return Graph(executable);
}

Result<void> Launches::launch(std::size_t turn) const {
  if (!graphs_.empty())
    return cuda::check(cuGraphLaunch(graphs_[turn].get(), stream_), "launching a collective's graph");
  return communicator_->settle(
      enqueue(*settings_, rank_, buffers_->turns()[turn], communicator_->handle(), stream_),
      std::string(collective::name_of(settings_->collective)));
}

void Launches::abandon() {
  for (Graph& graph : graphs_) static_cast<void>(graph.release());
}

}  // namespace millrace::nccl
