// SPDX-License-Identifier: Apache-2.0
#include "modules/cufile/api.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <string>

namespace millrace::cufile {
namespace {

constexpr const char* kLibrary = "libcufile.so.0";
constexpr const char* kHint =
    "install GPUDirect Storage (nvidia-gds, or libcufile of the CUDA toolkit) and let the loader find it";

template <typename Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
}

// Those of a group are of use together alone.
template <typename... Functions>
void all_or_none(Functions&... functions) {
  if ((... && (functions != nullptr))) return;
  ((functions = nullptr), ...);
}

void find_newer(void* library, Api& api) {
  find(library, "cuFileGetVersion", api.get_version);
  find(library, "cuFileBatchIOSetUp", api.batch_set_up);
  find(library, "cuFileBatchIOSubmit", api.batch_submit);
  find(library, "cuFileBatchIOGetStatus", api.batch_get_status);
  find(library, "cuFileBatchIOCancel", api.batch_cancel);
  find(library, "cuFileBatchIODestroy", api.batch_destroy);
  all_or_none(api.batch_set_up, api.batch_submit, api.batch_get_status, api.batch_cancel, api.batch_destroy);
  find(library, "cuFileReadAsync", api.read_async);
  find(library, "cuFileWriteAsync", api.write_async);
  find(library, "cuFileStreamRegister", api.stream_register);
  find(library, "cuFileStreamDeregister", api.stream_deregister);
  all_or_none(api.read_async, api.write_async, api.stream_register, api.stream_deregister);
  find(library, "cuFileSetParameterBool", api.set_parameter_bool);
  find(library, "cuFileSetStatsLevel", api.set_stats_level);
  find(library, "cuFileStatsStart", api.stats_start);
  find(library, "cuFileGetStatsL3", api.get_stats_l3);
  all_or_none(api.set_stats_level, api.stats_start, api.get_stats_l3);
}

Result<Api> open_library() {
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return failure(dlerror(), kHint, Exit::kInconclusive);
  Api api;
  find(library, "cuFileDriverOpen", api.driver_open);
  find(library, "cuFileDriverClose_v2", api.driver_close);
  if (api.driver_close == nullptr) find(library, "cuFileDriverClose", api.driver_close);
  find(library, "cuFileDriverGetProperties", api.driver_get_properties);
  find(library, "cuFileHandleRegister", api.handle_register);
  find(library, "cuFileHandleDeregister", api.handle_deregister);
  find(library, "cuFileBufRegister", api.buffer_register);
  find(library, "cuFileBufDeregister", api.buffer_deregister);
  find(library, "cuFileRead", api.read);
  find(library, "cuFileWrite", api.write);
  const bool complete = api.driver_open != nullptr && api.driver_close != nullptr &&
                        api.driver_get_properties != nullptr && api.handle_register != nullptr &&
                        api.handle_deregister != nullptr && api.buffer_register != nullptr &&
                        api.buffer_deregister != nullptr && api.read != nullptr && api.write != nullptr;
  if (!complete)
    return failure(fmt::format("{} lacks calls that every release has", kLibrary),
                   "is another library of that name in front of it? See LD_LIBRARY_PATH",
                   Exit::kInconclusive);
  find_newer(library, api);
  return api;
}

}  // namespace

const Result<Api>& api() {
  static const Result<Api> opened = open_library();
  return opened;
}

}  // namespace millrace::cufile
