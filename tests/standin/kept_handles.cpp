// SPDX-License-Identifier: Apache-2.0
// The stand-in of the CUDA driver keeps what was destroyed, so that a use of it afterwards is recognised, and
// what a process never destroyed, as the driver does. LeakSanitizer is to judge only what is ours.

extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions();  // NOLINT
extern "C" const char* __lsan_default_suppressions() { return "leak:libcuda.so.1\n"; }        // NOLINT
