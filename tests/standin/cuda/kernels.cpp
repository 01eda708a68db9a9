// SPDX-License-Identifier: Apache-2.0
#include "cuda/kernels.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>

#include "cuda/copy.hpp"
#include "cuda/host_ranges.hpp"
#include "machine/gpu_memory.hpp"

namespace millrace::standin::cuda {
namespace {

using Address = std::uint64_t;

template <typename T>
T argument(void** arguments, int index) {
  T value{};
  std::memcpy(&value, arguments[index], sizeof value);
  return value;
}

// Whether this context's kernels may touch all of it: its own memory, a peer's after cuCtxEnablePeerAccess,
// or pinned host memory.
bool reaches(CUcontext context, Address address, std::uint64_t size) {
  const std::lock_guard guard(lock());
  if (const int gpu = GpuMemory::instance().gpu_of(address); gpu >= 0) {
    const auto range = GpuMemory::instance().find(address);
    const bool opened =
        gpu == context->gpu || std::any_of(context->peers.begin(), context->peers.end(),
                                           [gpu](CUcontext peer) { return peer->gpu == gpu; });
    return opened && range && address + size <= range->begin + range->size;
  }
  const auto range = find_host_range(address);
  return range && address + size <= range->begin + range->size;
}

// An operation that ends the context instead, when one of the ranges is out of reach.
struct Touched {
  Address address;
  std::uint64_t size;
};
Operation checked(CUcontext context, const std::vector<Touched>& ranges, const Trouble& trouble,
                  const Operation& play) {
  return [=](std::int64_t ready_ns) {
    if (trouble.hang) hang();
    for (const Touched& range : ranges)
      if (!reaches(context, range.address, range.size)) {
        context->sticky =
            misuse(CUDA_ERROR_ILLEGAL_ADDRESS, "a kernel touched memory that its GPU cannot reach");
        return ready_ns;
      }
    return context->sticky != 0 ? ready_ns : play(ready_ns);
  };
}

// gate(const unsigned* go, unsigned* gave_up, unsigned long long timeout_ns)
Operation gate(CUcontext context, void** arguments, const Trouble& trouble) {
  const auto go = argument<Address>(arguments, 0), gave_up = argument<Address>(arguments, 1);
  const auto timeout_ns = static_cast<std::int64_t>(argument<std::uint64_t>(arguments, 2));
  return checked(context, {{go, 4}, {gave_up, 4}}, trouble, [=](std::int64_t ready_ns) {
    const std::int64_t begin_ns = std::max(ready_ns, now_ns());
    while (__atomic_load_n(reinterpret_cast<const unsigned*>(go), __ATOMIC_ACQUIRE) == 0) {
      if (now_ns() - begin_ns > timeout_ns) {
        __atomic_store_n(reinterpret_cast<unsigned*>(gave_up), 1U, __ATOMIC_RELEASE);
        break;
      }
      sleep_until(now_ns() + 50'000);
    }
    return now_ns();
  });
}

// copy(uint4* to, const uint4* from, unsigned long long count)
Operation copy_by_kernel(CUcontext context, void** arguments, const Trouble& trouble) {
  const auto to = argument<Address>(arguments, 0), from = argument<Address>(arguments, 1);
  const std::uint64_t size = argument<std::uint64_t>(arguments, 2) * 16;
  return checked(context, {{to, size}, {from, size}}, trouble, [=](std::int64_t ready_ns) {
    Copy copy;
    copy.trouble = trouble;
    return plan_copy(nullptr, to, from, size, copy) == CUDA_SUCCESS ? play_copy(copy, ready_ns) : ready_ns;
  });
}

std::int64_t move_own(int gpu, std::uint64_t size, std::int64_t ready_ns, const Trouble& trouble) {
  Machine& machine = Machine::instance();
  const Path path = machine.gpu_memory(gpu);
  machine.gpu(gpu).bytes_memory += size;
  return machine.transfer(path, size, ready_ns, trouble.slower);
}

// read(const uint4* from, unsigned long long count, unsigned* sink)
Operation read(CUcontext context, void** arguments, const Trouble& trouble) {
  const auto from = argument<Address>(arguments, 0), sink = argument<Address>(arguments, 2);
  const std::uint64_t size = argument<std::uint64_t>(arguments, 1) * 16;
  return checked(context, {{from, size}, {sink, 4}}, trouble,
                 [=](std::int64_t ready_ns) { return move_own(context->gpu, size, ready_ns, trouble); });
}

// write(uint4* to, unsigned long long count, unsigned value)
Operation write(CUcontext context, void** arguments, const Trouble& trouble) {
  const auto to = argument<Address>(arguments, 0);
  const std::uint64_t size = argument<std::uint64_t>(arguments, 1) * 16;
  const auto value = argument<unsigned>(arguments, 2);
  return checked(context, {{to, size}}, trouble, [=](std::int64_t ready_ns) {
    std::fill_n(reinterpret_cast<unsigned*>(to), size / 4, value);
    if (trouble.wrong_data && size > 0) *reinterpret_cast<unsigned*>(to) ^= 1U;
    return move_own(context->gpu, size, ready_ns, trouble);
  });
}

// chase(const unsigned long long* start, unsigned long long steps, unsigned long long* out): out = {ns, last
// address}
Operation chase(CUcontext context, void** arguments, const Trouble& trouble) {
  const auto start = argument<Address>(arguments, 0), out = argument<Address>(arguments, 2);
  const auto steps = argument<std::uint64_t>(arguments, 1);
  return checked(context, {{start, 8}, {out, 16}}, trouble, [=](std::int64_t ready_ns) {
    const GpuDescription& own =
        Machine::instance().description().gpus[static_cast<std::size_t>(context->gpu)];
    const int there = GpuMemory::instance().gpu_of(start);
    const std::int64_t each_ns = there < 0               ? own.host_latency_ns
                                 : there == context->gpu ? own.memory_latency_ns
                                                         : own.peer_latency_ns;
    Address at = start;
    for (std::uint64_t i = 0; i < steps; ++i) at = *reinterpret_cast<const Address*>(at);
    const auto took_ns =
        static_cast<std::int64_t>(static_cast<double>(each_ns) * static_cast<double>(steps) * trouble.slower);
    sleep_until(ready_ns + took_ns);
    reinterpret_cast<std::uint64_t*>(out)[0] = static_cast<std::uint64_t>(took_ns);
    reinterpret_cast<std::uint64_t*>(out)[1] = trouble.wrong_data ? at + 8 : at;
    return ready_ns + took_ns;
  });
}

// busy(unsigned long long ns, unsigned long long* took_ns)
Operation busy(CUcontext context, void** arguments, const Trouble& trouble) {
  const auto ns = argument<std::uint64_t>(arguments, 0);
  const auto out = argument<Address>(arguments, 1);
  return checked(context, {{out, 8}}, trouble, [=](std::int64_t ready_ns) {
    const auto took_ns = static_cast<std::int64_t>(static_cast<double>(ns) * trouble.slower);
    Machine::instance().gpu(context->gpu).busy_ns += took_ns;
    sleep_until(ready_ns + took_ns);
    *reinterpret_cast<std::uint64_t*>(out) = static_cast<std::uint64_t>(took_ns);
    return ready_ns + took_ns;
  });
}

using Plan = Operation (*)(CUcontext, void**, const Trouble&);
const std::map<std::string, Plan>& kernels() {
  static const auto* const all = new std::map<std::string, Plan>{
      {"millrace_gate", gate}, {"millrace_copy", copy_by_kernel}, {"millrace_copy_own", copy_by_kernel},
      {"millrace_read", read}, {"millrace_write", write},         {"millrace_chase", chase},
      {"millrace_busy", busy}};
  return *all;
}

}  // namespace

bool is_known_kernel(const std::string& name) { return kernels().contains(name); }

CUresult plan_kernel(const std::string& name, CUcontext context, void** arguments, const Trouble& trouble,
                     Operation& play) {
  if (arguments == nullptr) return CUDA_ERROR_INVALID_VALUE;
  play = kernels().at(name)(context, arguments, trouble);
  return CUDA_SUCCESS;
}

}  // namespace millrace::standin::cuda
