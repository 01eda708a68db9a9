// SPDX-License-Identifier: Apache-2.0
// The preparation `normalize`: bytes become 32-bit floats, (x - mean) * scale, as an image or volume is made
// ready for a network. Mean and deviation are ImageNet's, averaged over its channels (torchvision's reference
// transforms: means 0.485, 0.456, 0.406, deviations 0.229, 0.224, 0.225, of 255).
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::ingest {

inline constexpr float kMean = 0.449F * 255.0F;
inline constexpr float kScale = 1.0F / (0.226F * 255.0F);

inline constexpr std::uint64_t normalized_bytes(std::uint64_t bytes) { return bytes * sizeof(float); }

// `to` has room for `count` floats and is aligned for them. Ranges must not overlap.
void normalize(const std::uint8_t* from, float* to, std::size_t count);

}  // namespace millrace::ingest
