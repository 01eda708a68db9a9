// SPDX-License-Identifier: Apache-2.0
#include "modules/gpu/kernel_image.hpp"

#ifdef MILLRACE_KERNEL_IMAGE
asm(".pushsection .rodata.millrace_kernels, \"a\"\n"
    ".balign 64\n"
    "millrace_kernels_begin:\n"
    ".incbin \"" MILLRACE_KERNEL_IMAGE
    "\"\n"
    "millrace_kernels_end:\n"
    ".popsection\n");
extern "C" {
extern const std::byte millrace_kernels_begin[] __attribute__((visibility("hidden")));
extern const std::byte millrace_kernels_end[] __attribute__((visibility("hidden")));
}
#endif

namespace millrace::gpu {

std::span<const std::byte> kernel_image() {
#ifdef MILLRACE_KERNEL_IMAGE
  return {millrace_kernels_begin, millrace_kernels_end};
#else
  return {};
#endif
}

}  // namespace millrace::gpu
