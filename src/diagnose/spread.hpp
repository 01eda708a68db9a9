// SPDX-License-Identifier: Apache-2.0
// Data that lie on several drives: what each delivers alone, what all deliver together, and so what they
// share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/evidence.hpp"
#include "diagnose/feed_path.hpp"

namespace millrace::diagnose {

struct SpreadPart {
  const record::Measurement* alone = nullptr;
  const record::Measurement* beside = nullptr;  // the same reading, while the others were read too
  double share = 1;                             // of the workload's bytes that lie there
};

struct Spread {
  MeasuredSet together;
  std::vector<SpreadPart> parts;
};

// "nvme0n1": short, since several stand in one line.
std::string drive_name(const record::Measurement& m);

// Where the evidence is a set that ran together, of which each was measured alone as well; else nothing.
std::optional<Spread> spread_of(const record::Document& document, const StorageEvidence& evidence);

// What those drives share that lose throughput to each other: its capacity is what they move together, its
// class every resource that all of their paths cross. Nothing where together they lose no more than a tenth
// (19 times of 20 by the bootstrap of draw()), or where reading kept all CPUs busy, so that the CPUs may be
// what they share; a note says what was found.
std::optional<Hop> shared_hop(const record::Document& document, const Spread& spread,
                              std::vector<std::string>& notes);

}  // namespace millrace::diagnose
