// SPDX-License-Identifier: Apache-2.0
// libcufile.so.0, opened by name. It is opened once in a process and never closed: unloading it is not
// supported (cuFile API reference guide), and neither is a fork after it was initialised.
#pragma once

#include <cufile.h>

#include "units/result.hpp"

namespace millrace::cufile {

// Pointers to what the library exports. The last block may be null: only newer versions have it.
struct Api {
  decltype(&cuFileDriverOpen) driver_open = nullptr;
  decltype(&cuFileDriverClose_v2) driver_close = nullptr;
  decltype(&cuFileDriverGetProperties) driver_get_properties = nullptr;
  decltype(&cuFileHandleRegister) handle_register = nullptr;
  decltype(&cuFileHandleDeregister) handle_deregister = nullptr;
  decltype(&cuFileBufRegister) buffer_register = nullptr;
  decltype(&cuFileBufDeregister) buffer_deregister = nullptr;
  decltype(&cuFileRead) read = nullptr;
  decltype(&cuFileWrite) write = nullptr;

  decltype(&cuFileGetVersion) get_version = nullptr;
  decltype(&cuFileBatchIOSetUp) batch_set_up = nullptr;  // 1.3 (CUDA 11.8); all five or none
  decltype(&cuFileBatchIOSubmit) batch_submit = nullptr;
  decltype(&cuFileBatchIOGetStatus) batch_get_status = nullptr;
  decltype(&cuFileBatchIOCancel) batch_cancel = nullptr;
  decltype(&cuFileBatchIODestroy) batch_destroy = nullptr;
  decltype(&cuFileReadAsync) read_async = nullptr;  // 1.7 (CUDA 12.2); all four or none
  decltype(&cuFileWriteAsync) write_async = nullptr;
  decltype(&cuFileStreamRegister) stream_register = nullptr;
  decltype(&cuFileStreamDeregister) stream_deregister = nullptr;
  decltype(&cuFileSetParameterBool) set_parameter_bool = nullptr;  // 1.13 (CUDA 12.8)
  decltype(&cuFileSetStatsLevel) set_stats_level = nullptr;        // 1.15 (CUDA 13.0); all three or none
  decltype(&cuFileStatsStart) stats_start = nullptr;
  decltype(&cuFileGetStatsL3) get_stats_l3 = nullptr;

  [[nodiscard]] bool batches() const { return batch_set_up != nullptr; }
  [[nodiscard]] bool streams() const { return read_async != nullptr; }
  [[nodiscard]] bool counts() const { return set_stats_level != nullptr; }
};

// The error (Exit::kInconclusive) is dlopen's: "libcufile.so.0: cannot open shared object file: …", or names
// the symbol that is missing.
const Result<Api>& api();

}  // namespace millrace::cufile
