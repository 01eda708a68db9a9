// SPDX-License-Identifier: Apache-2.0
// Which modules there are, in which state, and what their probes take.
#pragma once

#include <millrace/module_abi.h>

#include <filesystem>
#include <string>
#include <vector>

#include "units/result.hpp"

namespace millrace::run {

// A parameter's declaration, copied out of the module.
struct ParameterSpec {
  std::string name;
  int kind = MILLRACE_TEXT;
  bool required = false;
  std::string default_value;  // as a person would type it
  std::vector<std::string> choices;
  std::string help;
  double minimum = 0, maximum = 0;  // both 0: no bounds
  bool repeatable = false;
};

struct ProbeInfo {
  std::string name, summary;
  std::vector<ParameterSpec> parameters;
};

struct ModuleInfo {
  std::filesystem::path file;
  std::string name, version;
  std::string state;         // "ready" | "unavailable" | "broken"
  std::string reason, hint;  // when it is not ready
  std::vector<ProbeInfo> probes;
  bool has_memory = false;
  std::string memory_name;
};

struct Catalog {
  std::vector<ModuleInfo> modules;
};

// Opens every module of the path in a guarded child and asks it. Modules of our own that were not built show
// as "not built".
Catalog read_catalog();

struct ProbeEntry {
  const ModuleInfo* module;
  const ProbeInfo* probe;
};
// The probe of that name in a ready module. Errors: an unknown name, with the nearest right one; a known one
// in a module that is not ready, with its reason (Exit::kInconclusive).
Result<ProbeEntry> find_probe(const Catalog& catalog, const std::string& name);

}  // namespace millrace::run
