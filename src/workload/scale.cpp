// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "workload/profile.hpp"

namespace millrace::workload {
namespace {

constexpr double kLeastRecordBytes = 4096;  // below a block, O_DIRECT reads move more than the record

}  // namespace

Profile scaled(const Profile& profile, double factor) {
  Profile out = profile;
  if (!(factor > 1)) return out;
  Input& input = out.input;
  // First the records, as far as they go, then the batch: the count of records per step is what lets reader
  // and preparation threads work side by side, so it is kept while it can be.
  const double record_factor = std::clamp(input.record_bytes / kLeastRecordBytes, 1.0, factor);
  input.record_bytes /= record_factor;
  input.record_stdev_bytes /= record_factor;
  const double batch = static_cast<double>(input.batch_samples);
  const double batch_after = std::max(1.0, std::round(batch * record_factor / factor));
  input.batch_samples = static_cast<std::uint64_t>(batch_after);
  // Compute shrinks by what the bytes shrank in fact, so that the demand (bytes/s) stays the same.
  out.compute_s = profile.compute_s / (record_factor * batch / batch_after);
  return out;
}

}  // namespace millrace::workload
