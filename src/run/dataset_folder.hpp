// SPDX-License-Identifier: Apache-2.0
// Whose a data set's folder is: its name, its marker, and what follows from them. See also dataset.hpp.
#pragma once

#include <filesystem>
#include <functional>

#include "units/result.hpp"

namespace millrace::run {

// A new, empty, marked folder in `directory`. `on_create` is told of it before it is made.
Result<std::filesystem::path> make_marked_folder(
    const std::filesystem::path& directory,
    const std::function<void(const std::filesystem::path&)>& on_create);

// It bears our name and our marker.
bool is_ours(const std::filesystem::path& folder);

}  // namespace millrace::run
