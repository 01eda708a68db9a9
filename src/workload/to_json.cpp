// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "workload/profile.hpp"

namespace millrace::workload {
namespace {

using Json = nlohmann::ordered_json;

Json shared_part(const Profile& profile) {
  const Input& input = profile.input;
  return {{"schema", "millrace.workload/1"},
          {"model", profile.model},
          {"kind", name_of(profile.kind)},
          {"description", profile.description},
          {"source", profile.source},
          {"input",
           {{"record_bytes", input.record_bytes},
            {"record_stdev_bytes", input.record_stdev_bytes},
            {"samples_per_file", input.samples_per_file},
            {"batch_samples", input.batch_samples},
            {"prep", input.prep},
            {"read_threads", input.read_threads},
            {"prep_threads", input.prep_threads},
            {"prefetch_batches", input.prefetch_batches}}},
          {"accelerators", Json::object()}};
}

}  // namespace

std::string to_json(const std::vector<Profile>& profiles) {
  std::vector<Json> documents;
  for (const Profile& profile : profiles) {
    Json shared = shared_part(profile);
    if (documents.empty() || documents.back()["model"] != profile.model)
      documents.push_back(std::move(shared));
    documents.back()["accelerators"][profile.accelerator] = {
        {"compute_s", profile.compute_s}, {"utilization_wanted", profile.utilization_wanted}};
  }
  return (documents.size() == 1 ? documents.front() : Json(documents)).dump(2) + "\n";
}

}  // namespace millrace::workload
