// SPDX-License-Identifier: Apache-2.0
// Tensor-core rates are dense: half of what the datasheets print "with sparsity", where they print that
// alone.
#include <array>

#include "workload/shape.hpp"

namespace millrace::workload {
namespace {

struct Row {
  const char* name;
  double peak_flops_per_s, memory_bytes, memory_bytes_per_s, host_copy_bytes_per_s;
  const char* source;
};

constexpr std::array<Row, 5> kAccelerators{{
    {"a100", 312e12, 80e9, 2.039e12, 24e9,
     "NVIDIA A100 80GB SXM datasheet: bf16 312 TFLOP/s dense, 2,039 GB/s"},
    {"b200", 2.25e15, 180e9, 8e12, 55e9,
     "NVIDIA DGX B200 datasheet, one of 8: bf16 2.25 PFLOP/s dense (4.5 with sparsity), 180 GB, 8 TB/s"},
    {"h100", 989.5e12, 80e9, 3.35e12, 55e9,
     "NVIDIA H100 SXM datasheet: bf16 989.5 TFLOP/s dense (1,979 with sparsity), 3.35 TB/s"},
    {"h200", 989.5e12, 141e9, 4.8e12, 55e9,
     "NVIDIA H200 SXM datasheet: bf16 989.5 TFLOP/s dense (1,979 with sparsity), 141 GB, 4.8 TB/s"},
    {"l4", 121e12, 24e9, 300e9, 24e9,
     "NVIDIA L4 datasheet: bf16 121 TFLOP/s dense (242 with sparsity), 300 GB/s"},
}};

}  // namespace

std::optional<Accelerator> known_accelerator(std::string_view name) {
  for (const Row& row : kAccelerators)
    if (row.name == name)
      return Accelerator{row.name,
                         row.peak_flops_per_s,
                         row.memory_bytes,
                         row.memory_bytes_per_s,
                         row.host_copy_bytes_per_s,
                         row.source};
  return std::nullopt;
}

std::vector<std::string> known_accelerators() {
  std::vector<std::string> names;
  for (const Row& row : kAccelerators) names.emplace_back(row.name);
  return names;
}

}  // namespace millrace::workload
