// SPDX-License-Identifier: Apache-2.0
// What a diagnosis calls a fabric's resources.
#pragma once

#include <string>
#include <vector>

#include "diagnose/fabric/load.hpp"

namespace millrace::diagnose {

// Of what each of many measurements makes a class of its own no more than this are named.
inline constexpr std::size_t kMostNamed = 8;

// "leaf-up[0-15,17-511]": the numbers of a class; of many runs the first few.
std::string class_id(const fabric::Resources& resources, std::uint32_t of);
// "leaf uplinks (upwards, 512 alike)", "NICs (sending, the busiest 16 of 512)", "leaf uplink 16 (upwards;
// port 7 trained down)".
std::string class_name(const fabric::Resources& resources, const ClassLoad& load);
// Several of a job's classes in one phrase, the two directions of alike ones as one: "NICs (both directions,
// 512 alike) and leaf uplinks (both directions, 64 alike)".
std::string class_names(const fabric::Resources& resources, const JobLoad& job,
                        const std::vector<std::size_t>& classes);
// The same without counts: "NICs and leaf uplinks".
std::string class_nouns(const fabric::Resources& resources, const JobLoad& job,
                        const std::vector<std::size_t>& classes);
// record::Bottleneck::kind.
const char* bottleneck_kind(fabric::Kind kind);

}  // namespace millrace::diagnose
