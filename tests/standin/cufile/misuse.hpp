// SPDX-License-Identifier: Apache-2.0
// What the vendor's library would not survive, would corrupt data by, or would quietly do another way than
// was meant: here it ends the process, with a word.
#pragma once

#include <string>

namespace millrace::standin {

[[noreturn]] void misuse(const std::string& what);

// Ends the process too where it is a child that was forked after the driver had been opened.
void check_not_forked();
void remember_process();

}  // namespace millrace::standin
