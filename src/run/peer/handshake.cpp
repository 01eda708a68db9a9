// SPDX-License-Identifier: Apache-2.0
#include "run/peer/handshake.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sodium.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "run/interrupt.hpp"
#include "run/shared_state.hpp"

namespace millrace::run::peer {
namespace {

constexpr std::int64_t kPatience_ns = 5'000'000'000;      // with a caller that does not go on
constexpr std::int64_t kRefusalDelay_ns = 1'000'000'000;  // so that guessing takes its time

constexpr std::size_t kNonce = 32, kPublic = crypto_kx_PUBLICKEYBYTES;
constexpr std::size_t kHeader = crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr std::size_t kProof = crypto_auth_BYTES;
constexpr std::string_view kMagic = "MILLRACE";
constexpr std::size_t kVersion = 32;
constexpr std::size_t kHead = 8 + 4 + 4 + kVersion;  // the same in every protocol
constexpr std::size_t kHello = kHead + kNonce + kPublic;
static_assert(kHead == 48);

enum class Answer : std::uint32_t { kFree = 0, kBusy = 1, kOtherProtocol = 2 };

struct Hello {
  std::uint32_t protocol = kProtocol;
  Answer answer = Answer::kFree;
  std::string version = MILLRACE_VERSION;
  std::string nonce, key;
};

void put(std::string& out, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

std::uint32_t get(std::string_view in, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(in[at + i]);
  return value;
}

std::string encode(const Hello& hello) {
  std::string out(kMagic);
  put(out, hello.protocol);
  put(out, static_cast<std::uint32_t>(hello.answer));
  out += hello.version.substr(0, kVersion);
  out.resize(kHead);
  return out + hello.nonce + hello.key;
}

// A head alone, or a whole one.
std::optional<Hello> decode(std::string_view in) {
  if (in.size() < kHead || !in.starts_with(kMagic)) return std::nullopt;
  Hello hello;
  hello.protocol = get(in, 8);
  hello.answer = static_cast<Answer>(get(in, 12));
  hello.version.clear();
  // It goes to a terminal: nothing but what a version number is made of.
  constexpr std::string_view kLetters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+";
  for (const char c : in.substr(16, kVersion))
    if (kLetters.find(c) != std::string_view::npos) hello.version.push_back(c);
  if (in.size() < kHello) return hello;
  hello.nonce = in.substr(kHead, kNonce);
  hello.key = in.substr(kHead + kNonce);
  return hello;
}

unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* raw(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct Keys {
  std::string secret, open;
};

Keys make_keys() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium finds no source of random numbers");
  Keys keys{std::string(crypto_kx_SECRETKEYBYTES, '\0'), std::string(kPublic, '\0')};
  crypto_kx_keypair(raw(keys.open), raw(keys.secret));
  return keys;
}

std::string make_nonce() {
  std::string nonce(kNonce, '\0');
  randombytes_buf(nonce.data(), nonce.size());
  return nonce;
}

std::string proof_of(const char* who, const std::string& hellos, const Token& token) {
  const std::string what = who + hellos;
  std::string proof(kProof, '\0');
  const auto key = token.key();
  static_assert(crypto_auth_KEYBYTES == 32);
  crypto_auth(raw(proof), raw(what), what.size(), key.data());
  return proof;
}

bool is_proof(const std::string& proof, const char* who, const std::string& hellos, const Token& token) {
  return sodium_memcmp(proof.data(), proof_of(who, hellos, token).data(), kProof) == 0;
}

struct SessionKeys {
  std::array<unsigned char, 32> receive{}, send{};
};

// Nothing when the other's public key is none.
std::optional<SessionKeys> session_keys(bool asking, const std::string& secret, const std::string& own,
                                        const std::string& other, const std::string& hellos,
                                        const Token& token) {
  std::array<unsigned char, crypto_kx_SESSIONKEYBYTES> receive{}, send{};
  const int failed =
      asking ? crypto_kx_client_session_keys(receive.data(), send.data(), raw(own), raw(secret), raw(other))
             : crypto_kx_server_session_keys(receive.data(), send.data(), raw(own), raw(secret), raw(other));
  if (failed != 0) return std::nullopt;
  SessionKeys keys;
  const auto token_key = token.key();
  const auto mix = [&](const auto& from, auto& into) {
    std::string what(reinterpret_cast<const char*>(from.data()), from.size());
    what += hellos;
    crypto_generichash(into.data(), into.size(), raw(what), what.size(), token_key.data(), token_key.size());
    sodium_memzero(what.data(), what.size());
  };
  mix(receive, keys.receive);
  mix(send, keys.send);
  return keys;
}

std::string public_of(const std::string& hello) { return hello.substr(kHead + kNonce); }

// False when it cannot be sent at once: so few bytes always can, on a connection that lives.
bool say(int fd, const std::string& bytes) {
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size());
}

// All `size` bytes; fewer when the other end closed, time is over or a signal came.
std::string hear(int fd, std::size_t size, std::int64_t deadline) {
  std::string in;
  while (in.size() < size && !was_interrupted()) {
    const std::int64_t left = (deadline - monotonic_ns()) / 1'000'000;
    pollfd waiting{fd, POLLIN, 0};
    const int ready = left <= 0 ? 0 : poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    char buffer[256];
    const ssize_t got = recv(fd, buffer, std::min(size - in.size(), sizeof(buffer)), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) break;
    in.append(buffer, static_cast<std::size_t>(got));
  }
  return in;
}

tl::unexpected<Error> no_peer(const Address& address, bool silent) {
  if (was_interrupted()) return failure("interrupted", "", Exit::kInterrupted);
  return failure(
      silent ? fmt::format("what listens at {} does not answer as a peer of Millrace", to_text(address))
             : fmt::format("{} closed the connection before it proved itself", to_text(address)),
      "does `millrace peer --listen` run there, on this address and port?", Exit::kInconclusive);
}

std::string speaks(const Hello& hello) {
  return fmt::format("protocol {} (millrace {})", hello.protocol, hello.version);
}

std::optional<Error> refusal(const Hello& theirs, const Address& address) {
  if (theirs.protocol != kProtocol || theirs.answer == Answer::kOtherProtocol)
    return Error{
        fmt::format("the peer {} speaks {}, this one {}", to_text(address), speaks(theirs), speaks(Hello{})),
        "install the same version of millrace on both hosts", Exit::kInconclusive};
  if (theirs.answer == Answer::kBusy)
    return Error{fmt::format("the peer {} serves another session", to_text(address)),
                 "try again when that one is over: a peer takes one at a time", Exit::kInconclusive};
  return std::nullopt;
}

}  // namespace

Result<Connection> call(const Address& address, const Token& token, Duration timeout) {
  auto socket = connect_to(address, timeout);
  if (!socket) {
    if (was_interrupted()) return failure("interrupted", "", Exit::kInterrupted);
    return tl::unexpected(socket.error());
  }
  const std::int64_t deadline = monotonic_ns() + timeout.ns;
  const Keys keys = make_keys();
  Hello mine;
  mine.nonce = make_nonce();
  mine.key = keys.open;
  const std::string asked = encode(mine);
  say(socket->fd(), asked);
  std::string answered = hear(socket->fd(), kHead, deadline);
  auto theirs = decode(answered);
  if (!theirs) return no_peer(address, true);
  if (const auto refused = refusal(*theirs, address)) return tl::unexpected(*refused);
  answered += hear(socket->fd(), kHello - kHead, deadline);
  theirs = decode(answered);
  if (!theirs || theirs->key.empty()) return no_peer(address, true);

  const std::string hellos = asked + answered;
  const auto session = session_keys(true, keys.secret, keys.open, theirs->key, hellos, token);
  if (!session) return no_peer(address, true);
  Connection::Stream sealing;
  Connection::Stream opening;
  std::string header(kHeader, '\0');
  crypto_secretstream_xchacha20poly1305_init_push(&sealing, raw(header), session->send.data());
  say(socket->fd(), proof_of("asker", hellos, token) + header);
  const std::string verdict = hear(socket->fd(), 1, deadline);
  if (verdict.empty()) return no_peer(address, false);
  if (verdict[0] != 1)
    return failure(fmt::format("the peer {} refused the token", to_text(address)),
                   "give the token that this peer printed last; each is good for one session");
  const std::string theirs_too = hear(socket->fd(), kProof + kHeader, deadline);
  if (theirs_too.size() != kProof + kHeader) return no_peer(address, false);
  if (!is_proof(theirs_too, "peer", hellos, token))
    return failure(fmt::format("what answers at {} does not know the token", to_text(address)),
                   "it is not the peer that printed it: do not trust it", Exit::kInconclusive);
  crypto_secretstream_xchacha20poly1305_init_pull(&opening, raw(theirs_too) + kProof,
                                                  session->receive.data());
  return Connection(std::move(*socket), sealing, opening);
}

Caller::Caller(Socket socket, bool busy, std::int64_t now_ns)
    : socket_(std::move(socket)),
      name_(to_text(other_end(socket_))),
      busy_(busy),
      deadline_ns_(now_ns + kPatience_ns) {}

Connection Caller::take() { return std::move(session_.value()); }

// True once so many bytes are there; over_ when the other end is gone.
bool Caller::read_up_to(std::size_t size) {
  while (in_.size() < size) {
    char buffer[256];
    const ssize_t got = recv(fd(), buffer, std::min(size - in_.size(), sizeof(buffer)), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (got <= 0) {
      over_ = true;
      return false;
    }
    in_.append(buffer, static_cast<std::size_t>(got));
  }
  return true;
}

Caller::State Caller::advance(const Token& token, std::int64_t now_ns) {
  if (refuse_at_ns_ != 0) {
    if (now_ns < refuse_at_ns_) return State::kTalking;
    say(fd(), std::string(1, '\0'));
    return State::kGone;
  }
  if (now_ns > deadline_ns_) return State::kGone;
  if (!greeted_) {
    // Whoever is no millrace is not kept: its first bytes show it.
    const bool head = read_up_to(kHead);
    if (over_ || !kMagic.starts_with(std::string_view(in_).substr(0, kMagic.size()))) return State::kGone;
    if (!head) return State::kTalking;
    const bool foreign = get(in_, 8) != kProtocol;
    return foreign || read_up_to(kHello) ? greet() : (over_ ? State::kGone : State::kTalking);
  }
  const bool whole = read_up_to(kProof + kHeader);
  if (over_) return State::kGone;
  return whole ? judge(token, now_ns) : State::kTalking;
}

Caller::State Caller::greet() {
  const std::string asked = std::exchange(in_, {});
  const auto theirs = decode(asked);
  if (!theirs) return State::kGone;
  version_ = theirs->version;
  const Keys keys = make_keys();
  secret_key_ = keys.secret;
  Hello mine;
  if (theirs->protocol != kProtocol)
    mine.answer = Answer::kOtherProtocol;
  else if (busy_)
    mine.answer = Answer::kBusy;
  mine.nonce = make_nonce();
  mine.key = keys.open;
  const std::string answer = encode(mine);
  hellos_ = asked + answer;
  greeted_ = true;
  const bool said = say(fd(), answer);
  if (mine.answer == Answer::kOtherProtocol)
    remark_ = fmt::format("it speaks {}, this one {}", speaks(*theirs), speaks(Hello{}));
  else if (busy_)
    remark_ = "it was told to come back when this session is over";
  return said && mine.answer == Answer::kFree ? State::kTalking : State::kGone;
}

Caller::State Caller::judge(const Token& token, std::int64_t now_ns) {
  if (!is_proof(in_, "asker", hellos_, token)) {
    refuse_at_ns_ = now_ns + kRefusalDelay_ns;
    return State::kWrongToken;
  }
  const auto session = session_keys(false, secret_key_, public_of(hellos_.substr(kHello)),
                                    public_of(hellos_.substr(0, kHello)), hellos_, token);
  if (!session) return State::kGone;
  Connection::Stream sealing;
  Connection::Stream opening;
  std::string header(kHeader, '\0');
  crypto_secretstream_xchacha20poly1305_init_push(&sealing, raw(header), session->send.data());
  crypto_secretstream_xchacha20poly1305_init_pull(&opening, raw(in_) + kProof, session->receive.data());
  if (!say(fd(), std::string(1, '\1') + proof_of("peer", hellos_, token) + header)) return State::kGone;
  session_.emplace(std::move(socket_), sealing, opening);
  return State::kWelcome;
}

}  // namespace millrace::run::peer
