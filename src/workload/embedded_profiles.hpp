// SPDX-License-Identifier: Apache-2.0
// The files of src/workload/profiles as they stood when the binary was built.
#pragma once

#include <span>
#include <string_view>

namespace millrace::workload {

struct EmbeddedProfile {
  std::string_view file;  // "unet3d.json"
  std::string_view json;
};

std::span<const EmbeddedProfile> embedded_profiles();

}  // namespace millrace::workload
