// SPDX-License-Identifier: Apache-2.0
#include "modules/gds/engine.hpp"

#include <fmt/format.h>

#include "units/quantity.hpp"

namespace millrace::gds {

Result<std::unique_ptr<Engine>> make_engine(const cufile::Api& calls, const Settings& settings) {
  switch (settings.calls) {
    case Calls::kBatch:
      if (!calls.batches())
        return failure("this libcufile has no batches (cuFileBatchIOSetUp, of cuFile 1.3 and later)",
                       "give --calls sync, or install a newer nvidia-gds", Exit::kInconclusive);
      return make_batch_engine(calls, settings);
    case Calls::kStream:
      if (!calls.streams())
        return failure(
            "this libcufile has no calls in stream order (cuFileReadAsync, of cuFile 1.7 and later)",
            "give --calls sync, or install a newer nvidia-gds", Exit::kInconclusive);
      return make_stream_engine(calls, settings);
    case Calls::kSync:
      break;
  }
  return make_sync_engine(calls, settings);
}

Error timed_out(const char* calls, std::int64_t timeout_ns) {
  return {fmt::format("--calls {}: an operation did not end within {}", calls, to_text(Duration{timeout_ns})),
          "the drive or the GPU hangs (see dmesg and cufile.log), or is far slower than that: --timeout "
          "waits longer"};
}

}  // namespace millrace::gds
