// SPDX-License-Identifier: Apache-2.0
// Types of elements and operations of a reduction, by the names that parameters have, and small whole numbers
// written as any of the types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace::collective {

enum class ElementType { kInt8, kInt32, kHalf, kBfloat16, kFloat, kDouble };
enum class Operation { kSum, kProduct, kMinimum, kMaximum, kAverage };

inline constexpr const char* kTypeNames = "int8|int32|half|bf16|float|double";
inline constexpr const char* kOperationNames = "sum|prod|min|max|avg";

std::optional<ElementType> type_named(std::string_view name);
std::optional<Operation> operation_named(std::string_view name);

std::size_t size_of(ElementType type);  // bytes

// `value`, whose magnitude is at most 127, as an element of the type: exact in all of them (bf16 has 8 bits
// of significand, IEEE half 11). Writes size_of(type) bytes.
void write_element(ElementType type, int value, std::byte* to);

}  // namespace millrace::collective
