// SPDX-License-Identifier: Apache-2.0
// What the GPU itself runs: copies by its multiprocessors, reads and writes of its memory, a pointer chase, a
// gate that holds a stream until everything is queued behind it, and a way to keep it busy. Compiled to a fat
// binary and loaded through the driver API; no CUDA runtime. tests/standin/cuda/kernels.cpp plays them by
// these names and arguments.

// Nanoseconds of the GPU's global timer (PTX ISA, "Special Registers: %globaltimer"): its resolution is a
// microsecond or better, and all multiprocessors share it.
static __device__ unsigned long long timer_ns() {
  unsigned long long now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
}

// Ends when *go, in pinned host memory, is not 0; after the time-out *gave_up becomes 1, so that a host that
// died leaves no kernel behind.
extern "C" __global__ void millrace_gate(const volatile unsigned* go, volatile unsigned* gave_up,
                                         unsigned long long timeout_ns) {
  const unsigned long long begin = timer_ns();
  while (*go == 0) {
    if (timer_ns() - begin > timeout_ns) {
      *gave_up = 1;
      return;
    }
    __nanosleep(200);
  }
}

// count: of 16-byte words. Each thread has eight loads on their way before it stores the first: enough to
// cover the latency of a link (Little's law) with a block of 512 threads on each multiprocessor.
constexpr int kInFlight = 8;
extern "C" __global__ void __launch_bounds__(512)
    millrace_copy(uint4* __restrict__ to, const uint4* __restrict__ from, unsigned long long count) {
  const unsigned long long threads = static_cast<unsigned long long>(gridDim.x) * blockDim.x;
  unsigned long long at = static_cast<unsigned long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (; at + (kInFlight - 1) * threads < count; at += kInFlight * threads) {
    uint4 words[kInFlight];
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) words[i] = __ldcs(from + at + i * threads);
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) __stcs(to + at + i * threads, words[i]);
  }
  for (; at < count; at += threads) __stcs(to + at, __ldcs(from + at));
}

// Within one GPU's memory, where there is no link to keep full: one word a thread and as many blocks as it
// takes, which the GPU works off in the order of addresses. On an H200 4.27 TB/s (read and written; the copy
// engine: 4.22), where the loop above reaches 3.96 and no other shape of it that was tried more than 4.06.
extern "C" __global__ void __launch_bounds__(256)
    millrace_copy_own(uint4* __restrict__ to, const uint4* __restrict__ from, unsigned long long count) {
  const unsigned long long at = static_cast<unsigned long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at < count) __stcs(to + at, __ldcs(from + at));
}

// The sum goes to *sink only if it has a value that it never has in practice: the compiler cannot leave out
// the reads.
extern "C" __global__ void __launch_bounds__(512)
    millrace_read(const uint4* __restrict__ from, unsigned long long count, unsigned* sink) {
  const unsigned long long threads = static_cast<unsigned long long>(gridDim.x) * blockDim.x;
  unsigned long long at = static_cast<unsigned long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  unsigned sum = 0;
  for (; at + (kInFlight - 1) * threads < count; at += kInFlight * threads) {
    uint4 words[kInFlight];
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) words[i] = __ldcs(from + at + i * threads);
#pragma unroll
    for (int i = 0; i < kInFlight; ++i) sum += words[i].x ^ words[i].y ^ words[i].z ^ words[i].w;
  }
  for (; at < count; at += threads) {
    const uint4 word = __ldcs(from + at);
    sum += word.x ^ word.y ^ word.z ^ word.w;
  }
  if (sum == 0xDEADBEEFu) *sink = sum;
}

extern "C" __global__ void __launch_bounds__(512)
    millrace_write(uint4* to, unsigned long long count, unsigned value) {
  const unsigned long long threads = static_cast<unsigned long long>(gridDim.x) * blockDim.x;
  const uint4 word = make_uint4(value, value, value, value);
  for (unsigned long long at = static_cast<unsigned long long>(blockIdx.x) * blockDim.x + threadIdx.x;
       at < count; at += threads)
    __stcs(to + at, word);
}

// Each word holds the address of the next. One thread; volatile, so that every step asks the memory itself.
// out[0]: nanoseconds, out[1]: the address it ended at.
extern "C" __global__ void millrace_chase(const unsigned long long* start, unsigned long long steps,
                                          unsigned long long* out) {
  unsigned long long at = reinterpret_cast<unsigned long long>(start);
  const unsigned long long begin = timer_ns();
  for (unsigned long long i = 0; i < steps; ++i)
    at = *reinterpret_cast<const volatile unsigned long long*>(at);
  const unsigned long long end = timer_ns();
  out[0] = end - begin;
  out[1] = at;
}

// Computes for a time, on as many multiprocessors as there are blocks. took_ns: of the first block.
extern "C" __global__ void millrace_busy(unsigned long long ns, unsigned long long* took_ns) {
  const unsigned long long begin = timer_ns();
  float value = static_cast<float>(threadIdx.x);
  unsigned long long now = begin;
  while (now - begin < ns) {
#pragma unroll 64
    for (int i = 0; i < 256; ++i) value = fmaf(value, 1.0000001f, 0.5f);
    now = timer_ns();
  }
  if (blockIdx.x == 0 && threadIdx.x == 0) *took_ns = now - begin;
  if (value == 12345.678f) *took_ns = 0;  // so that the arithmetic is not left out
}
