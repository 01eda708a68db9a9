// SPDX-License-Identifier: Apache-2.0
// The built-in profiles, and how a name on the command line finds one.
#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>

#include "record/read_file.hpp"
#include "units/nearest_name.hpp"
#include "units/quantity.hpp"
#include "workload/embedded_profiles.hpp"
#include "workload/profile.hpp"

namespace millrace::workload {
namespace {

std::vector<Profile> read_embedded() {
  std::vector<Profile> all;
  for (const auto& embedded : embedded_profiles()) {
    auto profiles = parse(embedded.json, embedded.file);
    if (!profiles) throw std::logic_error("a built-in workload does not parse: " + profiles.error().what);
    all.insert(all.end(), profiles->begin(), profiles->end());
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

Result<std::vector<Profile>> load_file(const std::string& name) {
  std::error_code code;
  const std::filesystem::path path(name);
  const auto status = std::filesystem::status(path, code);
  if (code || status.type() == std::filesystem::file_type::not_found)
    return failure(fmt::format("workload file {}: no such file", name),
                   "`millrace workloads` lists the built-in workloads");
  if (status.type() == std::filesystem::file_type::directory)
    return failure(fmt::format("workload file {}: is a folder", name), "give the profile's JSON file itself");
  if (status.type() == std::filesystem::file_type::regular)
    if (const std::uintmax_t size = std::filesystem::file_size(path, code); !code && size > kLargestFile)
      return failure(fmt::format("{}: at byte {}: a workload file holds at most 1 MiB, this one has {}", name,
                                 kLargestFile, to_binary({size})),
                     "is it a workload file?");
  const auto text = record::read_file(path, kLargestFile);
  if (!text) return failure("workload file " + text.error().what, text.error().hint);
  return parse(text->text(), name);
}

}  // namespace

const std::vector<Profile>& built_in() {
  static const std::vector<Profile> profiles = read_embedded();
  return profiles;
}

std::vector<Profile> built_in_training_input() {
  std::vector<Profile> profiles = built_in();
  std::erase_if(profiles, [](const Profile& profile) { return profile.kind != Kind::kTrainingInput; });
  return profiles;
}

Result<std::vector<Profile>> load(std::string_view name_or_file) {
  if (name_or_file.ends_with(".json") || name_or_file.find('/') != std::string_view::npos)
    return load_file(std::string(name_or_file));
  std::vector<Profile> found;
  std::vector<std::string> names;
  const auto offer = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const Profile& profile : built_in()) {
    const std::string of_use = profile.use.empty() ? profile.model : profile.model + "-" + profile.use;
    if (profile.name == name_or_file || of_use == name_or_file || profile.model == name_or_file)
      found.push_back(profile);
    offer(profile.model);
    offer(of_use);
  }
  if (!found.empty()) return found;
  for (const Profile& profile : built_in()) offer(profile.name);
  const auto near = nearest_name(name_or_file, names);
  return failure(fmt::format("unknown workload '{}'", name_or_file),
                 (near ? fmt::format("did you mean '{}'? ", *near) : std::string()) +
                     "`millrace workloads` lists them; a name that ends in .json is a profile of your own");
}

}  // namespace millrace::workload
