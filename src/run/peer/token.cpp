// SPDX-License-Identifier: Apache-2.0
#include "run/peer/token.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace millrace::run::peer {
namespace {

constexpr std::size_t kBytes = 32, kLetters = 43;
constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::size_t kMostOfFile = std::size_t{64} * 1024;

// Empty and errno where it cannot be read.
std::string read_some(const std::filesystem::path& file) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return {};
  std::string text(kMostOfFile, '\0');
  const ssize_t got = read(fd, text.data(), text.size());
  const int reason = errno;
  close(fd);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  errno = got < 0 ? reason : 0;
  return text;
}

std::string_view without_line_end(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

bool is_ours_to_write(const std::filesystem::path& file) {
  std::error_code none;
  if (!std::filesystem::exists(std::filesystem::symlink_status(file, none))) return true;
  return std::filesystem::is_regular_file(std::filesystem::symlink_status(file, none)) &&
         Token::parse(without_line_end(read_some(file))).has_value();
}

}  // namespace

Token Token::make() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium finds no source of random numbers");
  unsigned char bytes[kBytes];
  randombytes_buf(bytes, sizeof(bytes));
  std::string text(sodium_base64_encoded_len(kBytes, kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes, sizeof(bytes), kVariant);
  sodium_memzero(bytes, sizeof(bytes));
  text.resize(kLetters);
  return Token(std::move(text));
}

Result<Token> Token::parse(std::string_view text) {
  unsigned char bytes[kBytes];
  std::size_t size = 0;
  const bool whole =
      text.size() == kLetters && sodium_base642bin(bytes, sizeof(bytes), text.data(), text.size(), nullptr,
                                                   &size, nullptr, kVariant) == 0;
  sodium_memzero(bytes, sizeof(bytes));
  if (!whole || size != kBytes)
    return failure("this is no token of a peer: one has 43 letters, digits, '-' and '_'",
                   "`millrace peer --listen` prints it, or writes it with --token-file");
  return Token(std::string(text));
}

std::array<unsigned char, 32> Token::key() const {
  std::array<unsigned char, 32> key{};
  crypto_generichash(key.data(), key.size(), reinterpret_cast<const unsigned char*>(text_.data()),
                     text_.size(), nullptr, 0);
  return key;
}

Result<void> write_token(const Token& token, const std::filesystem::path& file) {
  if (!is_ours_to_write(file))
    return failure(fmt::format("{} is there and holds something else than a token", file.string()),
                   "name a file that does not exist");
  const std::string temporary = fmt::format("{}.{}", file.string(), getpid());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  const std::string line = token.text() + "\n";
  const bool written = fd >= 0 && fchmod(fd, 0600) == 0 &&
                       ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  int reason = errno;
  if (fd >= 0) close(fd);
  if (written && rename(temporary.c_str(), file.c_str()) == 0) return {};
  if (written) reason = errno;
  if (fd >= 0) unlink(temporary.c_str());
  return failure(fmt::format("writing the token to {}: {}", file.string(), std::strerror(reason)),
                 "name a file in a folder that you may write to");
}

void remove_token(const Token& token, const std::filesystem::path& file) {
  if (without_line_end(read_some(file)) == token.text()) unlink(file.c_str());
}

Result<std::vector<Token>> parse_tokens(std::string_view text, std::string_view from_where) {
  std::vector<Token> tokens;
  constexpr std::string_view kSpace = " \t\r\n";
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    if (text.empty()) break;
    const std::string_view word = text.substr(0, text.find_first_of(kSpace));
    text.remove_prefix(word.size());
    auto token = Token::parse(word);
    if (!token) return failure(fmt::format("{}: {}", from_where, token.error().what), token.error().hint);
    tokens.push_back(std::move(*token));
  }
  if (tokens.empty())
    return failure(fmt::format("{} holds no token", from_where),
                   "`millrace peer --listen` prints it, or writes it with --token-file");
  return tokens;
}

Result<std::vector<Token>> read_tokens(const std::filesystem::path& file) {
  const std::string text = read_some(file);
  if (text.empty() && errno != 0)
    return failure(fmt::format("--token-file {}: {}", file.string(), std::strerror(errno)));
  return parse_tokens(text, fmt::format("--token-file {}", file.string()));
}

}  // namespace millrace::run::peer
