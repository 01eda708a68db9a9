// SPDX-License-Identifier: Apache-2.0
#include "report/stall_shares.hpp"

#include <algorithm>

namespace millrace::report {
namespace {

bool same(const record::Measurement& a, const record::Measurement& b, const char* parameter) {
  const auto in_a = a.parameters.find(parameter), in_b = b.parameters.find(parameter);
  if (in_a == a.parameters.end() || in_b == b.parameters.end())
    return in_a == a.parameters.end() && in_b == b.parameters.end();
  return in_a->second == in_b->second;
}

const record::Measurement* run_of(const record::Document& document, const std::string& workload,
                                  const char* source) {
  for (const auto& m : document.measurements) {
    if (m.probe != "ingest.pipeline" || m.status != "ok" || !m.concurrent_with.empty() ||
        m.label != workload || !m.metrics.contains("step_s"))
      continue;
    const auto found = m.parameters.find("source");
    const auto* text = found == m.parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
    if (text && *text == source) return &m;
  }
  return nullptr;
}

}  // namespace

std::optional<StallShares> stall_shares(const record::Document& document, const std::string& workload) {
  const auto* cold = run_of(document, workload, "cold");
  const auto* cached = run_of(document, workload, "cached");
  const auto* device = run_of(document, workload, "device");
  if (!cold || !cached || !device) return std::nullopt;
  for (const char* parameter : {"scale", "accelerators", "compute"})
    if (!same(*cold, *cached, parameter) || !same(*cold, *device, parameter)) return std::nullopt;
  const double t2 = cold->metrics.at("step_s").mean, t3 = cached->metrics.at("step_s").mean,
               t1 = device->metrics.at("step_s").mean;
  if (t2 <= 0) return std::nullopt;
  StallShares shares{std::max(0.0, t2 - t1) / t2, std::nullopt};
  constexpr double kNoise = 0.05;
  if (t3 <= (1 + kNoise) * t2)
    shares.split = {std::max(0.0, t2 - t3) / t2, std::max(0.0, std::min(t3, t2) - t1) / t2};
  return shares;
}

std::string input_bound(const StallShares& shares) {
  return shares.waiting < 0.05 ? "not input-bound"
                               : (shares.waiting < 0.20 ? "moderately input-bound" : "highly input-bound");
}

}  // namespace millrace::report
