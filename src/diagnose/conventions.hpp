// SPDX-License-Identifier: Apache-2.0
// How a measurement says what it stands for. The plan (src/run) writes these, the diagnosis reads them.
//
// Measurement.label is the model whose access pattern it has ("unet3d"), or for a proof the whole workload
// ("unet3d-h100"); empty: it is general.
//
//   storage.read      label = model: reads the data set's files exactly as that model's pipeline does (block
//                     size, depth, threads), nothing else running. Its throughput is the capacity of the path
//                     from the drives to memory; its counters "worker:user_s" + "worker:system_s" over its
//                     bytes are the CPU-seconds that reading a byte costs.
//                     Data that are spread over several folders have one such measurement of each alone, and
//                     one of each with concurrent_with naming all the others; metric "dataset_bytes" = what
//                     lies there.
//   memory.copy       the capacity of memory for copies (bytes copied; each crosses memory twice).
//   ingest.pipeline   label = model, parameter source = "synthetic", compute = 0: the stages alone. stages[]
//                     give for "prep" and "copy" the thread-seconds per byte: busy_share × threads × wall ÷
//                     bytes, that is, a stage that never waits carries throughput ÷ busy_share.
//   ingest.pipeline   label = workload, source = "cold", compute > 0, parameter "scale" = the factor by which
//                     bytes and compute were divided, "accelerators" = N: the proof. It never feeds its own
//                     prediction.
//   ingest.pipeline   label = workload, source = "cached" | "synthetic", compute > 0: the other two
//                     DS-Analyzer runs.
//
//   ingest.pipeline   parameter "to" = the memories that it ended in, "host" or "gpu:0,gpu:1"; "way" =
//   "direct": past
//                     host memory by GPUDirect Storage, beside the proof and none itself.
//   gpu.copy          label empty, pattern "host-to-device": metrics "host_to_gpuN_bytes_per_s", each GPU's
//   link
//                     alone; "host-to-all": its throughput is what all of them got at once.
//
//   tcp.stream, rdma.read, rdma.write, rdma.send   label = "storage": between this host and the one that
//   serves its
//                     files (`millrace measure tcp.stream --label storage --peer …`, `millrace run --peer …
//                     --peer-is storage`): every record crosses it, towards this host (where that was not
//                     measured, the other way stands in).
//   tcp.latency, rdma.* in their latency mode   label = "network": to who asks for answers, whatever the
//                     distance; "storage": to the storage, on no answer's way; else of an answer's network
//                     where the distance is plausible.
//
// counters are sums over workers and repeats, run alone (no set-up): "worker:bytes" and "worker:operations"
// are what was moved while "worker:user_s" and "worker:system_s" were used. stages[]: shares are means over
// workers and repeats, threads the sum over workers, bytes and cpu_s sums over workers and repeats; the wall
// time is duration_s (all repeats). repeats[].counters have each repeat's own part of these sums, as
// "worker:user_s" and "stage:prep:cpu_s": their scatter is the interval of what CPU time a byte costs.
//
// hosts[].cpu.usable_threads is how many of the threads the workers might use; endpoints[].backing = "memory"
// marks a device whose bytes lie in memory.
//
// metrics of ingest.pipeline: "step_s", "accelerator_utilization_share" (mean over ranks; first step
// excluded).
#pragma once

namespace millrace::diagnose::conventions {

inline constexpr const char* kStorageRead = "storage.read";
inline constexpr const char* kMemoryCopy = "memory.copy";
inline constexpr const char* kPipeline = "ingest.pipeline";
inline constexpr const char* kLinkProbes[] = {"tcp.stream", "rdma.read", "rdma.write", "rdma.send"};
inline constexpr const char* kStorageNetwork = "storage";  // label
inline constexpr const char* kClientNetwork = "network";   // label
inline constexpr const char* kSource = "source";
inline constexpr const char* kCompute = "compute";
inline constexpr const char* kTo = "to";
inline constexpr const char* kWay = "way";
inline constexpr const char* kGpuCopy = "gpu.copy";
inline constexpr const char* kScale = "scale";
inline constexpr const char* kAccelerators = "accelerators";
inline constexpr const char* kUtilizationMetric = "accelerator_utilization_share";
inline constexpr const char* kStepMetric = "step_s";
inline constexpr const char* kDataMetric = "dataset_bytes";
inline constexpr const char* kBytesCounter = "worker:bytes";
inline constexpr const char* kOperationsCounter = "worker:operations";
inline constexpr const char* kUserCounter = "worker:user_s";
inline constexpr const char* kSystemCounter = "worker:system_s";
inline constexpr const char* kCpuPressureCounter = "psi:cpu:some_s";

}  // namespace millrace::diagnose::conventions
