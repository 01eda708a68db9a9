// SPDX-License-Identifier: Apache-2.0
// Another process of a program, in a control group of its own where that is wanted.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "units/quantity.hpp"
#include "units/result.hpp"

namespace millrace::selftest {

struct ChildOptions {
  std::filesystem::path group;  // a control group's folder that it enters before it starts; empty: ours
  std::function<bool()> interrupted = {};  // asked ten times a second; then the child is interrupted too
  std::vector<int> cpus = {};              // on which it may run; empty: all of ours
};

// A started child. Whatever happens to this object, the child is gone afterwards: asked by SIGINT, after ten
// seconds told by SIGKILL; it also dies with this process.
class Child {
 public:
  // Its standard output and error go into a file below `folder`. Errors: it could not be started, or not put
  // into the group.
  static Result<Child> start(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                             const ChildOptions& options);
  Child(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(Child&&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  // Its exit code, or an Error that says how else it ended ("killed by SIGSEGV", "did not end within 2 min")
  // with the last of what it printed. Exit::kInterrupted where options.interrupted said so.
  Result<int> wait(Duration most);
  [[nodiscard]] bool has_ended() const;
  [[nodiscard]] std::string output() const;

 private:
  Child(pid_t pid, std::filesystem::path output, ChildOptions options)
      : pid_(pid), output_(std::move(output)), options_(std::move(options)) {}
  void end();

  pid_t pid_;
  std::filesystem::path output_;
  ChildOptions options_;
};

}  // namespace millrace::selftest
