// SPDX-License-Identifier: Apache-2.0
// The state of the driver in this process, its objects, and what every call asks first.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cuda/timeline.hpp"
#include "cuda/vendor.hpp"
#include "machine/machine.hpp"

struct CUctx_st {
  CUdevice device = 0;  // ordinal
  int gpu = 0;          // of the machine
  int retained = 0;
  std::atomic<int> sticky = 0;  // CUresult that every later call returns
  std::set<CUcontext> peers;    // whose memory it may reach
  std::set<CUstream> streams;   // not destroyed
  CUstream default_stream = nullptr;
};

struct CUstream_st {
  CUcontext context = nullptr;
  std::shared_ptr<millrace::standin::cuda::Timeline> timeline;
  CUgraph capture = nullptr;  // into which its operations go instead
  bool is_alive = true;
};

struct CUevent_st {
  CUcontext context = nullptr;
  std::shared_ptr<millrace::standin::cuda::Moment> moment;  // of the last recording; null: never recorded
  bool is_alive = true;
};

struct CUgraph_st {
  std::vector<millrace::standin::cuda::Operation> operations;
};
struct CUgraphExec_st {
  std::vector<millrace::standin::cuda::Operation> operations;
};

namespace millrace::standin::cuda {

// What a fault does to an operation that is played later.
struct Trouble {
  bool hang = false, wrong_data = false;
  double slower = 1;
};

// The devices that CUDA_VISIBLE_DEVICES leaves, as the machine's GPUs in order of their ordinals.
const std::vector<int>& visible_gpus();
bool is_initialised();  // in this process: a fork is not
CUresult initialise();

std::recursive_mutex& lock();  // of contexts, streams, events, host ranges
CUcontext current();           // null: none
std::vector<CUcontext>& context_stack();

// First of every call: is the driver initialised, the context (null: the call needs none) in order, the GPU
// there, and has the machine a fault for this call? A fault that hangs an operation, spoils its data or slows
// it comes back in `trouble`; where the call takes none, a hang hangs the call itself.
CUresult enter(const char* call, CUcontext context, Trouble* trouble = nullptr);
CUresult enter_current(const char* call, Trouble* trouble = nullptr);  // CUDA_ERROR_INVALID_CONTEXT: none is
CUresult enter_without_context(const char* call);

// "CUDA_ERROR_ECC_UNCORRECTABLE"; nothing for a name that is none.
std::optional<CUresult> result_named(const std::string& name);

// Says on stderr what a program did wrong, and gives back what the vendor's driver would.
CUresult misuse(CUresult result, const std::string& what);

// The stream (null: the context's own), if it is alive and of this context.
CUresult find_stream(CUstream given, CUcontext context, CUstream& stream);
// Into its timeline, or the graph that it captures.
void add(CUstream stream, Operation operation);

[[noreturn]] void hang();

}  // namespace millrace::standin::cuda
