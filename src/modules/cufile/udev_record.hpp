// SPDX-License-Identifier: Apache-2.0
// Why cuFile refuses to register a file that is in order. It asks udev for the file system that a file lies
// on (its log: "udev property not found: ID_FS_USAGE vda"); where udev's database is not there, as in a
// container or a bare virtual machine, every registration ends with CU_FILE_HANDLE_NOT_REGISTERED,
// compatibility mode or not (seen with 1.15.1).
#pragma once

#include <filesystem>
#include <optional>

#include "units/result.hpp"

namespace millrace::cufile {

// What udev does not tell of the device that the open file `fd` lies on, and the way out
// (Exit::kInconclusive); nothing where it tells, or the file cannot be asked. `database`: of files such as
// "b259:0" (sd-device, "device-private.c").
std::optional<Error> missing_udev_record(int fd, const std::filesystem::path& database = "/run/udev/data");

}  // namespace millrace::cufile
