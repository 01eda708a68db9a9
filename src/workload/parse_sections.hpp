// SPDX-License-Identifier: Apache-2.0
// The sections of a workload's file, each read into its struct; errors as ObjectReader has them.
#pragma once

#include "workload/object_reader.hpp"
#include "workload/profile.hpp"

namespace millrace::workload {

void read_input(ObjectReader reader, Input& input);
void read_shape(ObjectReader reader, Shape& shape);
void read_training(ObjectReader reader, const Shape& shape, Training& training);
void read_checkpoint(ObjectReader reader, Checkpoint& checkpoint);
void read_loading(ObjectReader reader, const Shape& shape, Loading& loading);
void read_serving(ObjectReader reader, const Shape& shape, Serving& serving);
void read_site(ObjectReader reader, Site& site);
// The jobs of a mix. Their shares add up to 1.
void read_jobs(ObjectReader& reader, std::vector<MixPart>& parts);

// What a part's kind is called in a file: "network", "queue", "fixed", …
std::string_view name_of(PartKind kind);

}  // namespace millrace::workload
