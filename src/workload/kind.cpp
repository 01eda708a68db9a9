// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include "workload/profile.hpp"

namespace millrace::workload {
namespace {

constexpr std::array<std::pair<Kind, std::string_view>, 8> kKindNames{{
    {Kind::kTrainingInput, "training-input"},
    {Kind::kPretrain, "pretrain"},
    {Kind::kFinetune, "finetune"},
    {Kind::kCheckpoint, "checkpoint"},
    {Kind::kRestore, "restore"},
    {Kind::kColdStart, "cold-start"},
    {Kind::kServe, "serve"},
    {Kind::kMix, "mix"},
}};

}  // namespace

std::string_view name_of(Kind kind) {
  for (const auto& [one, name] : kKindNames)
    if (one == kind) return name;
  return "";
}

std::optional<Kind> kind_of(std::string_view name) {
  for (const auto& [kind, one] : kKindNames)
    if (one == name) return kind;
  return std::nullopt;
}

}  // namespace millrace::workload
