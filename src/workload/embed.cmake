# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C++ source that holds the bytes of FILES (see embedded_profiles.hpp).
set(arrays "")
set(table "")
set(count 0)
foreach(file IN LISTS FILES)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  get_filename_component(name ${file} NAME)
  string(APPEND arrays "constexpr char kFile${count}[] = {${bytes}};\n")
  string(APPEND table "    {\"${name}\", {kFile${count}, sizeof kFile${count}}},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUTPUT} "// SPDX-License-Identifier: Apache-2.0
// Written by src/workload/embed.cmake from src/workload/profiles.
#include \"workload/embedded_profiles.hpp\"

namespace millrace::workload {
namespace {
${arrays}
constexpr EmbeddedProfile kProfiles[] = {
${table}};
}  // namespace

std::span<const EmbeddedProfile> embedded_profiles() { return kProfiles; }

}  // namespace millrace::workload
")
