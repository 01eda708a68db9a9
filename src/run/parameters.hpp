// SPDX-License-Identifier: Apache-2.0
// Parameters of a probe: read from what a person typed, against what the probe declares.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "record/result.hpp"
#include "run/catalog.hpp"
#include "units/result.hpp"

namespace millrace::run {

// Every declared parameter with its canonical text ("" = not set): what host->parameter() hands the module.
using Parameters = std::map<std::string, std::string>;

// `given` are name and text pairs in the order typed. Errors: an unknown name (with the nearest), a text that
// its kind cannot be, out of bounds, a required one missing, one given twice that is not repeatable.
Result<Parameters> read_parameters(const ProbeInfo& probe,
                                   const std::vector<std::pair<std::string, std::string>>& given);

// As the result document has them: sizes in bytes, durations in seconds, unset ones left out.
std::map<std::string, record::ParameterValue> to_record(const ProbeInfo& probe, const Parameters& parameters);

// Puts in what workers say that a parameter came to: `texts`, each different. A probe may name what is no
// parameter of its own, such as the address that belongs to an index.
void add_resolved(const ProbeInfo& probe, const std::string& name, const std::vector<std::string>& texts,
                  std::map<std::string, record::ParameterValue>& values);

}  // namespace millrace::run
