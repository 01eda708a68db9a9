// SPDX-License-Identifier: Apache-2.0
#include "modules/nccl/verification.hpp"

#include <string>
#include <vector>

#include "modules/collective/expectation.hpp"

namespace millrace::nccl {
namespace {

constexpr const char* kSuspects =
    "a GPU's memory, a link (`nvidia-smi nvlink -e`, `nvidia-smi -q -d ECC`) or a NIC corrupts data, or NCCL "
    "has a bug";

}  // namespace

Result<void> verify(const sdk::Host& host, const Settings& settings, const Buffers& buffers,
                    const Launches& launches, Communicator& communicator, const cuda::Stream& stream,
                    std::size_t turn) {
  const Turn& arrays = buffers.turns()[turn];
  std::vector<std::byte> here(std::max(arrays.input_bytes, arrays.output_bytes));
  if (auto done = poison(arrays.output, arrays.output_bytes); !done) return done;
  // After the poison: in place, they share memory.
  const std::span input = std::span(here).first(arrays.input_bytes);
  collective::fill(input, collective::input_of(settings, host.rank()), settings.element(), 0);
  if (auto done = write(arrays.input, input); !done) return done;
  if (auto done = launches.launch(turn); !done) return done;
  const std::string doing = std::string(collective::name_of(settings.collective)) + " to verify it";
  if (auto done = communicator.wait_until([&] { return stream.is_done(); }, doing); !done) return done;
  const std::span output = std::span(here).first(arrays.output_bytes);
  if (auto done = read(output, arrays.output); !done) return done;
  const Result<void> right = collective::check_output(settings, host.rank(), output, kSuspects);
  host.verified(right.has_value());
  if (right) host.counter("collective:verified_bytes", static_cast<double>(output.size()));
  return right;
}

Result<void> fill_for_measuring(const Settings& settings, int rank, const Buffers& buffers) {
  std::vector<std::byte> here(buffers.turns().front().input_bytes);
  collective::fill(here, collective::resting_input_of(settings, rank), settings.element(), 0);
  for (const Turn& turn : buffers.turns())
    if (auto done = write(turn.input, here); !done) return done;
  return {};
}

}  // namespace millrace::nccl
