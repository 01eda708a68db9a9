// SPDX-License-Identifier: Apache-2.0
// A language model's shape and an accelerator's figures: what the arithmetic of a workload stands on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::workload {

// A decoder-only transformer. Of a model that is not one, parameters alone may be known (layers is 0).
struct Shape {
  double parameters = 0;         // N, of the whole model
  double active_parameters = 0;  // that one token passes: N, but less in a mixture of experts
  double expert_parameters = 0;  // part of N that lies in routed experts; 0: no mixture of experts
  int layers = 0, hidden = 0, heads = 0, kv_heads = 0, head_dim = 0;
  int expert_layers = 0, experts = 0, experts_per_token = 0;  // routed experts of each of `expert_layers`
  double kv_elements_per_token = 0;  // of all layers, where attention is not by heads (MLA); 0: by kv_heads

  // Keys and values that one token leaves in all layers, bytes: 2 · layers · kv_heads · head_dim · bytes per
  // element (reference section 8), or kv_elements_per_token · bytes per element.
  [[nodiscard]] double kv_bytes_per_token(double bytes_per_element) const {
    const double elements =
        kv_elements_per_token > 0 ? kv_elements_per_token : 2.0 * layers * kv_heads * head_dim;
    return elements * bytes_per_element;
  }
};

struct Accelerator {
  std::string name;             // "h100"
  double peak_flops_per_s = 0;  // bf16, dense (without structured sparsity)
  double memory_bytes = 0;
  double memory_bytes_per_s = 0;  // read rate of its own memory
  double host_copy_bytes_per_s =
      0;  // to and from its host's memory, each way, as seen in public (reference section 9)
  std::string source;
};

// By NVIDIA's datasheets (accelerators.cpp); nothing for an unknown name.
std::optional<Accelerator> known_accelerator(std::string_view name);
std::vector<std::string> known_accelerators();

}  // namespace millrace::workload
