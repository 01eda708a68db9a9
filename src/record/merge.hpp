// SPDX-License-Identifier: Apache-2.0
// Several documents of one host as one: what was measured at different times, of which the diagnosis needs
// all.
#pragma once

#include <string>
#include <vector>

#include "record/result.hpp"
#include "units/result.hpp"

namespace millrace::record {

struct NamedDocument {
  std::string file;  // as the user gave it, for messages
  Document document;
};

// The first one's, with the measurements, resources and findings of the others besides. Ids of measurements
// of the second get "2." before them, and so on; verdicts are dropped, since they knew less. Errors: one is
// of another host, with both names; a measurement is in two of them, and would count twice; there is none at
// all.
Result<Document> merge(std::vector<NamedDocument> documents);

}  // namespace millrace::record
