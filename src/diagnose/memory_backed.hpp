// SPDX-License-Identifier: Apache-2.0
// Data that lie in memory themselves: on tmpfs or ramfs, or on a device over a file there.
#pragma once

#include "diagnose/evidence.hpp"

namespace millrace::diagnose {

// The share of the data that does, by where the measurements that read them began: by where the data lie
// (spread.hpp), else by what each moved. 0 where nothing was read.
double share_of_data_in_memory(const record::Document& document, const StorageEvidence& storage);

}  // namespace millrace::diagnose
