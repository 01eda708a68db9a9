// SPDX-License-Identifier: Apache-2.0
// What cuFile answered, in words: "CU_FILE_DRIVER_NOT_INITIALIZED (5001): …", never the number alone.
#pragma once

#include <cufile.h>
#include <sys/types.h>

#include <string>

#include "units/result.hpp"

namespace millrace::cufile {

// "CU_FILE_IO_ERROR (5044): cufile io error"; of a CUDA driver error, its number as well.
std::string error_text(CUfileError_t error);

// "cannot <doing>: <error_text>", with the usual way out. Exit::kInconclusive where the machine lacks what it
// takes.
tl::unexpected<Error> cufile_failure(CUfileError_t error, const std::string& doing);

// Of a read or write: `result` is negative, -1 with errno or the negative of a CUfileOpError.
tl::unexpected<Error> transfer_failure(ssize_t result, int error_number, const std::string& doing);

}  // namespace millrace::cufile
