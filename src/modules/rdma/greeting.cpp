// SPDX-License-Identifier: Apache-2.0
#include "modules/rdma/greeting.hpp"

#include <cstring>
#include <type_traits>

namespace millrace::rdma {
namespace {

constexpr std::uint32_t kMagic = 0x4d52'4431;  // "MRD1"
constexpr std::uint32_t kMostText = 64, kMostGids = 256, kMostQueuePairs = 2048;

class Writer {
 public:
  template <typename T>
  void put(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_text(const std::string& text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  template <typename T>
  void put_all(const std::vector<T>& values) {
    put(static_cast<std::uint32_t>(values.size()));
    for (const T& value : values) put(value);
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Every read is bounded; after the first that was not to be had, all fail.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <typename T>
  void get(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (!has(sizeof value)) return;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
  }
  void get_text(std::string& text) {
    std::uint32_t size = 0;
    get(size);
    if (size > kMostText || !has(size)) return fail();
    text = rest_.substr(0, size);
    rest_.remove_prefix(size);
  }
  template <typename T>
  void get_all(std::vector<T>& values, std::uint32_t most) {
    std::uint32_t count = 0;
    get(count);
    if (count > most || !has(count * sizeof(T))) return fail();
    values.resize(count);
    for (T& value : values) get(value);
  }
  [[nodiscard]] bool is_whole() const { return good_ && rest_.empty(); }

 private:
  bool has(std::size_t size) {
    if (rest_.size() < size) fail();
    return good_;
  }
  void fail() { good_ = false; }

  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::string to_bytes(const Greeting& g) {
  Writer out;
  out.put(kMagic);
  out.put_text(g.role);
  out.put_text(g.device);
  for (const std::uint32_t number : {g.host, g.port, g.mtu, g.lid, g.reads_as_initiator, g.reads_as_responder,
                                     std::uint32_t{g.infiniband}, std::uint32_t{g.reports_counters}})
    out.put(number);
  out.put(g.messages);
  out.put(g.control);
  out.put_all(g.gids);
  out.put_all(g.queue_pairs);
  return out.take();
}

std::optional<Greeting> greeting_from(std::string_view bytes) {
  Reader in(bytes);
  Greeting g;
  std::uint32_t magic = 0, infiniband = 0, reports_counters = 0;
  in.get(magic);
  if (magic != kMagic) return std::nullopt;
  in.get_text(g.role);
  in.get_text(g.device);
  for (std::uint32_t* number : {&g.host, &g.port, &g.mtu, &g.lid, &g.reads_as_initiator,
                                &g.reads_as_responder, &infiniband, &reports_counters})
    in.get(*number);
  in.get(g.messages);
  in.get(g.control);
  in.get_all(g.gids, kMostGids);
  in.get_all(g.queue_pairs, kMostQueuePairs);
  if (!in.is_whole()) return std::nullopt;
  g.infiniband = infiniband != 0;
  g.reports_counters = reports_counters != 0;
  return g;
}

}  // namespace millrace::rdma
