// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace millrace::run {

// What a module gave as text; null, which is nothing to say, is empty.
inline std::string c_text(const char* given) { return given == nullptr ? "" : given; }

}  // namespace millrace::run
