// SPDX-License-Identifier: Apache-2.0
#include "run/module_loader.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string_view>
#include <system_error>

namespace millrace::run {
namespace fs = std::filesystem;

namespace {

template <typename Module>
Result<const Module*> entry(void* handle, const char* symbol, const fs::path& file) {
  void* address = dlsym(handle, symbol);
  if (address == nullptr) return nullptr;
  const Module* module = reinterpret_cast<const Module* (*)()>(address)();
  if (module == nullptr || module->struct_size < offsetof(Module, detect) + sizeof(module->detect) ||
      module->name == nullptr)
    return failure(fmt::format("{}: {} gave no valid module", file.string(), symbol),
                   "build it against the headers of this Millrace");
  return module;
}

}  // namespace

std::vector<fs::path> module_path() {
  std::vector<fs::path> folders;
  if (const char* given = std::getenv("MILLRACE_MODULE_PATH")) {
    std::string_view rest = given;
    while (!rest.empty()) {
      const std::size_t end = rest.find(':');
      if (end != 0) folders.emplace_back(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
  }
  std::error_code ignored;
  const fs::path binary = fs::read_symlink("/proc/self/exe", ignored);
  folders.push_back(binary.parent_path().parent_path() / MILLRACE_MODULE_FOLDER);
  const fs::path plain = binary.parent_path().parent_path() / "lib/millrace/modules";
  if (plain != folders.back()) folders.push_back(plain);
  return folders;
}

std::vector<fs::path> find_modules(const std::vector<fs::path>& path) {
  std::vector<fs::path> files;
  std::set<fs::path> names;
  for (const fs::path& folder : path) {
    std::vector<fs::path> here;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
      if (entry.path().extension() == ".so") here.push_back(entry.path());
    std::sort(here.begin(), here.end());
    for (const fs::path& file : here)
      if (names.insert(file.filename()).second) files.push_back(file);
  }
  return files;
}

Result<ModuleSymbols> open_module(const fs::path& file) {
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return failure(dlerror(), "install the library that it names", Exit::kInconclusive);
  ModuleSymbols symbols;
  if (auto probes = entry<millrace_probe_module>(handle, MILLRACE_PROBE_MODULE_SYMBOL, file))
    symbols.probes = *probes;
  else
    return tl::unexpected(probes.error());
  if (auto memory = entry<millrace_memory_module>(handle, MILLRACE_MEMORY_MODULE_SYMBOL, file))
    symbols.memory = *memory;
  else
    return tl::unexpected(memory.error());
  if (symbols.probes == nullptr && symbols.memory == nullptr)
    return failure(fmt::format("{}: it exports neither {} nor {}", file.string(),
                               MILLRACE_PROBE_MODULE_SYMBOL, MILLRACE_MEMORY_MODULE_SYMBOL),
                   "a module is made with millrace/probe.hpp or millrace/memory.hpp");
  return symbols;
}

}  // namespace millrace::run
