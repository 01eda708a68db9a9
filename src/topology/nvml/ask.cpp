// SPDX-License-Identifier: Apache-2.0
#include "topology/nvml/ask.hpp"

#include "process/guarded_call.hpp"
#include "topology/nvml/read_facts.hpp"

namespace millrace::topology::nvml {
namespace {

Answer ask_here(Duration patience) {
  const auto told = guarded_call([] { return to_text(read_facts()); }, patience);
  if (!told) return {true, "NVML " + told.error().what, "", {}};
  auto answer = from_text(*told);
  return answer ? *answer : Answer{true, "NVML's answer was cut short", "", {}};
}

}  // namespace

Answer ask(const FileRoot& root, bool live, Duration patience) {
  if (!live) {
    const auto recorded = root.bytes(kRecording);
    if (!recorded) return {false, "", "", {}};  // recorded without a GPU, or before this was
    auto answer = from_text(*recorded);
    return answer ? *answer : Answer{true, "what the snapshot holds of NVML cannot be read", "", {}};
  }
  Answer answer = ask_here(patience);
  if (answer.present) root.keep(kRecording, to_text(answer));
  return answer;
}

}  // namespace millrace::topology::nvml
