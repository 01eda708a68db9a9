// SPDX-License-Identifier: Apache-2.0
// Both ends of a probe that needs several ranks, each in a thread of the test: a small core that lets them
// exchange, starts them together, and stops all when one fails. Hosts past the first have the addresses
// 127.0.0.2, 127.0.0.3 …, all of which are this machine's.
//
//   Ends ends("tcp.stream", {{"streams", "4"}});
//   const std::vector<Measured> m = ends.measure(200ms);
//   EXPECT_GT(m[1].bytes, 0u);
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "in_process_host.hpp"
#include "millrace/module_abi.h"

namespace millrace::testing {

class Ends {
 public:
  using Parameters = InProcessHost::Parameters;
  using Millis = std::chrono::milliseconds;

  // One host has two ranks on it; several have one each.
  Ends(const std::string& probe, const Parameters& parameters, int hosts = 1);
  ~Ends();
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;

  // Something else takes the rank's place; it has the same services.
  void replace(int rank, std::function<void(const millrace_host&)> stranger);
  // What `from` exchanges is changed on its way.
  void rewrite(std::function<std::string(int from, std::string text)> change) {
    rewrite_ = std::move(change);
  }
  void when_opened(int rank, std::function<void()> action);
  void never_stop(int rank);  // not told to stop, whatever happens
  void stop_after(int rank, Millis time);
  void hang(int rank, Millis time);  // between open and run, while the others run

  // At least so long; longer until there are some operations to speak of.
  std::vector<Measured> measure(Millis time);
  Measured describe(int host = 0);

 private:
  struct Rank;

  void live(Rank& rank);
  void stop_all();
  std::int32_t exchange(Rank& rank, const std::string& mine, char* all, std::size_t stride,
                        std::size_t* sizes, std::int64_t timeout_ns);
  bool wait_for_all();
  millrace_host table(Rank& rank) const;

  const millrace_probe* probe_ = nullptr;
  std::map<std::string, std::string> parameters_;
  int hosts_;
  std::vector<std::unique_ptr<Rank>> ranks_;
  std::function<std::string(int, std::string)> rewrite_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, std::string> offered_;  // of the exchange that is going on
  std::vector<std::string> answered_;   // of the last one
  std::uint64_t exchanges_ = 0;
  int opened_ = 0;
  std::atomic<std::uint64_t> operations_{0};
  std::int64_t begin_ns_ = 0;
};

}  // namespace millrace::testing
