// SPDX-License-Identifier: Apache-2.0
// Finding and opening modules. Opening runs a vendor's constructors, so the core opens modules only in worker
// processes and in guarded children (guarded_call.hpp).
#pragma once

#include <millrace/module_abi.h>

#include <filesystem>
#include <string>
#include <vector>

#include "units/result.hpp"

namespace millrace::run {

struct ModuleSymbols {
  const millrace_probe_module* probes = nullptr;   // null: it has none
  const millrace_memory_module* memory = nullptr;  // null: it has none
};

// The folders of $MILLRACE_MODULE_PATH (separated by ':') first, then `../lib/millrace/modules` beside the
// binary (also where the library folder is named otherwise, such as lib/x86_64-linux-gnu).
std::vector<std::filesystem::path> module_path();

// Every *.so of the path, in order; of two with one name, the first.
std::vector<std::filesystem::path> find_modules(const std::vector<std::filesystem::path>& path);

// dlopen (RTLD_NOW | RTLD_LOCAL) and the versioned symbols. Never closed again. The error is dlopen's reason,
// such as "libnccl.so.2: cannot open shared object file" (Exit::kInconclusive: something is missing here), or
// what the module breaks of the contract (Exit::kUsage).
Result<ModuleSymbols> open_module(const std::filesystem::path& file);

}  // namespace millrace::run
