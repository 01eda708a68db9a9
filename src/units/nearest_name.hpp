// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known name that a mistyped one is closest to.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace millrace {

// How many insertions, deletions, substitutions and swaps of neighbours turn one text into the other: the
// Damerau-Levenshtein distance in its restricted form (optimal string alignment: no part is edited twice),
// regardless of ASCII case. O(length of a * length of b).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The name that `given` was probably meant to be, the earliest of equals; nothing where no name is near, so
// that a message never suggests nonsense. Near is at most one edit per three characters of the longer text
// (and one at least), or a name of which `given`, of three characters or more, is the beginning ("storage"
// for "storage.read").
std::optional<std::string> nearest_name(std::string_view given, std::span<const std::string> names);

}  // namespace millrace
