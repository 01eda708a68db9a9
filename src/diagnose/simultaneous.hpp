// SPDX-License-Identifier: Apache-2.0
// Measurements that ran together, of whatever probe, and what each moved while all of them ran.
#pragma once

#include <string>
#include <vector>

#include "record/result.hpp"

namespace millrace::diagnose {

struct SimultaneousSet {
  std::vector<const record::Measurement*> members;
  // Bytes/s of each member over the window that all share, repeat by repeat: rates[repeat][member]. Repeats
  // of one index ran together. Empty where there is at most one such repeat.
  std::vector<std::vector<double>> rates;
  std::vector<double> mean;  // of each member
  // Something failed or moved no bytes beside them: what was carried is a floor still, but says nothing of
  // what held it back.
  bool whole = true;
  bool one_window = true;  // the members' own windows are that one: whatever they recorded is of it
  bool cpus_busy = false;  // every hardware thread worked: the CPUs may be what held them back
};

// What a measurement does to a drive: "storage.read 1 MiB × 8", its probe with pattern, block size and depth.
std::string operation_of(const record::Measurement& m);

// Every successful measurement that moved bytes, alone or with those that it names in concurrent_with.
// Aggressors may outlast their victims: where the windows of a repeat differ by more than a twentieth, the
// rates are taken anew from the slices between the last begin and the first end (in the first host's time,
// less the error of the clocks' offsets); a repeat without slices is then left out, and so is a set of which
// no repeat is left; `notes` says so.
std::vector<SimultaneousSet> simultaneous_sets(const record::Document& document,
                                               std::vector<std::string>& notes);

}  // namespace millrace::diagnose
