// SPDX-License-Identifier: Apache-2.0
// All_reduce by Gloo and nothing else: what gloo.all_reduce is compared with. Ranks are processes on this
// host; the sum of floats, out of place, by a ring over loopback.
//   gloo_loop RANKS BYTES SECONDS
// prints the algorithm bandwidth in bytes per second, of rank 0's loop after two warm-up calls.
#include <gloo/allreduce.h>
#include <gloo/broadcast.h>
#include <gloo/math.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/file_store.h>
#include <gloo/transport/tcp/device.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Every rank runs as many as rank 0 says.
std::uint64_t agreed(const std::shared_ptr<gloo::Context>& context, std::uint64_t count) {
  gloo::BroadcastOptions options(context);
  options.setOutput(&count, 1);
  options.setRoot(0);
  options.setTag(2);
  gloo::broadcast(options);
  return count;
}

int run(int rank, int ranks, std::size_t bytes, double seconds, const std::string& folder) {
  gloo::rendezvous::FileStore store(folder);
  auto device = gloo::transport::tcp::CreateDevice("127.0.0.1");
  auto context = std::make_shared<gloo::rendezvous::Context>(rank, ranks);
  context->connectFullMesh(store, device);

  const std::size_t count = bytes / sizeof(float);
  std::vector<float> input(count, 1), output(count, 0);
  gloo::AllreduceOptions options(context);
  options.setInput(input.data(), count);
  options.setOutput(output.data(), count);
  options.setReduceFunction(
      static_cast<void (*)(void*, const void*, const void*, std::size_t)>(&gloo::sum<float>));
  options.setAlgorithm(gloo::AllreduceOptions::Algorithm::RING);
  options.setTag(1);

  gloo::allreduce(options);
  const auto trial = Clock::now();
  gloo::allreduce(options);
  const double once = std::max(since(trial), 1e-9);
  const std::uint64_t times =
      agreed(context, std::max<std::uint64_t>(static_cast<std::uint64_t>(seconds / once), 1));
  const auto begin = Clock::now();
  for (std::uint64_t i = 0; i < times; ++i) gloo::allreduce(options);
  const double took = since(begin);
  if (output.front() != static_cast<float>(ranks)) {
    std::fprintf(stderr, "gloo_loop: the sum is wrong\n");
    return 1;
  }
  if (rank == 0) std::printf("%.6e\n", static_cast<double>(times * count * sizeof(float)) / took);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "gloo_loop RANKS BYTES SECONDS\n");
    return 2;
  }
  const int ranks = std::atoi(argv[1]);
  const std::size_t bytes = std::strtoull(argv[2], nullptr, 10);
  std::string folder = std::filesystem::temp_directory_path() / "gloo-loop-XXXXXX";
  if (ranks < 2 || bytes < sizeof(float) || mkdtemp(folder.data()) == nullptr) return 2;
  int rank = 0;
  for (int child = 1; child < ranks && rank == 0; ++child)
    if (fork() == 0) rank = child;
  if (rank != 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  int failed = 1;
  try {
    failed = run(rank, ranks, bytes, std::atof(argv[3]), folder);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gloo_loop: rank %d: %s\n", rank, error.what());
  }
  if (rank != 0) _exit(failed);
  int status = 0;
  while (wait(&status) > 0) failed |= status;
  std::filesystem::remove_all(folder);
  return failed == 0 ? 0 : 1;
}
