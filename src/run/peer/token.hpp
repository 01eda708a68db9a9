// SPDX-License-Identifier: Apache-2.0
// The one-time token that proves to a peer who may use it: 32 random bytes as 43 letters (base64url).
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "units/result.hpp"

namespace millrace::run::peer {

class Token {
 public:
  static Token make();
  static Result<Token> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  // What messages are authenticated with.
  [[nodiscard]] std::array<unsigned char, 32> key() const;

 private:
  explicit Token(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// Writes the token for its owner alone (mode 0600), by rename. A file that is there and holds anything but a
// token is left alone: an Error.
Result<void> write_token(const Token& token, const std::filesystem::path& file);
// Removes the file if it still holds this token.
void remove_token(const Token& token, const std::filesystem::path& file);
// All tokens of a text, apart by white space.
Result<std::vector<Token>> parse_tokens(std::string_view text, std::string_view from_where);
Result<std::vector<Token>> read_tokens(const std::filesystem::path& file);

}  // namespace millrace::run::peer
