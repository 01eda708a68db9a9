// SPDX-License-Identifier: Apache-2.0
// A whole probe: fills a buffer again and again, and counts the bytes.
#include <millrace/probe.hpp>

#include <cstring>

using namespace millrace::sdk;

struct Spin : Probe {
  static Outcome describe(Host& host) {
    return host.add_worker(
        {.role = "spinner", .from = "memory:0", .to = "memory:0", .memory_bytes = host.bytes("size")});
  }
  Outcome run(Host& host) override {
    std::vector<char> buffer(host.bytes("size"));
    Recorder recorder = host.recorder();
    for (char turn = 0; !host.cancelled(); ++turn) {
      std::memset(buffer.data(), turn, buffer.size());
      asm volatile("" : : "r"(buffer.data()) : "memory");  // or the compiler leaves it out: nobody reads it
      recorder.done(host.now_ns(), buffer.size());
    }
    return Outcome::kOk;
  }
};

constexpr millrace_parameter kParameters[] = {
    parameter("size", MILLRACE_BYTES, "1MiB", "bytes filled a turn", 1, 1e9)};
constexpr millrace_probe kSpin = probe<Spin>("example.spin", "fills memory", kParameters);
constexpr const millrace_probe* kProbes[] = {&kSpin};
constexpr millrace_probe_module kModule = module("example", "1.0", kProbes);
extern "C" MILLRACE_EXPORT const millrace_probe_module* millrace_probe_module_v1() { return &kModule; }
