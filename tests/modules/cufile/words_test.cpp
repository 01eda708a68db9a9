// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "modules/cufile/failure.hpp"

namespace millrace::cufile {
namespace {

using ::testing::HasSubstr;

TEST(CuFileWords, AnErrorHasItsNameItsNumberAndItsMeaning) {
  const Error error =
      cufile_failure({CU_FILE_IO_NOT_SUPPORTED, CUDA_SUCCESS}, "register a.bin with cuFile").value();
  EXPECT_THAT(error.what, HasSubstr("cannot register a.bin with cuFile: CU_FILE_IO_NOT_SUPPORTED (5008)"));
  EXPECT_THAT(error.hint, HasSubstr("gdscheck"));
  EXPECT_EQ(error.exit, Exit::kInconclusive);  // this machine lacks what it takes
}

TEST(CuFileWords, ATransferFailsByErrnoOrByCuFilesOwnError) {
  EXPECT_THAT(transfer_failure(-1, EIO, "read").value().what, HasSubstr("EIO (Input/output error)"));
  EXPECT_THAT(transfer_failure(-ENOSPC, 0, "write").value().what, HasSubstr("ENOSPC"));  // as batches say it
  EXPECT_THAT(transfer_failure(-CU_FILE_INVALID_MAPPING_RANGE, 0, "read").value().what,
              HasSubstr("CU_FILE_INVALID_MAPPING_RANGE (5017): access beyond mapped size"));
}

TEST(CuFileWords, AnErrorOfLaterReleasesIsSaidToBeUnknownAndKeepsItsNumber) {
  EXPECT_THAT(error_text({static_cast<CUfileOpError>(5999), CUDA_SUCCESS}), HasSubstr("(5999)"));
}

}  // namespace
}  // namespace millrace::cufile
