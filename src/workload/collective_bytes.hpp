// SPDX-License-Identifier: Apache-2.0
// What one rank sends in a training step, by reference section 8. Pure arithmetic: bytes in, bytes out.
#pragma once

namespace millrace::workload {

// Ring over n members of an array of S bytes: reduce-scatter or all-gather S(n−1)/n, all-reduce both
// (nccl-tests doc/PERFORMANCE.md).
double ring_pass_bytes(double array_bytes, double members);
double ring_all_reduce_bytes(double array_bytes, double members);

// Gradients and weights of a data-parallel rank that holds `parameters` of them: stage 0 all-reduces
// gradients; 1 and 2 reduce-scatter gradients and gather weights; 3 gathers the weights in the forward and in
// the backward pass and reduce-scatters gradients (Rajbhandari et al. 2020, "ZeRO", section 7: 2Ψ, 2Ψ, 3Ψ).
double data_parallel_bytes(double parameters, double members, int zero_stage, double gradient_bytes,
                           double weight_bytes);

// Two all-reduces per layer in the forward pass and two in the backward pass, each of tokens × hidden
// elements; with recomputation the forward ones once more (Shoeybi et al. 2019, "Megatron-LM", section 3).
// `tokens` of one replica and step, `layers` of one rank.
double tensor_parallel_bytes(double tokens, double hidden, double layers, double members,
                             double element_bytes, bool recompute);

// Activations of every token over one boundary, one way; each of `tensor` ranks sends its part (Narayanan et
// al. 2021, section 4.1, scatter/gather). The backward pass sends as much the other way.
double pipeline_bytes(double tokens, double hidden, double tensor, double element_bytes);

// Ring attention: a rank's keys and values go round all members, once forward; backward, they and their
// gradients (Liu et al. 2023). `kv_bytes` of one rank's tokens and layers.
double context_parallel_bytes(double kv_bytes, double members);

// Every token goes to `experts_per_token` experts and back, forward and backward: four all-to-alls (Lepikhin
// et al. 2020, "GShard"), of which 1/n stays at home. `tokens` of one rank, `layers` of one rank that have
// experts.
double expert_parallel_bytes(double tokens, double hidden, double experts_per_token, double layers,
                             double members, double element_bytes);

}  // namespace millrace::workload
