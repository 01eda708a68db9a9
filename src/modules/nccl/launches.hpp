// SPDX-License-Identifier: Apache-2.0
// Collectives made ready to be put onto a stream, one for each turn of the arrays.
#pragma once

#include <cuda.h>

#include <memory>
#include <vector>

#include "modules/nccl/buffers.hpp"
#include "modules/nccl/communicator.hpp"
#include "modules/nccl/settings.hpp"
#include "units/result.hpp"

namespace millrace::nccl {

class Launches {
 public:
  // As graphs, each turn's collective is captured once. The communicator outlives this.
  static Result<Launches> make(const Settings& settings, int rank, const Buffers& buffers,
                               Communicator& communicator, CUstream stream);
  // Puts a turn's collective onto the stream.
  Result<void> launch(std::size_t turn) const;
  void abandon();  // see cuda::Context::abandon
  [[nodiscard]] std::size_t turns() const { return buffers_->turns().size(); }

 private:
  struct Destroy {
    void operator()(CUgraphExec graph) const { cuGraphExecDestroy(graph); }
  };
  using Graph = std::unique_ptr<CUgraphExec_st, Destroy>;
  Result<Graph> capture(const Turn& turn) const;

  const Settings* settings_ = nullptr;
  int rank_ = 0;
  const Buffers* buffers_ = nullptr;
  Communicator* communicator_ = nullptr;
  CUstream stream_ = nullptr;
  std::vector<Graph> graphs_;
};

}  // namespace millrace::nccl
